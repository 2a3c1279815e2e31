"""One switch: its rules, and what it does with a frame."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from controller.domain.rules import (
    TOLD_BYTES,
    Action,
    AnswerArp,
    AnswerNeighbour,
    Bucket,
    Change,
    DecTtl,
    FlowRule,
    GoTo,
    GroupKind,
    GroupRule,
    MeterRule,
    Output,
    Police,
    PopTrunk,
    Rule,
    RuleKey,
    SetClass,
    SetGroup,
    SetMacs,
    SetTrunk,
    SetVlan,
    Table,
    TellController,
    Unwrap,
    UseGroup,
    Wrap,
    key_of,
)
from controller.forwarding import frame as frames
from controller.forwarding import packet as packets
from controller.forwarding.lookup import FlowTable, Noted, see
from controller.forwarding.meter import TokenBucket
from controller.forwarding.resolution import answer_arp, answer_solicitation


@dataclass(frozen=True, slots=True)
class Sent:
    """A frame that leaves the switch."""

    port: int
    frame: bytes


class Switch:
    """Rules by key; flows also in the tables that frames are looked up in."""

    def __init__(self, rules: Iterable[Rule] = (), port_up: Callable[[int], bool] = lambda port: True) -> None:
        self.rules: dict[RuleKey, Rule] = {}
        self._port_up = port_up
        self._tables = {table: FlowTable() for table in Table}
        self._meters: dict[int, TokenBucket] = {}
        for rule in rules:
            self.set(rule)

    def set(self, rule: Rule, key: RuleKey | None = None) -> None:
        """Add the rule, in place of the one with its key if there is one. Who knows its key already can say it."""
        key = key_of(rule) if key is None else key
        self.remove(key)
        self.rules[key] = rule
        if isinstance(rule, FlowRule):
            self._tables[rule.table].add(rule)

    def remove(self, key: RuleKey) -> None:
        """Take the rule away; nothing happens when it is not there."""
        rule = self.rules.pop(key, None)
        if isinstance(rule, FlowRule):
            self._tables[rule.table].remove(rule)
        elif isinstance(rule, MeterRule):
            self._meters.pop(rule.meter_id, None)

    def apply(self, change: Change) -> None:
        """Make ``change.after`` true."""
        if change.after is None:
            self.remove(key_of(change.rule))
        else:
            self.set(change.after)

    def receive(
        self,
        in_port: int,
        frame: bytes,
        now_ns: int | None = None,
        on_match: Callable[[FlowRule, int], None] | None = None,
        on_told: Callable[[FlowRule, bytes], None] | None = None,
    ) -> list[Sent]:
        """What leaves the switch when ``frame`` enters at ``in_port``; a frame that no rule matches is dropped.
        Only answers leave by the port it came in by (OpenFlow 1.3.5, 4.5: that takes the reserved port IN_PORT).
        Meters police only when the time is given. ``on_match`` is told each flow that the frame met, and of how many
        bytes it was then; ``on_told`` what the controller is told, and by which flow. Raises ``AmbiguousMatch``."""
        sent: list[Sent] = []
        answers: list[Sent] = []
        noted = Noted()
        table: Table | None = Table.CLASSIFY
        try:
            while table is not None:
                rule = self._tables[table].look_up(see(in_port, frame, noted))
                if rule is None:
                    break
                if on_match is not None:
                    on_match(rule, len(frame))
                table = None
                for action in rule.actions:
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
                        case TellController():
                            if on_told is not None:
                                on_told(rule, frame[:TOLD_BYTES])
                        case SetClass(traffic_class):
                            noted.traffic_class = traffic_class
                        case SetGroup(group):
                            noted.group = group
                        case DecTtl():
                            lowered = packets.lower_hop_limit(frame)
                            if lowered is None:
                                return []
                            frame = lowered
                        case AnswerArp() | AnswerNeighbour():
                            frame = _edit(frame, action)
                            answers.append(Sent(in_port, frame))
                        case _:
                            frame = _edit(frame, action)
        except frames.MalformedFrame:
            return []
        return [*(leaving for leaving in sent if leaving.port != in_port), *answers]

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


def _edit(frame: bytes, action: Action) -> bytes:
    match action:
        case SetVlan(vid):
            return frames.set_vlan(frame, vid)
        case Wrap(service_label, shim, tc):
            return frames.wrap(frame, service_label, shim=shim, tc=tc)
        case SetTrunk(label):
            return frames.set_label(frame, label)
        case PopTrunk():
            return frames.pop_label(frame)
        case Unwrap(shim):
            return frames.unwrap(frame, shim=shim)
        case SetMacs(source, destination):
            return packets.set_macs(frame, source, destination)
        case AnswerArp(mac):
            return answer_arp(frame, mac)
        case AnswerNeighbour(mac):
            return answer_solicitation(frame, mac)
        case _:
            raise frames.MalformedFrame(f"{action} does not edit a frame")
