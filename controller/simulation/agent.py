"""The OpenFlow 1.3 conversation of one switch on one connection: bytes in, bytes out. Pure."""

from __future__ import annotations

import struct
from collections import deque
from collections.abc import Callable, Iterator
from itertools import count, islice
from typing import Final

from os_ken.ofproto import ofproto_v1_3 as ofp

from controller.domain.rules import Table
from controller.simulation import replies
from controller.simulation.datapath import Datapath
from controller.simulation.faults import FaultKind
from controller.simulation.refusal import Refused
from controller.simulation.requests import (
    read_flow_filter,
    read_flow_mod,
    read_group_mod,
    read_meter_mod,
    read_packet_out,
)
from controller.southbound.openflow.inbound import PacketIn, PortEvent, speaks_our_version
from controller.southbound.openflow.messages import hello
from controller.southbound.openflow.protocol import HEADER, VERSION, Malformed, MessageType, frame, unpack

_ROLE: Final = struct.Struct(ofp.OFP_ROLE_REQUEST_PACK_STR)
_MULTIPART: Final = struct.Struct("!HH4x")
_METER_ID: Final = struct.Struct("!I4x")
_PARTS_AT_ONCE: Final = 16
_FEW_FLOWS: Final = 1000
"""So many, of the largest, fit in the parts of an answer that are sent at once."""


class Agent:
    """Feed ``receive`` with whatever comes in and send what it returns. When ``closed`` is set, send that and
    close the connection; when ``leaving`` is set too, do not connect again before being told to.

    A long answer comes piece by piece: as long as ``says_more``, send what ``say_more`` returns. In between there is
    time for other switches, and for what else the controller asks of this one.
    """

    def __init__(self, datapath: Datapath) -> None:
        self.datapath = datapath
        self.closed = False
        self.leaving = False
        self.accepted = False
        """A controller has answered the hello and taken a role or asked for something: it means to stay."""
        self._role: int = ofp.OFPCR_ROLE_EQUAL
        self._greeted = False
        self._waiting = b""
        self._unsaid: deque[Iterator[bytes]] = deque()
        self._xids = count(1)
        self._changes: dict[int, Callable[[bytes], None]] = {
            ofp.OFPT_FLOW_MOD: self._flow_mod,
            ofp.OFPT_GROUP_MOD: self._group_mod,
            ofp.OFPT_METER_MOD: self._meter_mod,
        }
        self._answers: dict[int, Callable[[int, bytes], bytes]] = {
            ofp.OFPT_ECHO_REQUEST: lambda xid, body: frame(MessageType.ECHO_REPLY, xid, body),
            ofp.OFPT_FEATURES_REQUEST: lambda xid, _: replies.features(xid, datapath.datapath_id),
            ofp.OFPT_GET_CONFIG_REQUEST: lambda xid, _: replies.configuration(xid),
            ofp.OFPT_BARRIER_REQUEST: lambda xid, _: frame(MessageType.BARRIER_REPLY, xid),
            ofp.OFPT_ROLE_REQUEST: self._take_role,
            ofp.OFPT_MULTIPART_REQUEST: self._show,
            ofp.OFPT_PACKET_OUT: self._send_out,
        }

    def greeting(self) -> bytes:
        """What to send first."""
        return hello(next(self._xids))

    def port_status(self, number: int) -> bytes:
        """Tell the controller how a port is now; nothing while the hellos are not exchanged."""
        if not self._greeted:
            return b""
        return replies.port_status(next(self._xids), PortEvent.MODIFIED, self.datapath.port(number))

    def packet_in(self, told: PacketIn, table: Table) -> bytes:
        """Tell the controller of a frame; nothing to one that is not master, or not there yet."""
        if not self._greeted or self._role == ofp.OFPCR_ROLE_SLAVE:
            return b""
        self.datapath.counters["packet-ins"] += 1
        return replies.packet_in(next(self._xids), told, table)

    def receive(self, data: bytes) -> bytes:
        """Carry out all messages that are complete now, and return the answers."""
        data = self._waiting + data
        answers: list[bytes] = []
        start = 0
        while len(data) - start >= HEADER.size and not self.closed:
            version, kind, length, xid = HEADER.unpack_from(data, start)
            if length < HEADER.size:
                self.closed = True  # the next message cannot be found any more
                break
            if len(data) - start < length:
                break
            answers.append(self._handle(version, kind, xid, data[start : start + length]))
            start += length
        self._waiting = data[start:]
        return b"".join(answers)

    @property
    def says_more(self) -> bool:
        return bool(self._unsaid) and not self.closed

    def say_more(self) -> bytes:
        """The next message of what is still to be said; empty when that was all."""
        while self._unsaid:
            message = next(self._unsaid[0], None)
            if message is not None:
                return message
            self._unsaid.popleft()
        return b""

    def _handle(self, version: int, kind: int, xid: int, message: bytes) -> bytes:
        try:
            if kind == ofp.OFPT_HELLO:
                return self._greeted_with(version, xid, message[HEADER.size :])
            if version != VERSION:
                raise Refused(ofp.OFPET_BAD_REQUEST, ofp.OFPBRC_BAD_VERSION)
            if kind in self._changes:
                return self._change(kind, message)
            if kind in self._answers:
                return self._answers[kind](xid, message[HEADER.size :])
            if kind in _NEEDS_NO_ANSWER:
                return b""
            if kind == ofp.OFPT_EXPERIMENTER:
                raise Refused(ofp.OFPET_BAD_REQUEST, ofp.OFPBRC_BAD_EXPERIMENTER)
            raise Refused(ofp.OFPET_BAD_REQUEST, ofp.OFPBRC_BAD_TYPE)
        except Refused as refused:
            self.datapath.counters["errors answered"] += 1
            return replies.error(refused.kind, refused.code, message)
        except Malformed:
            self.datapath.counters["errors answered"] += 1
            return replies.error(ofp.OFPET_BAD_REQUEST, ofp.OFPBRC_BAD_LEN, message)

    def _greeted_with(self, version: int, xid: int, body: bytes) -> bytes:
        self._greeted = speaks_our_version(version, body)
        if self._greeted:
            return b""
        self.closed = True
        return replies.hello_failed(xid)

    def _change(self, kind: int, message: bytes) -> bytes:
        """Carry out a flow-mod, group-mod or meter-mod, unless a fault was ordered for it."""
        if self._role == ofp.OFPCR_ROLE_SLAVE:
            raise Refused(ofp.OFPET_BAD_REQUEST, ofp.OFPBRC_IS_SLAVE)
        self.accepted = True
        fault = self.datapath.faults.next_change()
        if fault is None:
            self._changes[kind](message[HEADER.size :])
            self.datapath.counters[_CHANGE_NAMES[kind]] += 1
            return b""
        self.datapath.counters[f"faults {fault.kind}"] += 1
        if fault.kind is FaultKind.REFUSE:
            raise Refused(*fault.error.value)
        if fault.kind in (FaultKind.HANG_UP, FaultKind.LEAVE):
            self.closed = True
            self.leaving = fault.kind is FaultKind.LEAVE
        return b""

    def _flow_mod(self, body: bytes) -> None:
        self.datapath.tables.change_flow(read_flow_mod(body))

    def _group_mod(self, body: bytes) -> None:
        self.datapath.tables.change_group(read_group_mod(body))

    def _meter_mod(self, body: bytes) -> None:
        self.datapath.tables.change_meter(read_meter_mod(body))

    def _take_role(self, xid: int, body: bytes) -> bytes:
        wanted, generation_id = unpack(_ROLE, body, "role request")
        if wanted in (ofp.OFPCR_ROLE_MASTER, ofp.OFPCR_ROLE_SLAVE):
            if not self.datapath.accept_generation(generation_id):
                raise Refused(ofp.OFPET_ROLE_REQUEST_FAILED, ofp.OFPRRFC_STALE)
        elif wanted not in (ofp.OFPCR_ROLE_NOCHANGE, ofp.OFPCR_ROLE_EQUAL):
            raise Refused(ofp.OFPET_ROLE_REQUEST_FAILED, ofp.OFPRRFC_BAD_ROLE)
        if wanted != ofp.OFPCR_ROLE_NOCHANGE:
            self._role = wanted
            self.accepted = True
        return replies.role(xid, self._role, self.datapath.generation_id)

    def _send_out(self, _: int, body: bytes) -> bytes:
        """A frame goes out of one port, or the message is refused: that is all our controller asks for."""
        if self._role == ofp.OFPCR_ROLE_SLAVE:
            raise Refused(ofp.OFPET_BAD_REQUEST, ofp.OFPBRC_IS_SLAVE)
        port, frame = read_packet_out(body)
        self.datapath.counters["packet-outs"] += 1
        self.datapath.surroundings.on_sent_out(port, frame)
        return b""

    def _show(self, xid: int, body: bytes) -> bytes:
        """Answer a multipart request; each fits in one message, so none of several parts is expected."""
        kind, flags = unpack(_MULTIPART, body, "multipart request")
        if flags:
            raise Refused(ofp.OFPET_BAD_REQUEST, ofp.OFPBRC_MULTIPART_BUFFER_OVERFLOW)
        asked = body[_MULTIPART.size :]
        tables = self.datapath.tables
        match kind:
            case ofp.OFPMP_DESC:
                return replies.description(xid, self.datapath.name, self.datapath.datapath_id)
            case ofp.OFPMP_TABLE:
                return replies.table_statistics(xid, ((table, tables.flow_count(table)) for table in Table))
            case ofp.OFPMP_PORT_DESC:
                return replies.port_descriptions(xid, self.datapath.ports)
            case ofp.OFPMP_FLOW:
                wanted_flows = read_flow_filter(asked)
                self.datapath.surroundings.before_counts()
                flows = list(tables.flows(wanted_flows))  # as they are now, whatever is changed meanwhile
                parts = replies.flow_statistics_parts(xid, flows, self.datapath.seen)
                first = b"".join(islice(parts, _PARTS_AT_ONCE))
                if len(flows) > _FEW_FLOWS:
                    self._unsaid.append(parts)
                return first
            case ofp.OFPMP_GROUP_DESC:
                return replies.group_descriptions(xid, tables.groups())
            case ofp.OFPMP_METER_CONFIG:
                (meter_id,) = unpack(_METER_ID, asked, "meter configuration request")
                wanted = None if meter_id == ofp.OFPM_ALL else meter_id
                return replies.meter_configurations(xid, tables.meters(wanted))
            case _:
                raise Refused(ofp.OFPET_BAD_REQUEST, ofp.OFPBRC_BAD_MULTIPART)


_CHANGE_NAMES: Final = {
    ofp.OFPT_FLOW_MOD: "flow-mods",
    ofp.OFPT_GROUP_MOD: "group-mods",
    ofp.OFPT_METER_MOD: "meter-mods",
}
_NEEDS_NO_ANSWER: Final = frozenset({ofp.OFPT_ERROR, ofp.OFPT_ECHO_REPLY, ofp.OFPT_SET_CONFIG, ofp.OFPT_SET_ASYNC})
