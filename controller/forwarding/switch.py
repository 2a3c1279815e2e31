"""One switch: its rules, and what it does with a frame."""

from __future__ import annotations

import zlib
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from controller.domain.rules import (
    Action,
    Bucket,
    Change,
    FlowRule,
    GoTo,
    GroupKind,
    GroupRule,
    Match,
    MeterRule,
    Output,
    Police,
    PopTrunk,
    Rule,
    RuleKey,
    SetTrunk,
    SetVlan,
    Table,
    Unwrap,
    UseGroup,
    Wrap,
    key_of,
)
from controller.forwarding import frame as frames
from controller.forwarding.meter import TokenBucket


class AmbiguousMatch(Exception):
    """Two rules of one priority match one frame: what a real switch would do is undefined."""


@dataclass(frozen=True, slots=True)
class Sent:
    """A frame that leaves the switch."""

    port: int
    frame: bytes


_Values = tuple[int | None, int | None, int | None, int | None]
_Shape = tuple[bool, bool, bool, bool]


class Switch:
    """Rules by key, indexed by the fields they match, so that a look-up costs one dictionary access for each
    combination of fields in use (tuple space search, Srinivasan et al. 1999), not one for each rule."""

    def __init__(self, rules: Iterable[Rule] = (), port_up: Callable[[int], bool] = lambda port: True) -> None:
        self.rules: dict[RuleKey, Rule] = {}
        self._port_up = port_up
        self._index: dict[Table, dict[_Shape, dict[_Values, dict[int, FlowRule]]]] = defaultdict(dict)
        self._meters: dict[int, TokenBucket] = {}
        for rule in rules:
            self.set(rule)

    def set(self, rule: Rule) -> None:
        """Add the rule, in place of the one with its key if there is one."""
        self.remove(key_of(rule))
        self.rules[key_of(rule)] = rule
        if isinstance(rule, FlowRule):
            values = _values(rule.match)
            by_values = self._index[rule.table].setdefault(_shape(values), {})
            by_values.setdefault(values, {})[rule.priority] = rule

    def remove(self, key: RuleKey) -> None:
        """Take the rule away; nothing happens when it is not there."""
        rule = self.rules.pop(key, None)
        if isinstance(rule, FlowRule):
            values = _values(rule.match)
            by_values = self._index[rule.table][_shape(values)]
            del by_values[values][rule.priority]
            if not by_values[values]:
                del by_values[values]
        elif isinstance(rule, MeterRule):
            self._meters.pop(rule.meter_id, None)

    def apply(self, change: Change) -> None:
        """Make ``change.after`` true."""
        if change.after is None:
            self.remove(key_of(change.rule))
        else:
            self.set(change.after)

    def receive(self, in_port: int, frame: bytes, now_ns: int | None = None) -> list[Sent]:
        """What leaves the switch when ``frame`` enters at ``in_port``; a frame that no rule matches is dropped.
        Nothing leaves by the port it came in by (OpenFlow 1.3.5, 4.5: that would take the reserved port IN_PORT).
        Meters police only when the time is given. Raises ``AmbiguousMatch``."""
        sent: list[Sent] = []
        table: Table | None = Table.CLASSIFY
        try:
            while table is not None:
                rule = self._look_up(table, in_port, frame)
                table = None
                for action in rule.actions if rule is not None else ():
                    match action:
                        case Police(meter_id):
                            if not self._passes(meter_id, len(frame), now_ns):
                                return []
                        case GoTo(target):
                            table = target
                        case UseGroup(group_id):
                            sent.extend(self._through_group(group_id, frame))
                        case Output(port):
                            sent.append(Sent(port, frame))
                        case _:
                            frame = _edit(frame, action)
        except frames.MalformedFrame:
            return []
        return [leaving for leaving in sent if leaving.port != in_port]

    def _look_up(self, table: Table, in_port: int, frame: bytes) -> FlowRule | None:
        fields = (in_port, frames.ethertype(frame), frames.vlan(frame), frames.outer_label(frame))
        best: FlowRule | None = None
        for shape, by_values in self._index[table].items():
            port, ethertype, vlan, label = (
                value if wanted else None for value, wanted in zip(fields, shape, strict=True)
            )
            candidates = by_values.get((port, ethertype, vlan, label))
            if not candidates:
                continue
            rule = candidates[max(candidates)]
            if best is not None and rule.priority == best.priority:
                raise AmbiguousMatch(f"{best} and {rule} both match")
            if best is None or rule.priority > best.priority:
                best = rule
        return best

    def _passes(self, meter_id: int, frame_bytes: int, now_ns: int | None) -> bool:
        rule = self.rules.get(RuleKey("meter", (meter_id,)))
        if not isinstance(rule, MeterRule):
            return False
        if now_ns is None:
            return True
        bucket = self._meters.setdefault(meter_id, TokenBucket(rule, now_ns))
        return bucket.passes(frame_bytes, now_ns)

    def _through_group(self, group_id: int, frame: bytes) -> list[Sent]:
        group = self.rules.get(RuleKey("group", (group_id,)))
        bucket = self._choose(group, frame) if isinstance(group, GroupRule) else None
        sent = []
        for action in bucket.actions if bucket is not None else ():
            if isinstance(action, Output):
                sent.append(Sent(action.port, frame))
            else:
                frame = _edit(frame, action)
        return sent

    def _choose(self, group: GroupRule, frame: bytes) -> Bucket | None:
        match group.kind:
            case GroupKind.INDIRECT:
                return group.buckets[0]
            case GroupKind.FAST_FAILOVER:
                live = (b for b in group.buckets if b.watch_port is not None and self._port_up(b.watch_port))
                return next(live, None)
            case GroupKind.SELECT:
                point = zlib.crc32(frame) % max(1, sum(bucket.weight for bucket in group.buckets))
                for bucket in group.buckets:
                    point -= bucket.weight
                    if point < 0:
                        return bucket
                return None


def _values(match: Match) -> _Values:
    return (match.in_port, match.ethertype, match.vlan, match.mpls_label)


def _shape(values: _Values) -> _Shape:
    port, ethertype, vlan, label = values
    return (port is not None, ethertype is not None, vlan is not None, label is not None)


def _edit(frame: bytes, action: Action) -> bytes:
    match action:
        case SetVlan(vid):
            return frames.set_vlan(frame, vid)
        case Wrap(service_label, shim):
            return frames.wrap(frame, service_label, shim=shim)
        case SetTrunk(label):
            return frames.set_label(frame, label)
        case PopTrunk():
            return frames.pop_label(frame)
        case Unwrap(shim):
            return frames.unwrap(frame, shim=shim)
        case _:
            raise frames.MalformedFrame(f"{action} does not edit a frame")
