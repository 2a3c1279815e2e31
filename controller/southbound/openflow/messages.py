"""What we send, in bytes: one function a message, each with the transaction id (xid) to bear.

Bulk flow-mods take the faster way through ``template``, which yields the same bytes.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Any, Final

from os_ken.ofproto import ofproto_v1_3 as ofp
from os_ken.ofproto import ofproto_v1_3_parser as parser

from controller.domain.rules import Bucket, FlowRule, GroupKind, GroupRule, Match, MeterRule
from controller.southbound.openflow.action_parts import to_actions
from controller.southbound.openflow.actions import to_instructions
from controller.southbound.openflow.oxm import in_range, to_match
from controller.southbound.openflow.protocol import CODEC, VERSION, MessageType, frame, to_bytes

ALL_BITS: Final = (1 << 64) - 1
EVERYTHING: Final = Match()
ALL_TABLES: Final[int] = ofp.OFPTT_ALL


class Command(IntEnum):
    """What a flow-mod, group-mod or meter-mod asks for; the numbers are those of the latter two. To a flow ``ADD`` and
    ``MODIFY`` are the same; a meter or group that exists refuses ``ADD``, one that does not refuses ``MODIFY``."""

    ADD = 0
    MODIFY = 1
    DELETE = 2


def hello(xid: int) -> bytes:
    return to_bytes(parser.OFPHello(CODEC, [parser.OFPHelloElemVersionBitmap([VERSION])]), xid)


def hello_failed(xid: int, text: str) -> bytes:
    message = parser.OFPErrorMsg(CODEC, ofp.OFPET_HELLO_FAILED, ofp.OFPHFC_INCOMPATIBLE, text.encode("ascii"))
    return to_bytes(message, xid)


def features_request(xid: int) -> bytes:
    return to_bytes(parser.OFPFeaturesRequest(CODEC), xid)


def role_request(xid: int, generation_id: int) -> bytes:
    """Ask to be MASTER; the switch refuses a ``generation_id`` older than one that it has seen."""
    return to_bytes(parser.OFPRoleRequest(CODEC, ofp.OFPCR_ROLE_MASTER, generation_id), xid)


def echo_request(xid: int) -> bytes:
    return to_bytes(parser.OFPEchoRequest(CODEC), xid)


def echo_reply(xid: int, payload: bytes) -> bytes:
    return frame(MessageType.ECHO_REPLY, xid, payload)


def barrier_request(xid: int) -> bytes:
    return to_bytes(parser.OFPBarrierRequest(CODEC), xid)


def flow_mod(command: Command, rule: FlowRule, xid: int) -> bytes:
    """Set or delete one flow, found by table, priority and match.

    An OpenFlow "modify" keeps the old cookie and does nothing when there is no such flow, so both ``ADD`` and
    ``MODIFY`` are an add, which replaces the flow in one step. A deletion names the cookie too: somebody
    else's flow with the same match stays.
    """
    deletes = command is Command.DELETE
    message = parser.OFPFlowMod(
        CODEC,
        cookie=rule.cookie,
        cookie_mask=ALL_BITS if deletes else 0,
        table_id=int(rule.table),
        command=ofp.OFPFC_DELETE_STRICT if deletes else ofp.OFPFC_ADD,
        priority=in_range(rule.priority, 0, 0xFFFF, "priority"),
        buffer_id=ofp.OFP_NO_BUFFER,
        out_port=ofp.OFPP_ANY,
        out_group=ofp.OFPG_ANY,
        match=to_match(rule.match),
        instructions=[] if deletes else to_instructions(rule.actions),
    )
    return to_bytes(message, xid)


def meter_mod(command: Command, rule: MeterRule, xid: int) -> bytes:
    in_range(rule.meter_id, 1, ofp.OFPM_MAX, "meter")
    flags = ofp.OFPMF_KBPS | ofp.OFPMF_BURST
    bands = [parser.OFPMeterBandDrop(rate=rule.rate_kbps, burst_size=rule.burst_kbits)]
    message = parser.OFPMeterMod(CODEC, int(command), flags, rule.meter_id, [] if command is Command.DELETE else bands)
    return to_bytes(message, xid)


GROUP_TYPES: Final = {
    GroupKind.INDIRECT: ofp.OFPGT_INDIRECT,
    GroupKind.FAST_FAILOVER: ofp.OFPGT_FF,
    GroupKind.SELECT: ofp.OFPGT_SELECT,
}


def group_mod(command: Command, rule: GroupRule, xid: int) -> bytes:
    """OpenFlow 1.3 cannot say *how* a select group selects: that is the switch's choice (1.5 has a property for it)."""
    in_range(rule.group_id, 0, ofp.OFPG_MAX, "group")
    buckets = [] if command is Command.DELETE else [to_bucket(bucket) for bucket in rule.buckets]
    return to_bytes(parser.OFPGroupMod(CODEC, int(command), GROUP_TYPES[rule.kind], rule.group_id, buckets), xid)


def to_bucket(bucket: Bucket) -> Any:
    """The os-ken bucket."""
    watched = ofp.OFPP_ANY if bucket.watch_port is None else bucket.watch_port
    actions = [part for action in bucket.actions for part in to_actions(action)]
    return parser.OFPBucket(weight=bucket.weight, watch_port=watched, watch_group=ofp.OFPG_ANY, actions=actions)


def packet_out(port: int, frame: bytes, xid: int) -> bytes:
    """Have the switch send a frame out of a port, past all its tables."""
    actions = [parser.OFPActionOutput(in_range(port, 1, ofp.OFPP_MAX, "port"), 0)]
    message = parser.OFPPacketOut(CODEC, ofp.OFP_NO_BUFFER, ofp.OFPP_CONTROLLER, actions, frame)
    return to_bytes(message, xid)


def flow_stats_request(
    xid: int, cookie: int = 0, cookie_mask: int = 0, table: int = ALL_TABLES, match: Match = EVERYTHING
) -> bytes:
    """Ask for the flows of a table, or of all, whose cookie is ``cookie`` under ``cookie_mask`` (without a mask, for
    all) and that ask for what ``match`` does or for more."""
    message = parser.OFPFlowStatsRequest(
        CODEC, 0, table, ofp.OFPP_ANY, ofp.OFPG_ANY, cookie, cookie_mask, to_match(match)
    )
    return to_bytes(message, xid)


def port_desc_request(xid: int) -> bytes:
    return to_bytes(parser.OFPPortDescStatsRequest(CODEC, 0), xid)


def group_desc_request(xid: int) -> bytes:
    return to_bytes(parser.OFPGroupDescStatsRequest(CODEC, 0), xid)


def meter_config_request(xid: int, meter_id: int = ofp.OFPM_ALL) -> bytes:
    return to_bytes(parser.OFPMeterConfigStatsRequest(CODEC, 0, meter_id), xid)
