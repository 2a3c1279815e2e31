"""One simulated switch, as much of it as outlives a connection. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Final

from controller.domain.rule_words import rule_words
from controller.domain.rules import FlowRule, Rule, RuleKey, key_of
from controller.simulation.faults import FaultPlan
from controller.simulation.replies import Port, Seen
from controller.simulation.surroundings import Surroundings
from controller.simulation.tables import Tables

_GENERATION_HALF: Final = 1 << 63


class Datapath:
    """Rules, ports, the latest generation id of a controller, and faults that are ordered.

    Rules stay when the controller goes (fail secure) and are lost by ``restart``.
    """

    def __init__(
        self, name: str, datapath_id: int, ports: Iterable[int], surroundings: Surroundings | None = None
    ) -> None:
        self.name = name
        self.datapath_id = datapath_id
        self.faults = FaultPlan()
        self.surroundings = Surroundings() if surroundings is None else surroundings
        self.tables = Tables(self.surroundings)
        self.counters: Counter[str] = Counter()
        """Events since the process began: connections, changes by type, errors answered."""
        self._numbers = tuple(sorted(ports))
        self._generation_id: int | None = None

    def restart(self) -> None:
        """Lose what is lost with the power: rules, and what was known of controllers. Limits belong to the hardware."""
        self.surroundings.before_change()
        limits = self.tables.limits
        self.tables = Tables(self.surroundings)
        self.tables.limits = limits
        self._generation_id = None

    def accept_generation(self, generation_id: int) -> bool:
        """Whether a controller with this generation id may be master or slave; an older one than seen before may not.
        The comparison is circular, as OpenFlow 1.3.5 has it (6.3.5)."""
        seen = self._generation_id
        if seen is not None and (generation_id - seen) % (1 << 64) >= _GENERATION_HALF:
            return False
        self._generation_id = generation_id
        return True

    @property
    def generation_id(self) -> int:
        """The latest that a controller bore; all ones before the first (OpenFlow 1.3.5, 7.3.9)."""
        return (1 << 64) - 1 if self._generation_id is None else self._generation_id

    def port(self, number: int) -> Port:
        return Port(number=number, name=f"port{number}", up=self.surroundings.port_up(number))

    @property
    def ports(self) -> tuple[Port, ...]:
        return tuple(self.port(number) for number in self._numbers)

    def seen(self, flow: FlowRule) -> Seen:
        """What a flow has seen; after ``surroundings.before_counts``, up to now."""
        key = key_of(flow)
        count = self.tables.counters.count(key)
        return Seen(count.packets, count.bytes, self.tables.counters.age_ns(key, self.surroundings.now_ns()))

    def dump(self) -> list[str]:
        """Every rule as one line of text, in the order of tables and descending priority, as a person looks for it."""
        rules = self.tables.switch.rules
        return [_whole(rules[key]) for key in sorted(rules, key=_reading_order)]


def _reading_order(key: RuleKey) -> tuple[str, tuple[int, ...]]:
    if key.kind != "flow":
        return key.kind, key.id
    table, priority, *match = key.id
    return key.kind, (table, -priority, *match)


def _whole(rule: Rule) -> str:
    """A rule in words, and of a flow what the words leave out."""
    if not isinstance(rule, FlowRule):
        return rule_words(rule)
    return f"{rule.table.name} priority={rule.priority} cookie={rule.cookie:#018x} {rule_words(rule)}"
