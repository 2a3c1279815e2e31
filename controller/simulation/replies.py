"""What a switch says, in bytes: one function a message. Pure.

os-ken only *reads* these messages (it is a controller's library), so they are laid out here, by its own layouts where
it names them. Section numbers are those of OpenFlow 1.3.5.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from os_ken.ofproto import ofproto_v1_3 as ofp

from controller.domain.rules import FlowRule, GroupRule, Match, MeterRule, Table
from controller.southbound.openflow.inbound import PacketIn, PortEvent
from controller.southbound.openflow.messages import GROUP_TYPES, Command, to_bucket
from controller.southbound.openflow.oxm import encode_match
from controller.southbound.openflow.protocol import HEADER, MULTIPART_MORE, MessageType, frame
from controller.southbound.openflow.readback import FLOW_STATS, GROUP_DESC, METER_BAND, METER_CONFIG
from controller.southbound.openflow.template import fast_flow_mod

_ERROR: Final = struct.Struct("!HH")
_MULTIPART: Final = struct.Struct("!HH4x")
_FEATURES: Final = struct.Struct("!QIBB2xII")
_CONFIG: Final = struct.Struct("!HH")
_PACKET_IN: Final = struct.Struct("!IHBBQ")
_ROLE: Final = struct.Struct(ofp.OFP_ROLE_REQUEST_PACK_STR)
_PORT: Final = struct.Struct(ofp.OFP_PORT_PACK_STR)
_PORT_STATUS: Final = struct.Struct("!B7x")
_DESC: Final = struct.Struct(ofp.OFP_DESC_PACK_STR)
_TABLE_STATS: Final = struct.Struct(ofp.OFP_TABLE_STATS_PACK_STR)

_ERROR_QUOTES_BYTES: Final = 64
"""How much of the offending request an error must quote at least (7.4.4)."""
_FLOW_MOD_FIXED_BYTES: Final = HEADER.size + 40
"""Where in a flow-mod the match begins: from there on a flow's statistics say the same, byte for byte."""
_PART_BYTES: Final = 48 * 1024
"""How full a part of a multipart reply is made; a message holds 64 KiB."""
_CAPABILITIES: Final = ofp.OFPC_FLOW_STATS | ofp.OFPC_TABLE_STATS


@dataclass(frozen=True, slots=True, kw_only=True)
class Port:
    """A port as its switch describes it; ``up``: something that works is plugged in."""

    number: int
    name: str
    up: bool


class Seen(NamedTuple):
    """What a flow has seen: frames, their bytes; and since how long it stands."""

    packets: int = 0
    bytes: int = 0
    age_ns: int = 0


def error(kind: int, code: int, request: bytes) -> bytes:
    """``request`` is the whole message that is refused; the error bears its transaction id (7.4.4)."""
    return frame(MessageType.ERROR, xid_of(request), _ERROR.pack(kind, code) + request[:_ERROR_QUOTES_BYTES])


def hello_failed(xid: int) -> bytes:
    body = _ERROR.pack(ofp.OFPET_HELLO_FAILED, ofp.OFPHFC_INCOMPATIBLE) + b"only OpenFlow 1.3 is spoken here"
    return frame(MessageType.ERROR, xid, body)


def features(xid: int, datapath_id: int) -> bytes:
    """7.3.1: no buffers, our tables, the main connection."""
    return frame(MessageType.FEATURES_REPLY, xid, _FEATURES.pack(datapath_id, 0, len(Table), 0, _CAPABILITIES, 0))


def configuration(xid: int) -> bytes:
    """7.3.2: fragments are not treated specially, nothing of a frame is sent to the controller."""
    return frame_of(ofp.OFPT_GET_CONFIG_REPLY, xid, _CONFIG.pack(ofp.OFPC_FRAG_NORMAL, 0))


def packet_in(xid: int, told: PacketIn, table: int) -> bytes:
    """7.4.1: a flow sent us the frame; there is no buffer that would hold the rest of it."""
    fixed = _PACKET_IN.pack(ofp.OFP_NO_BUFFER, len(told.frame), ofp.OFPR_ACTION, table, told.cookie)
    return frame(MessageType.PACKET_IN, xid, fixed + encode_match(Match(in_port=told.port)) + b"\0\0" + told.frame)


def role(xid: int, held: int, generation_id: int) -> bytes:
    """7.3.9."""
    return frame(MessageType.ROLE_REPLY, xid, _ROLE.pack(held, generation_id))


def port_status(xid: int, event: PortEvent, port: Port) -> bytes:
    """7.4.3."""
    return frame(MessageType.PORT_STATUS, xid, _PORT_STATUS.pack(event) + _port(port))


def description(xid: int, name: str, datapath_id: int) -> bytes:
    """7.3.5.1."""
    words = ("Trunkline", "simulated switch", "controller.simulation", f"{datapath_id:016x}", name)
    body = _DESC.pack(*(word.encode("ascii", "replace")[:31] for word in words))
    return b"".join(_multipart(ofp.OFPMP_DESC, xid, [body]))


def table_statistics(xid: int, flows: Iterable[tuple[Table, int]]) -> bytes:
    """7.3.5.4; look-ups are not counted."""
    return b"".join(_multipart(ofp.OFPMP_TABLE, xid, (_TABLE_STATS.pack(table, count, 0, 0) for table, count in flows)))


def port_descriptions(xid: int, ports: Iterable[Port]) -> bytes:
    """7.3.5.7."""
    return b"".join(_multipart(ofp.OFPMP_PORT_DESC, xid, map(_port, ports)))


def flow_statistics(
    xid: int, rules: Iterable[FlowRule], seen: Callable[[FlowRule], Seen] = lambda rule: Seen()
) -> bytes:
    """7.3.5.2, all messages of it."""
    return b"".join(flow_statistics_parts(xid, rules, seen))


def flow_statistics_parts(
    xid: int, rules: Iterable[FlowRule], seen: Callable[[FlowRule], Seen] = lambda rule: Seen()
) -> Iterator[bytes]:
    """The messages of it, each made when it is asked for."""
    return _multipart(ofp.OFPMP_FLOW, xid, (_flow(rule, seen(rule)) for rule in rules))


def group_descriptions(xid: int, groups: Iterable[GroupRule]) -> bytes:
    """7.3.5.10."""
    return b"".join(_multipart(ofp.OFPMP_GROUP_DESC, xid, map(_group, groups)))


def meter_configurations(xid: int, meters: Iterable[MeterRule]) -> bytes:
    """7.3.5.13."""
    return b"".join(_multipart(ofp.OFPMP_METER_CONFIG, xid, map(_meter, meters)))


def frame_of(kind: int, xid: int, body: bytes = b"") -> bytes:
    """A message of a type that only switches and their tests need, by its number."""
    return HEADER.pack(ofp.OFP_VERSION, kind, HEADER.size + len(body), xid) + body


def xid_of(message: bytes) -> int:
    xid: int = HEADER.unpack_from(message)[3]
    return xid


def _multipart(kind: int, xid: int, entries: Iterable[bytes]) -> Iterator[bytes]:
    """The messages of one reply; all but the last say that more follows."""
    part: list[bytes] = []
    size = 0
    for entry in entries:
        if size + len(entry) > _PART_BYTES and part:
            yield frame(MessageType.MULTIPART_REPLY, xid, _MULTIPART.pack(kind, MULTIPART_MORE) + b"".join(part))
            part, size = [], 0
        part.append(entry)
        size += len(entry)
    yield frame(MessageType.MULTIPART_REPLY, xid, _MULTIPART.pack(kind, 0) + b"".join(part))


def _flow(rule: FlowRule, seen: Seen) -> bytes:
    what = fast_flow_mod(Command.ADD, rule, 0)[_FLOW_MOD_FIXED_BYTES:]
    size = FLOW_STATS.size + len(what)
    age_s, age_ns = divmod(seen.age_ns, 10**9)
    stands = FLOW_STATS.pack(
        size, rule.table, age_s, age_ns, rule.priority, 0, 0, 0, rule.cookie, seen.packets, seen.bytes
    )
    return stands + what


def _group(rule: GroupRule) -> bytes:
    buckets = bytearray()
    for bucket in rule.buckets:
        to_bucket(bucket).serialize(buckets, len(buckets))
    size = GROUP_DESC.size + len(buckets)
    return GROUP_DESC.pack(size, GROUP_TYPES[rule.kind], rule.group_id) + bytes(buckets)


def _meter(rule: MeterRule) -> bytes:
    band = METER_BAND.pack(ofp.OFPMBT_DROP, METER_BAND.size, rule.rate_kbps, rule.burst_kbits)
    return METER_CONFIG.pack(METER_CONFIG.size + len(band), ofp.OFPMF_KBPS | ofp.OFPMF_BURST, rule.meter_id) + band


def _port(port: Port) -> bytes:
    # Locally administered, and different for every port of a switch; nobody sends to it.
    address: bytes = b"\x02\x54\x4c" + (port.number & 0xFFFFFF).to_bytes(3, "big")
    state = ofp.OFPPS_LIVE if port.up else ofp.OFPPS_LINK_DOWN
    name: Any = port.name.encode("ascii", "replace")[:15]
    return _PORT.pack(port.number, address, name, 0, state, 0, 0, 0, 0, 0, 0)
