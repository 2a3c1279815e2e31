"""What a switch says it holds, back into rules: flow statistics, group descriptions, meter configurations.

Each function takes the parts of one multipart reply (the bodies after the 16 bytes of header). ``Malformed``
when the lengths do not fit. The reading is strict: a rule equals the one we sent only if the switch holds exactly that.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from typing import Final

from os_ken.ofproto import ofproto_v1_3 as ofp

from controller.domain.foreign import UNTAGGED, ForeignRule, PortUse, foreign_flow
from controller.domain.rules import (
    Action,
    Bucket,
    FlowRule,
    GroupKind,
    GroupRule,
    Match,
    MeterRule,
    Opaque,
    RuleKey,
    Table,
    key_of,
    owner_of,
)
from controller.southbound.driver import FlowCount
from controller.southbound.openflow.actions import decode_actions, decode_instructions
from controller.southbound.openflow.match_words import describe_match, exact_fields
from controller.southbound.openflow.messages import GROUP_TYPES
from controller.southbound.openflow.oxm import NotOurs, decode_match, split_match
from controller.southbound.openflow.protocol import elements

FLOW_STATS: Final = struct.Struct("!HBxIIHHHH4xQQQ")
"""length, table, duration s and ns, priority, idle and hard timeout s, flags, cookie, packets, bytes; match and
instructions follow"""
GROUP_DESC: Final = struct.Struct("!HBxI")
"""length, type, group; the buckets follow"""
BUCKET: Final = struct.Struct("!HHII4x")
"""length, weight, watched port, watched group; the actions follow"""
METER_CONFIG: Final = struct.Struct("!HHI")
"""length, flags, meter; the bands follow"""
METER_BAND: Final = struct.Struct("!HHII4x")
"""type, length, rate, burst"""

_LENGTH: Final = struct.Struct("!H")
_BAND_HEADER: Final = struct.Struct("!HH")

UNKNOWN_METER_KBPS: Final = 0
"""The rate reported for a meter that is not one drop band in kbps with a burst: no rule of ours has it."""

_GROUP_KINDS: Final = {number: kind for kind, number in GROUP_TYPES.items()}


def read_flows(parts: Iterable[bytes]) -> Iterator[FlowRule | ForeignRule]:
    """Every flow of a flow statistics reply: a rule of ours when it bears a cookie of ours, a foreign one when it does
    not (or when no rule could have made it: a table or a match that we never use)."""
    for part in parts:
        for entry in _entries(part):
            yield _flow(entry)


def _flow(entry: bytes) -> FlowRule | ForeignRule:
    _, table, _, _, priority, idle_s, hard_s, flags, cookie, _, _ = FLOW_STATS.unpack_from(entry)
    fields, instructions = split_match(entry[FLOW_STATS.size :])
    actions = decode_instructions(instructions)
    if idle_s or hard_s or flags:
        actions += (Opaque(f"idle_timeout={idle_s} hard_timeout={hard_s} flags={flags:#x}"),)
    match = _match_of_ours(table, fields)
    if match is not None:
        rule = FlowRule(cookie=cookie, table=Table(table), priority=priority, match=match, actions=actions)
        if owner_of(cookie) is not None:
            return rule
    doing = ", ".join(_say(action) for action in actions) if actions else "drop"
    words = f"flow table={table} priority={priority} cookie={cookie:#x}: {describe_match(fields)} -> {doing}"
    matched = exact_fields(fields)
    return foreign_flow(
        words,
        actions,
        _entered(matched.get("in_port"), matched.get("vlan_vid"), tagged="vlan_vid" in matched),
        () if (label := matched.get("mpls_label")) is None else (label,),
        None if match is None else rule,
    )


def _match_of_ours(table: int, fields: bytes) -> Match | None:
    """The match, if a rule of ours could bear it in this table."""
    try:
        return decode_match(fields) if table in Table._value2member_map_ else None
    except NotOurs:
        return None


def _entered(in_port: int | None, vlan_vid: int | None, *, tagged: bool) -> PortUse | None:
    """What a flow takes by port and tag; ``vlan_vid`` as OpenFlow has it: 0 for no tag, ``None`` beside ``tagged`` for
    one of several. A flow that asks for neither takes nothing by them."""
    vlan = None if vlan_vid is None else UNTAGGED if vlan_vid == 0 else vlan_vid & 0xFFF
    return None if in_port is None and not tagged else PortUse(port=in_port, vlan=vlan)


def read_counts(parts: Iterable[bytes]) -> Iterator[tuple[RuleKey, FlowCount]]:
    """What each flow of ours in a flow statistics reply has carried."""
    for part in parts:
        for entry in _entries(part):
            _, table, age_s, age_ns, priority, _, _, _, cookie, packets, octets = FLOW_STATS.unpack_from(entry)
            match = _match_of_ours(table, split_match(entry[FLOW_STATS.size :])[0])
            if match is not None and owner_of(cookie) is not None:
                rule = FlowRule(cookie=cookie, table=Table(table), priority=priority, match=match, actions=())
                count = FlowCount(bytes=octets, packets=packets, seconds=age_s + age_ns / 1e9)
                yield key_of(rule), count


def _entries(part: bytes) -> Iterator[bytes]:
    return elements(part, "flow statistics", header=_LENGTH, smallest=FLOW_STATS.size + 8, step=8)


def _say(action: Action) -> str:
    return action.words if isinstance(action, Opaque) else str(action)


def read_groups(parts: Iterable[bytes]) -> Iterator[GroupRule]:
    """Every group: it bears no cookie, so whose it is only its number can tell."""
    for part in parts:
        for entry in elements(part, "group descriptions", header=_LENGTH, smallest=GROUP_DESC.size):
            _, kind, group_id = GROUP_DESC.unpack_from(entry)
            yield decode_group(kind, group_id, entry[GROUP_DESC.size :])


def decode_group(kind: int, group_id: int, buckets: bytes) -> GroupRule:
    """A group from its OpenFlow type and its buckets, which look the same in a group-mod and in a description."""
    cut = elements(buckets, "buckets", header=_LENGTH, smallest=BUCKET.size, step=8)
    found = tuple(_bucket(kind, bucket) for bucket in cut)
    if kind in _GROUP_KINDS:
        return GroupRule(group_id=group_id, kind=_GROUP_KINDS[kind], buckets=found)
    odd = Bucket(actions=(Opaque(f"group type {kind}"),))
    return GroupRule(group_id=group_id, kind=GroupKind.INDIRECT, buckets=(odd, *found))


def _bucket(kind: int, entry: bytes) -> Bucket:
    _, weight, watch_port, watch_group = BUCKET.unpack_from(entry)
    actions = decode_actions(entry[BUCKET.size :])
    if watch_group != ofp.OFPG_ANY:
        actions += (Opaque(f"watch_group={watch_group}"),)
    return Bucket(
        actions=actions,
        watch_port=None if watch_port == ofp.OFPP_ANY else watch_port,
        weight=weight if kind == ofp.OFPGT_SELECT else 0,
    )


def read_meters(parts: Iterable[bytes]) -> Iterator[MeterRule]:
    """Every meter; one that does not police as ours do has the rate ``UNKNOWN_METER_KBPS``."""
    for part in parts:
        for entry in elements(part, "meter configurations", header=_LENGTH, smallest=METER_CONFIG.size):
            _, flags, meter_id = METER_CONFIG.unpack_from(entry)
            yield decode_meter(flags, meter_id, entry[METER_CONFIG.size :])


def decode_meter(flags: int, meter_id: int, bands: bytes) -> MeterRule:
    """A meter from its flags and bands, which look the same in a meter-mod and in a configuration."""
    cut = list(elements(bands, "bands", header=_BAND_HEADER, smallest=METER_BAND.size))
    if flags & ~ofp.OFPMF_STATS == ofp.OFPMF_KBPS | ofp.OFPMF_BURST and len(cut) == 1:
        kind, _, rate_kbps, burst_kbits = METER_BAND.unpack_from(cut[0])
        if kind == ofp.OFPMBT_DROP:
            return MeterRule(meter_id=meter_id, rate_kbps=rate_kbps, burst_kbits=burst_kbits)
    return MeterRule(meter_id=meter_id, rate_kbps=UNKNOWN_METER_KBPS, burst_kbits=0)
