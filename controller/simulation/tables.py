"""The rules of one simulated switch, and what a controller's changes do to them. Pure.

OpenFlow's own rules are kept (1.3.5, section 6): a change that is refused changes nothing; a meter or group
that goes takes with it the flows that use it.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TypeVar

from os_ken.ofproto import ofproto_v1_3 as ofp

from controller.domain.rules import (
    FlowRule,
    GoTo,
    GroupRule,
    MeterRule,
    Output,
    Police,
    Rule,
    RuleKey,
    Table,
    UseGroup,
    key_of,
)
from controller.forwarding.switch import Switch
from controller.simulation.counting import FlowCounters
from controller.simulation.covering import covers
from controller.simulation.flow_index import FlowIndex
from controller.simulation.refusal import Refused
from controller.simulation.requests import FlowCommand, FlowFilter, FlowMod, GroupMod, MeterMod
from controller.simulation.surroundings import Surroundings
from controller.southbound.openflow.messages import Command

R = TypeVar("R", FlowRule, GroupRule, MeterRule)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How many rules the switch has room for; flows are counted for each table by itself."""

    flows: int = 1_000_000
    groups: int = 65_536
    meters: int = 65_536


class Tables:
    """``switch`` forwards by exactly the rules that stand here, ``counters`` say what their flows have seen."""

    def __init__(self, surroundings: Surroundings | None = None) -> None:
        self._around = Surroundings() if surroundings is None else surroundings
        self.switch = Switch(port_up=self._around.port_up)
        self.counters = FlowCounters()
        self.limits = Limits()
        self._index = FlowIndex()
        self._count: Counter[Table | type[Rule]] = Counter()
        """Flows by table, groups and meters by type."""
        self._users: defaultdict[RuleKey, set[RuleKey]] = defaultdict(set)
        """Which flows use a meter or group, so that taking it away need not search all flows."""

    def flows(self, wanted: FlowFilter) -> Iterator[FlowRule]:
        return (rule for rule in self._index.candidates(wanted.table, wanted.match) if _meant(rule, wanted))

    def groups(self) -> Iterator[GroupRule]:
        return self._all(GroupRule)

    def meters(self, meter_id: int | None = None) -> Iterator[MeterRule]:
        """All meters, or the one asked for (``Refused`` when it does not exist)."""
        if meter_id is None:
            return self._all(MeterRule)
        rule = self.switch.rules.get(_meter_key(meter_id))
        if not isinstance(rule, MeterRule):
            raise Refused(ofp.OFPET_METER_MOD_FAILED, ofp.OFPMMFC_UNKNOWN_METER)
        return iter((rule,))

    def flow_count(self, table: Table) -> int:
        return self._count[table]

    def change_flow(self, mod: FlowMod) -> None:
        """Carry out a flow-mod, whole or (``Refused``) not at all."""
        self._around.before_change()
        match mod.command:
            case FlowCommand.ADD:
                self._add_flow(mod)
            case FlowCommand.MODIFY | FlowCommand.MODIFY_STRICT:
                chosen = self._chosen(mod.chooses())
                for flow in chosen:
                    self._check_actions(flow.table, mod)
                for flow in chosen:
                    self._put(replace(flow, actions=mod.actions))
                    if mod.resets_counts:
                        self.counters.begin(key_of(flow), self._around.now_ns())
            case FlowCommand.DELETE | FlowCommand.DELETE_STRICT:
                for flow in self._chosen(mod.chooses()):
                    self._remove(flow)

    def change_group(self, mod: GroupMod) -> None:
        """Carry out a group-mod, whole or (``Refused``) not at all."""
        self._around.before_change()
        if mod.group is None:
            chosen = self._all(GroupRule) if mod.group_id is None else self._existing(_group_key(mod.group_id))
            for group in list(chosen):
                self._remove_with_users(group)
            return
        exists = key_of(mod.group) in self.switch.rules
        if mod.command is Command.ADD and exists:
            raise Refused(ofp.OFPET_GROUP_MOD_FAILED, ofp.OFPGMFC_GROUP_EXISTS)
        if mod.command is Command.MODIFY and not exists:
            raise Refused(ofp.OFPET_GROUP_MOD_FAILED, ofp.OFPGMFC_UNKNOWN_GROUP)
        if not exists and self._count[GroupRule] >= self.limits.groups:
            raise Refused(ofp.OFPET_GROUP_MOD_FAILED, ofp.OFPGMFC_OUT_OF_GROUPS)
        self._put(mod.group)

    def change_meter(self, mod: MeterMod) -> None:
        """Carry out a meter-mod, whole or (``Refused``) not at all."""
        self._around.before_change()
        if mod.meter is None:
            chosen = self._all(MeterRule) if mod.meter_id is None else self._existing(_meter_key(mod.meter_id))
            for meter in list(chosen):
                self._remove_with_users(meter)
            return
        exists = key_of(mod.meter) in self.switch.rules
        if mod.command is Command.ADD and exists:
            raise Refused(ofp.OFPET_METER_MOD_FAILED, ofp.OFPMMFC_METER_EXISTS)
        if mod.command is Command.MODIFY and not exists:
            raise Refused(ofp.OFPET_METER_MOD_FAILED, ofp.OFPMMFC_UNKNOWN_METER)
        if not exists and self._count[MeterRule] >= self.limits.meters:
            raise Refused(ofp.OFPET_METER_MOD_FAILED, ofp.OFPMMFC_OUT_OF_METERS)
        self._put(mod.meter)

    def _add_flow(self, mod: FlowMod) -> None:
        if mod.table is None:
            raise Refused(ofp.OFPET_FLOW_MOD_FAILED, ofp.OFPFMFC_BAD_TABLE_ID)
        self._check_actions(mod.table, mod)
        rule, key = mod.flow()
        is_new = key not in self.switch.rules
        if is_new and self._count[mod.table] >= self.limits.flows:
            raise Refused(ofp.OFPET_FLOW_MOD_FAILED, ofp.OFPFMFC_TABLE_FULL)
        self._put(rule, key)
        if is_new or mod.resets_counts:
            self.counters.begin(key, self._around.now_ns())

    def _check_actions(self, table: Table, mod: FlowMod) -> None:
        """``Refused``, as by Open vSwitch, when an action names what does not exist, or a table that was passed."""
        for action in mod.actions:
            if isinstance(action, Police) and _meter_key(action.meter_id) not in self.switch.rules:
                raise Refused(ofp.OFPET_METER_MOD_FAILED, ofp.OFPMMFC_INVALID_METER)
            if isinstance(action, UseGroup) and _group_key(action.group_id) not in self.switch.rules:
                raise Refused(ofp.OFPET_BAD_ACTION, ofp.OFPBAC_BAD_OUT_GROUP)
            if isinstance(action, GoTo) and action.table <= table:
                raise Refused(ofp.OFPET_BAD_INSTRUCTION, ofp.OFPBIC_BAD_TABLE_ID)

    def _put(self, rule: Rule, key: RuleKey | None = None) -> None:
        key = key_of(rule) if key is None else key
        before = self.switch.rules.get(key)
        if before is not None:
            self._take_out(before)
        for used in _uses(rule):
            self._users[used].add(key)
        self._count[_room(rule)] += 1
        self.switch.set(rule, key)
        if isinstance(rule, FlowRule):
            self._index.put(key, rule)

    def _remove(self, rule: Rule) -> None:
        self._take_out(rule)
        self.counters.end(key_of(rule))

    def _take_out(self, rule: Rule) -> None:
        key = key_of(rule)
        for used in _uses(rule):
            self._users[used].discard(key)
        self._count[_room(rule)] -= 1
        self.switch.remove(key)
        if isinstance(rule, FlowRule):
            self._index.take_out(key, rule)

    def _remove_with_users(self, rule: Rule) -> None:
        for user in list(self._users[key_of(rule)]):
            self._remove(self.switch.rules[user])
        del self._users[key_of(rule)]
        self._remove(rule)

    def _chosen(self, wanted: FlowFilter) -> list[FlowRule]:
        if wanted.priority is None or wanted.table is None:
            return list(self.flows(wanted))
        # Strict: there is one candidate at most, and its key is known.
        likeness = FlowRule(cookie=0, table=wanted.table, priority=wanted.priority, match=wanted.match, actions=())
        found = self.switch.rules.get(key_of(likeness))
        return [found] if isinstance(found, FlowRule) and _meant(found, wanted) else []

    def _existing(self, key: RuleKey) -> Iterator[Rule]:
        rule = self.switch.rules.get(key)
        return iter(() if rule is None else (rule,))

    def _all(self, kind: type[R]) -> Iterator[R]:
        return (rule for rule in self.switch.rules.values() if isinstance(rule, kind))


def _meant(rule: FlowRule, wanted: FlowFilter) -> bool:
    if wanted.table is not None and rule.table is not wanted.table:
        return False
    if (rule.cookie ^ wanted.cookie) & wanted.cookie_mask:
        return False
    if wanted.priority is not None:
        if rule.priority != wanted.priority or rule.match != wanted.match:
            return False
    elif not covers(wanted.match, rule.match):
        return False
    if wanted.out_port is not None and Output(wanted.out_port) not in rule.actions:
        return False
    return wanted.out_group is None or UseGroup(wanted.out_group) in rule.actions


def _room(rule: Rule) -> Table | type[Rule]:
    """What is counted together against a limit."""
    return rule.table if isinstance(rule, FlowRule) else type(rule)


def _uses(rule: Rule) -> Iterator[RuleKey]:
    for action in rule.actions if isinstance(rule, FlowRule) else ():
        if isinstance(action, Police):
            yield _meter_key(action.meter_id)
        elif isinstance(action, UseGroup):
            yield _group_key(action.group_id)


def _meter_key(meter_id: int) -> RuleKey:
    return RuleKey("meter", (meter_id,))


def _group_key(group_id: int) -> RuleKey:
    return RuleKey("group", (group_id,))
