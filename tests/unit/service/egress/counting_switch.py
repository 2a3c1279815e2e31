"""A switch that counts what its steering rules carry: true rates by slice in, counters out."""

from __future__ import annotations

from controller.domain.egress import TrafficClass
from controller.domain.prefixes import ANY_IPV4
from controller.domain.rules import FlowRule, Match, SourceSlice, Table, key_of
from controller.domain.steering import SLICES, PacketClass
from controller.service.egress.counters import CounterReading
from controller.southbound.driver import FlowCount

ENTRY_PRIORITY = 100


def steering_rule(group, traffic_class, source=None, version=ANY_IPV4):
    """As the compiler writes them: those of slices stand before the one for all others, the narrow ones first."""
    priority = ENTRY_PRIORITY + (0 if source is None else source.width)
    match = Match(group=group, traffic_class=int(PacketClass.of(traffic_class)), ip_dst=version, source=source)
    return FlowRule(cookie=0, table=Table.STEER, priority=priority, match=match, actions=())


def takes(rule, number):
    source = rule.match.source
    return source is None or number % (1 << source.width) == source.value


class CountingSwitch:
    """``clock_s`` is its own; ``bps`` what it is sent, by (group, class): of each slice."""

    def __init__(self):
        self.clock_s = 0.0
        self.bps = {}
        self._rules = {}

    def send(self, group, bps, traffic_class=TrafficClass.BULK):
        self.bps[group, traffic_class] = tuple(bps)

    def install(self, *rules):
        for rule in rules:
            self._rules[rule] = [0.0, self.clock_s]

    def remove(self, *rules):
        for rule in rules:
            del self._rules[rule]

    def restart(self):
        """Rules come back as they were, and count anew."""
        self.install(*self._rules)

    def run(self, seconds):
        self.clock_s += seconds
        for (group, traffic_class), slices in self.bps.items():
            for number, bps in enumerate(slices):
                rule = self._winner(group, traffic_class, number)
                if rule is not None:
                    self._rules[rule][0] += bps * seconds / 8

    def _winner(self, group, traffic_class, number):
        known = (group, int(PacketClass.of(traffic_class)))
        able = [
            rule
            for rule in self._rules
            if (rule.match.group, rule.match.traffic_class) == known and takes(rule, number)
        ]
        return max(able, key=lambda rule: rule.priority, default=None)

    def reading(self, taken_s=None):
        return CounterReading(
            taken_s=self.clock_s if taken_s is None else taken_s,
            counts={
                key_of(rule): FlowCount(bytes=round(count), packets=0, seconds=self.clock_s - since)
                for rule, (count, since) in self._rules.items()
            },
        )


def equally(bps):
    return (bps,) * SLICES


def sliced(*values, width=4):
    """Sources of so many slices."""
    return [SourceSlice(value, width) for value in values]
