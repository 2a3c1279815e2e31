"""What a switch tells by itself of changes of its flows, if it can: flow monitoring, ONF extension 187.

Open vSwitch has it for OpenFlow 1.3 since 2.17, under the extension's numbers and with a match as in OpenFlow 1.4. It
tells nothing of meters and groups, and a switch without it answers with an error: reading finds these changes later.
What is changed over the connection that asked is told as well, but only by the transaction's id, in 32 bytes.
"""

from __future__ import annotations

import struct
from typing import Final

from os_ken.ofproto import ofproto_v1_3 as ofp
from os_ken.ofproto.ofproto_common import ONF_EXPERIMENTER_ID

from controller.domain.rules import Table, owner_of
from controller.southbound.openflow.oxm import NotOurs, decode_match, split_match
from controller.southbound.openflow.protocol import Malformed, MessageType, elements, frame, unpack

UNASKED_XID: Final = 0
"""The transaction id of what no request asked for."""

_MULTIPART: Final = struct.Struct("!HH4x")
_EXPERIMENTER: Final = struct.Struct("!II")
_REQUEST: Final = struct.Struct("!IHHIB3x")
"""monitor, flags, length of the match, output port, table; the match follows"""
_ANY_MATCH: Final = struct.pack("!HH4x", ofp.OFPMT_OXM, 4)
_LENGTH: Final = struct.Struct("!H")
_EVENT: Final = struct.Struct("!HH")
_FULL: Final = struct.Struct("!HHHHHHHBxQ")
"""length, event, reason, priority, idle and hard timeout, length of the match, table, cookie; the match follows"""
_FLAGS: Final = ofp.ONFFMF_ADD | ofp.ONFFMF_DELETE | ofp.ONFFMF_MODIFY


def flow_monitor_request(xid: int) -> bytes:
    """Ask to be told of every flow that comes, goes or changes from now on, for as long as the connection lasts."""
    body = (
        _MULTIPART.pack(ofp.OFPMP_EXPERIMENTER, 0)
        + _EXPERIMENTER.pack(ONF_EXPERIMENTER_ID, ofp.ONFMP_FLOW_MONITOR)
        + _REQUEST.pack(1, _FLAGS, 4, ofp.OFPP_ANY, ofp.OFPTT_ALL)
        + _ANY_MATCH
    )
    return frame(MessageType.MULTIPART_REQUEST, xid, body)


def changed_by_others(body: bytes) -> bool:
    """Whether a multipart reply that nobody asked for tells that somebody else has changed a flow that is ours, or one
    that stands where a flow of ours may stand and so may have replaced it. ``Malformed`` when lengths do not fit."""
    kind, _ = unpack(_MULTIPART, body, "multipart reply")
    if kind != ofp.OFPMP_EXPERIMENTER:
        return False
    what = unpack(_EXPERIMENTER, body[_MULTIPART.size :], "experimenter multipart reply")
    if what != (ONF_EXPERIMENTER_ID, ofp.ONFMP_FLOW_MONITOR):
        return False
    updates = body[_MULTIPART.size + _EXPERIMENTER.size :]
    found = False
    for update in elements(updates, "flow updates", header=_LENGTH, smallest=8, step=8):
        _, event = _EVENT.unpack_from(update)
        found |= event != ofp.ONFFME_ABBREV and _concerns_us(update)
    return found


def _concerns_us(update: bytes) -> bool:
    *_, table, cookie = unpack(_FULL, update, "flow update")
    if owner_of(cookie) is not None:
        return True
    if len(update) < _FULL.size + len(_ANY_MATCH):
        raise Malformed("flow update: without a match")
    fields, _ = split_match(update[_FULL.size :])
    try:
        decode_match(fields)
    except NotOurs:
        return False
    return table in Table._value2member_map_
