"""What a controller asks a switch to change or to show: bytes of one message -> values. Pure.

A simulated switch knows the vocabulary of ``controller.domain.rules`` and nothing beyond. A change that says more (a
match or an action of another kind, a timeout) is refused with the error of a switch that lacks the feature: a switch
that took such a rule and then forwarded by another would prove nothing. Cookies are free, so rules of
other owners exist.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache
from typing import Final

from os_ken.ofproto import ofproto_v1_3 as ofp

from controller.domain.rules import (
    Action,
    FlowRule,
    GroupKind,
    GroupRule,
    Match,
    MeterRule,
    Opaque,
    Output,
    RuleKey,
    SetTrunk,
    Table,
    key_of,
)
from controller.simulation.refusal import Refused
from controller.southbound.openflow.actions import decode_actions, decode_instructions
from controller.southbound.openflow.messages import GROUP_TYPES, Command
from controller.southbound.openflow.oxm import (
    CLASS_MASK,
    GROUP_MASK,
    MAX_DSCP,
    MAX_LABEL,
    MAX_VLAN,
    MIN_ETH_TYPE,
    NotOurs,
    decode_match,
    split_match,
)
from controller.southbound.openflow.protocol import elements, unpack
from controller.southbound.openflow.readback import METER_BAND, read_groups

_FLOW_MOD: Final = struct.Struct("!QQBBHHHIIIH2x")
_GROUP_MOD: Final = struct.Struct("!HBxI")
_METER_MOD: Final = struct.Struct("!HHI")
_PACKET_OUT: Final = struct.Struct("!IIH6x")
_FLOW_STATS: Final = struct.Struct("!B3xII4xQQ")
_INSTRUCTION: Final = struct.Struct("!HH")
_BAND: Final = struct.Struct("!HH")
_LABEL_NEEDS: Final = bytes.fromhex("80000a028847")
"""What must stand in a match that names an MPLS label: ``eth_type=0x8847``."""

# Neither changes what a flow does.
_HARMLESS_FLAGS: Final = ofp.OFPFF_RESET_COUNTS | ofp.OFPFF_NO_PKT_COUNTS | ofp.OFPFF_NO_BYT_COUNTS


# A routing table is the same at many switches: each of its flows is one value then, however many have it.
MOST_ROUTES: Final = 1 << 18

# Flows that only pass on or deliver say the same thousands of times.
_actions_of: Final = lru_cache(maxsize=4096)(decode_instructions)


class FlowCommand(IntEnum):
    ADD = 0
    MODIFY = 1
    MODIFY_STRICT = 2
    DELETE = 3
    DELETE_STRICT = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowFilter:
    """Which flows are meant. ``table``, ``out_port``, ``out_group``: ``None`` means any. ``priority`` is given only
    when the match must be the very same (strict), else every flow that ``match`` covers is meant."""

    table: Table | None
    match: Match
    cookie: int
    cookie_mask: int
    out_port: int | None
    out_group: int | None
    priority: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowMod:
    """``cookie``, ``actions`` and ``resets_counts`` are for adding and modifying: the flow that was there before keeps
    its counters otherwise. ``table`` is ``None`` for all (only to delete)."""

    command: FlowCommand
    table: Table | None
    priority: int
    match: Match
    cookie: int
    cookie_mask: int
    out_port: int | None
    out_group: int | None
    actions: tuple[Action, ...]
    resets_counts: bool = False

    def flow(self) -> tuple[FlowRule, RuleKey]:
        """The flow that an addition adds; ``table`` must be one."""
        assert self.table is not None
        build = _route if self.table is Table.ROUTE else _flow
        return build(self.cookie, self.table, self.priority, self.match, self.actions)

    def chooses(self) -> FlowFilter:
        """The flows that a modify or delete means."""
        strict = self.command in (FlowCommand.MODIFY_STRICT, FlowCommand.DELETE_STRICT)
        deletes = self.command in (FlowCommand.DELETE, FlowCommand.DELETE_STRICT)
        return FlowFilter(
            table=self.table,
            match=self.match,
            cookie=self.cookie,
            cookie_mask=self.cookie_mask,
            out_port=self.out_port if deletes else None,
            out_group=self.out_group if deletes else None,
            priority=self.priority if strict else None,
        )


def _flow(
    cookie: int, table: Table, priority: int, match: Match, actions: tuple[Action, ...]
) -> tuple[FlowRule, RuleKey]:
    rule = FlowRule(cookie=cookie, table=table, priority=priority, match=match, actions=actions)
    return rule, key_of(rule)


_route: Final = lru_cache(maxsize=MOST_ROUTES)(_flow)


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupMod:
    """``group_id`` is ``None`` for all and ``group`` for a deletion."""

    command: Command
    group_id: int | None
    group: GroupRule | None


@dataclass(frozen=True, slots=True, kw_only=True)
class MeterMod:
    """``meter_id`` is ``None`` for all and ``meter`` for a deletion."""

    command: Command
    meter_id: int | None
    meter: MeterRule | None


def read_flow_mod(body: bytes) -> FlowMod:
    """``Refused`` or ``Malformed`` when there is no such flow-mod in this switch's vocabulary."""
    (cookie, cookie_mask, table, command, idle_s, hard_s, priority, _, out_port, out_group, flags) = unpack(
        _FLOW_MOD, body, "flow-mod"
    )
    if command not in FlowCommand._value2member_map_:
        raise Refused(ofp.OFPET_FLOW_MOD_FAILED, ofp.OFPFMFC_BAD_COMMAND)
    deletes = command >= FlowCommand.DELETE
    fields, instructions = split_match(body[_FLOW_MOD.size :])
    actions: tuple[Action, ...] = ()
    if not deletes:
        if idle_s or hard_s:
            raise Refused(ofp.OFPET_FLOW_MOD_FAILED, ofp.OFPFMFC_BAD_TIMEOUT)
        if flags & ~_HARMLESS_FLAGS:
            raise Refused(ofp.OFPET_FLOW_MOD_FAILED, ofp.OFPFMFC_BAD_FLAGS)
        actions = _actions_of(instructions)
        if any(isinstance(action, Opaque) for action in actions):
            raise _unknown_instruction(instructions)
    return FlowMod(
        command=FlowCommand(command),
        table=_table(table, all_allowed=deletes),
        priority=priority,
        match=_route_match(fields) if table == Table.ROUTE else _match(fields),
        cookie=cookie,
        cookie_mask=cookie_mask,
        out_port=None if out_port == ofp.OFPP_ANY else out_port,
        out_group=None if out_group == ofp.OFPG_ANY else out_group,
        actions=actions,
        resets_counts=bool(flags & ofp.OFPFF_RESET_COUNTS),
    )


def read_group_mod(body: bytes) -> GroupMod:
    """``Refused`` or ``Malformed`` when there is no such group-mod in this switch's vocabulary."""
    number, kind, group_id = unpack(_GROUP_MOD, body, "group-mod")
    if number not in Command._value2member_map_:
        raise Refused(ofp.OFPET_GROUP_MOD_FAILED, ofp.OFPGMFC_BAD_COMMAND)
    command = Command(number)
    if command is Command.DELETE:
        return GroupMod(command=command, group_id=None if group_id == ofp.OFPG_ALL else group_id, group=None)
    if group_id > ofp.OFPG_MAX:
        raise Refused(ofp.OFPET_GROUP_MOD_FAILED, ofp.OFPGMFC_INVALID_GROUP)
    if kind not in GROUP_TYPES.values():
        raise Refused(ofp.OFPET_GROUP_MOD_FAILED, ofp.OFPGMFC_BAD_TYPE)
    # A group-mod is a group description but for its first two bytes, which are the length there.
    [group] = read_groups([struct.pack("!H", len(body)) + body[2:]])
    _check_buckets(group)
    return GroupMod(command=command, group_id=group_id, group=group)


def read_meter_mod(body: bytes) -> MeterMod:
    """``Refused`` or ``Malformed`` when there is no such meter-mod in this switch's vocabulary."""
    number, flags, meter_id = unpack(_METER_MOD, body, "meter-mod")
    if number not in Command._value2member_map_:
        raise Refused(ofp.OFPET_METER_MOD_FAILED, ofp.OFPMMFC_BAD_COMMAND)
    command = Command(number)
    if command is Command.DELETE:
        return MeterMod(command=command, meter_id=None if meter_id == ofp.OFPM_ALL else meter_id, meter=None)
    if not 1 <= meter_id <= ofp.OFPM_MAX:
        raise Refused(ofp.OFPET_METER_MOD_FAILED, ofp.OFPMMFC_INVALID_METER)
    if flags & ~ofp.OFPMF_STATS != ofp.OFPMF_KBPS | ofp.OFPMF_BURST:
        raise Refused(ofp.OFPET_METER_MOD_FAILED, ofp.OFPMMFC_BAD_FLAGS)
    bands = list(elements(body[_METER_MOD.size :], "bands", header=_BAND, smallest=METER_BAND.size))
    if len(bands) != 1:
        raise Refused(ofp.OFPET_METER_MOD_FAILED, ofp.OFPMMFC_OUT_OF_BANDS)
    band_type, _, rate_kbps, burst_kbits = unpack(METER_BAND, bands[0], "band")
    if band_type != ofp.OFPMBT_DROP:
        raise Refused(ofp.OFPET_METER_MOD_FAILED, ofp.OFPMMFC_BAD_BAND)
    meter = MeterRule(meter_id=meter_id, rate_kbps=rate_kbps, burst_kbits=burst_kbits)
    return MeterMod(command=command, meter_id=meter_id, meter=meter)


def read_packet_out(body: bytes) -> tuple[int, bytes]:
    """(port, frame): ``Refused`` when it asks for anything but sending the frame, which it bears, out of one port."""
    buffer_id, _, actions_bytes = unpack(_PACKET_OUT, body, "packet-out")
    rest = body[_PACKET_OUT.size :]
    if buffer_id != ofp.OFP_NO_BUFFER:
        raise Refused(ofp.OFPET_BAD_REQUEST, ofp.OFPBRC_BUFFER_UNKNOWN)
    if actions_bytes > len(rest):
        raise Refused(ofp.OFPET_BAD_REQUEST, ofp.OFPBRC_BAD_LEN)
    match decode_actions(rest[:actions_bytes]):
        case (Output(port),):
            return port, rest[actions_bytes:]
        case _:
            raise Refused(ofp.OFPET_BAD_ACTION, ofp.OFPBAC_BAD_TYPE)


def read_flow_filter(body: bytes) -> FlowFilter:
    """Which flows a flow statistics request asks for."""
    table, out_port, out_group, cookie, cookie_mask = unpack(_FLOW_STATS, body, "flow statistics request")
    fields, _ = split_match(body[_FLOW_STATS.size :])
    return FlowFilter(
        table=_table(table, all_allowed=True),
        match=_match(fields),
        cookie=cookie,
        cookie_mask=cookie_mask,
        out_port=None if out_port == ofp.OFPP_ANY else out_port,
        out_group=None if out_group == ofp.OFPG_ANY else out_group,
    )


def _table(number: int, *, all_allowed: bool) -> Table | None:
    if number == ofp.OFPTT_ALL and all_allowed:
        return None
    if number not in Table._value2member_map_:
        raise Refused(ofp.OFPET_FLOW_MOD_FAILED, ofp.OFPFMFC_BAD_TABLE_ID)
    return Table(number)


def _match(fields: bytes) -> Match:
    try:
        match = decode_match(fields)
    except NotOurs:
        raise Refused(ofp.OFPET_BAD_MATCH, ofp.OFPBMC_BAD_FIELD) from None
    if match.in_port is not None and not 1 <= match.in_port <= ofp.OFPP_MAX:
        raise Refused(ofp.OFPET_BAD_MATCH, ofp.OFPBMC_BAD_VALUE)
    if match.ethertype is not None and match.ethertype < MIN_ETH_TYPE:
        raise Refused(ofp.OFPET_BAD_MATCH, ofp.OFPBMC_BAD_VALUE)
    if match.vlan is not None and not 1 <= match.vlan <= MAX_VLAN:
        raise Refused(ofp.OFPET_BAD_MATCH, ofp.OFPBMC_BAD_VALUE)
    if match.dscp is not None and match.dscp > MAX_DSCP:
        raise Refused(ofp.OFPET_BAD_MATCH, ofp.OFPBMC_BAD_VALUE)
    if match.mpls_label is not None:
        if match.mpls_label > MAX_LABEL:
            raise Refused(ofp.OFPET_BAD_MATCH, ofp.OFPBMC_BAD_VALUE)
        if _LABEL_NEEDS not in fields:
            raise Refused(ofp.OFPET_BAD_MATCH, ofp.OFPBMC_BAD_PREREQ)
    return match


_route_match: Final = lru_cache(maxsize=MOST_ROUTES)(_match)


def _unknown_instruction(instructions: bytes) -> Refused:
    """Which error says best what in these instructions is beyond this switch."""
    for kind, body in _instructions(instructions):
        if kind == ofp.OFPIT_GOTO_TABLE and body[:1] and body[0] not in Table._value2member_map_:
            return Refused(ofp.OFPET_BAD_INSTRUCTION, ofp.OFPBIC_BAD_TABLE_ID)
        if kind == ofp.OFPIT_WRITE_METADATA and int.from_bytes(body[-8:], "big") not in (CLASS_MASK, GROUP_MASK):
            return Refused(ofp.OFPET_BAD_INSTRUCTION, ofp.OFPBIC_UNSUP_METADATA_MASK)
        if kind not in (ofp.OFPIT_METER, ofp.OFPIT_GOTO_TABLE, ofp.OFPIT_APPLY_ACTIONS, ofp.OFPIT_WRITE_METADATA):
            return Refused(ofp.OFPET_BAD_INSTRUCTION, ofp.OFPBIC_UNSUP_INST)
    return Refused(ofp.OFPET_BAD_ACTION, ofp.OFPBAC_BAD_TYPE)


def _instructions(data: bytes) -> Iterator[tuple[int, bytes]]:
    for part in elements(data, "instructions", header=_INSTRUCTION, smallest=8, step=8):
        yield _INSTRUCTION.unpack_from(part)[0], part[_INSTRUCTION.size :]


def _check_buckets(group: GroupRule) -> None:
    """``Refused`` when the group's type cannot have these buckets, or one does more than a bucket may."""
    failed = ofp.OFPET_GROUP_MOD_FAILED
    if group.kind is GroupKind.INDIRECT and len(group.buckets) != 1:
        raise Refused(failed, ofp.OFPGMFC_INVALID_GROUP)
    for bucket in group.buckets:
        if not all(isinstance(action, SetTrunk | Output) for action in bucket.actions):
            raise Refused(failed, ofp.OFPGMFC_BAD_BUCKET)
        if (bucket.watch_port is not None) is not (group.kind is GroupKind.FAST_FAILOVER):
            raise Refused(failed, ofp.OFPGMFC_BAD_WATCH)
