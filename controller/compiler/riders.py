"""From a rule on a device to the lines that depend on it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from controller.compiler.planner import Planner
from controller.domain.intents import IntentKey
from controller.domain.rules import Change, CrossConnect, FlowRule, GroupRule, MeterRule, Owner, Rule, owner_of

NOBODY: frozenset[IntentKey] = frozenset()


class Riders:
    """Of one device, as things are placed now; made for one answer and thrown away. Takes a look at every line."""

    def __init__(self, planner: Planner, device: str) -> None:
        self._by_number: dict[int, IntentKey] = {}
        self._by_label: defaultdict[int, set[IntentKey]] = defaultdict(set)
        self._by_meter: dict[int, IntentKey] = {}
        self._by_group: defaultdict[int, set[IntentKey]] = defaultdict(set)
        node_of = {name: site.node for name, site in planner.topology.site.items()}
        for key, placed in planner.lines.items():
            self._by_number[placed.number] = key
            for label in placed.trunks_ridden:
                self._by_label[label].add(key)
            for end, meter_id in ((placed.line.a, placed.meter_id.a_to_z), (placed.line.z, placed.meter_id.z_to_a)):
                if node_of[end.site] == device:
                    self._by_meter[meter_id] = key
            for pair_key in placed.pairs_ridden:
                pair = planner.pairs[pair_key]
                if pair.head == device:
                    self._by_group[pair.group_id].add(key)
        for label, trunk in planner.trunks.items():
            if trunk.route.nodes[0] == device:
                self._by_group[trunk.group_id].update(self._by_label.get(label, NOBODY))

    def of(self, changes: Iterable[Change]) -> frozenset[IntentKey]:
        """The lines that depend on what stands where these changes are due, before or after."""
        found: set[IntentKey] = set()
        for change in changes:
            for rule in (change.before, change.after):
                if rule is not None:
                    found.update(self._of_rule(rule))
        return frozenset(found)

    def _of_rule(self, rule: Rule) -> Iterable[IntentKey]:
        match rule:
            case MeterRule():
                return _one(self._by_meter, rule.meter_id)
            case GroupRule():
                return self._by_group.get(rule.group_id, NOBODY)
            case FlowRule() | CrossConnect():
                owner = owner_of(rule.cookie)
                if owner is None:
                    return NOBODY
                kind, number = owner
                if kind is Owner.TRUNK:
                    return self._by_label.get(number, NOBODY)
                return _one(self._by_number, number) if kind is Owner.LINE else NOBODY


def _one(keys: dict[int, IntentKey], number: int) -> frozenset[IntentKey]:
    return frozenset((keys[number],)) if number in keys else NOBODY
