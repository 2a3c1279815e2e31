"""Rules and changes <-> compact JSON: what the journal keeps of a device's changes.

An action is ``["Police", 5]`` or ``["PopTrunk"]``; a rule names its kind first. A match of frames is a list of four, as
in journals of all versions; one that asks for more says by name what it asks for. Short: 10,000 lines are 120,000
rules, and a node may have 100,000 prefixes.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import fields
from typing import Any, get_args

from controller.domain import rules
from controller.domain.otn import OduType
from controller.domain.prefixes import Prefix
from controller.domain.rules import (
    Action,
    Bucket,
    Change,
    ClientEnd,
    CrossConnect,
    CrossConnectEnd,
    EchoReply,
    FlowRule,
    GroupKind,
    GroupRule,
    LineEnd,
    Match,
    MeterRule,
    Opaque,
    Rule,
    SourceSlice,
)

_FRAME_FIELDS = ("in_port", "ethertype", "vlan", "mpls_label")
_MATCH_FIELDS = tuple(field.name for field in fields(Match))
_ACTIONS: dict[str, type[Action]] = {action.__name__: action for action in get_args(Action)}


def dump_changes(changes: Iterable[Change]) -> str:
    return json.dumps([[_rule(change.before), _rule(change.after)] for change in changes], separators=(",", ":"))


def load_changes(text: str) -> tuple[Change, ...]:
    return tuple(Change(before=_read_rule(before), after=_read_rule(after)) for before, after in json.loads(text))


def dump_rule(rule: Rule) -> str:
    return json.dumps(_rule(rule), separators=(",", ":"))


def load_rule(text: str) -> Rule:
    rule = _read_rule(json.loads(text))
    assert rule is not None
    return rule


def _rule(rule: Rule | None) -> list[Any] | None:
    match rule:
        case None:
            return None
        case FlowRule():
            return ["flow", rule.cookie, rule.table, rule.priority, _match(rule.match), _actions(rule.actions)]
        case MeterRule():
            return ["meter", rule.meter_id, rule.rate_kbps, rule.burst_kbits]
        case GroupRule():
            buckets = [[_actions(bucket.actions), bucket.watch_port, bucket.weight] for bucket in rule.buckets]
            return ["group", rule.group_id, rule.kind, buckets]
        case CrossConnect():
            odu = [rule.odu.words] if isinstance(rule.odu, Opaque) else rule.odu
            return ["cross-connect", rule.cookie, rule.number, odu, _end(rule.a), _end(rule.z), rule.extra]


def _read_rule(saved: list[Any] | None) -> Rule | None:
    if saved is None:
        return None
    kind, *values = saved
    if kind == "flow":
        owner, table, priority, match, actions = values
        return FlowRule(
            cookie=owner,
            table=rules.Table(table),
            priority=priority,
            match=_read_match(match),
            actions=_read_actions(actions),
        )
    if kind == "meter":
        return MeterRule(meter_id=values[0], rate_kbps=values[1], burst_kbits=values[2])
    if kind == "cross-connect":
        owner, number, odu, a, z, extra = values
        return CrossConnect(
            cookie=owner,
            number=number,
            odu=Opaque(*odu) if isinstance(odu, list) else OduType(odu),
            a=_read_end(a),
            z=_read_end(z),
            extra=tuple(extra),
        )
    group_id, group_kind, buckets = values
    return GroupRule(
        group_id=group_id,
        kind=GroupKind(group_kind),
        buckets=tuple(
            Bucket(actions=_read_actions(actions), watch_port=watch_port, weight=weight)
            for actions, watch_port, weight in buckets
        ),
    )


def _match(match: Match) -> list[int | None] | dict[str, Any]:
    asked = {name: value for name in _MATCH_FIELDS if (value := getattr(match, name)) is not None}
    return asked if asked.keys() - _FRAME_FIELDS else [getattr(match, name) for name in _FRAME_FIELDS]


def _read_match(saved: list[int | None] | dict[str, Any]) -> Match:
    if isinstance(saved, list):
        in_port, ethertype, vlan, label = saved
        return Match(in_port=in_port, ethertype=ethertype, vlan=vlan, mpls_label=label)
    if "ip_dst" in saved:
        saved["ip_dst"] = Prefix(*saved["ip_dst"])
    if "source" in saved:
        source = saved["source"]
        saved["source"] = Prefix(*source) if len(source) == len(Prefix._fields) else SourceSlice(*source)
    if "echo_reply" in saved:
        saved["echo_reply"] = EchoReply(*saved["echo_reply"])
    return Match(**saved)


def _end(end: CrossConnectEnd) -> list[Any]:
    match end:
        case ClientEnd():
            return ["client", end.port]
        case LineEnd():
            return ["line", end.port, end.tributary_port, end.slots]
        case Opaque(words):
            return ["opaque", words]


def _read_end(saved: list[Any]) -> CrossConnectEnd:
    match saved:
        case ["client", port]:
            return ClientEnd(port=port)
        case ["line", port, tributary_port, slots]:
            return LineEnd(port=port, tributary_port=tributary_port, slots=tuple(slots))
        case _:
            return Opaque(saved[1])


def _actions(actions: tuple[Action, ...]) -> list[list[Any]]:
    return [[type(action).__name__, *(getattr(action, name) for name in action.__slots__)] for action in actions]


def _read_actions(saved: list[list[Any]]) -> tuple[Action, ...]:
    return tuple(
        rules.GoTo(rules.Table(values[0])) if name == "GoTo" else _ACTIONS[name](*values) for name, *values in saved
    )
