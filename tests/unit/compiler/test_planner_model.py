"""The planner against a model that only knows which lines there are, over long histories of plans, adopted or not,
deletions, restarts, and numbers that others use on the devices."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from installation import restarted
from strategies import batches, resolve, topologies

from controller.compiler.planner import Planner
from controller.compiler.pools import shim_label
from controller.domain.rules import Bucket, GroupKind, GroupRule, MeterRule, Output
from controller.domain.topology import PerDirection
from controller.domain.validation import check_conflicts


class PlannerMachine(RuleBasedStateMachine):
    @initialize(topology=topologies(max_nodes=4))
    def start(self, topology):
        self.topology = topology
        self.planner = Planner(topology)
        self.lines = {}
        self.given_back = set()
        self.others_meters = set()
        self.others_groups = set()

    @rule(batch=batches)
    def apply(self, batch):
        wanted, unwanted = resolve(batch, self.lines, self.topology)
        before = dict(self.planner.lines)
        labels = self.labels()
        plan = self.planner.plan(wanted, unwanted)
        self.planner.adopt(plan)
        for line, verdict in zip(wanted, plan.verdicts, strict=True):
            if verdict.feasible:
                self.lines[line.key] = line
            elif line.key in before:
                assert self.planner.lines[line.key] == before[line.key]
        for key in unwanted:
            del self.lines[key]
        for key in before.keys() - {line.key for line in wanted} - set(unwanted):
            assert self.planner.lines[key] == before[key]
        self.check_fresh(self.labels() - labels)
        self.given_back |= labels - self.labels()

    @rule(batch=batches)
    def plan_only(self, batch):
        self.planner.plan(*resolve(batch, self.lines, self.topology))

    @precondition(lambda self: self.lines)
    @rule(data=st.data())
    def delete(self, data):
        keys = data.draw(st.lists(st.sampled_from(sorted(self.lines)), unique=True, min_size=1))
        labels = self.labels()
        plan = self.planner.plan((), keys)
        self.planner.adopt(plan)
        for key in keys:
            del self.lines[key]
        self.given_back |= labels - self.labels()

    @rule()
    def restart(self):
        self.planner = restarted(self.planner)
        self.given_back.clear()
        for node, number in self.others_meters:
            self.planner.keep_clear(node, [foreign_meter(number)])
        for node, number in self.others_groups:
            self.planner.keep_clear(node, [foreign_group(number)])

    @rule(data=st.data(), number=st.integers(1, 12))
    def somebody_else_appears(self, data, number):
        node = data.draw(st.sampled_from([node.name for node in self.topology.nodes]))
        if (node, number) not in self.meters():
            self.others_meters.add((node, number))
            self.planner.keep_clear(node, [foreign_meter(number)])
        if (node, number) not in self.groups():
            self.others_groups.add((node, number))
            self.planner.keep_clear(node, [foreign_group(number)])

    @invariant()
    def lines_are_those_of_the_model(self):
        assert {key: placed.line for key, placed in self.planner.lines.items()} == self.lines
        assert check_conflicts(list(self.lines.values())) == []

    @invariant()
    def every_number_names_one_thing(self):
        placed = list(self.planner.lines.values())
        assert len({line.number for line in placed}) == len(placed)
        service_labels = [
            both for line in placed for label in line.service_label for both in (label, shim_label(label))
        ]
        assert len(set(service_labels)) == len(service_labels)
        assert set(service_labels).isdisjoint(self.planner.trunks)
        assert len(self.meters()) == 2 * len(placed)
        assert len(self.groups()) == len(self.planner.trunks) + len(self.planner.pairs)
        assert len({trunk.route for trunk in self.planner.trunks.values()}) == len(self.planner.trunks)
        assert self.meters().isdisjoint(self.others_meters)
        assert self.groups().isdisjoint(self.others_groups)

    @invariant()
    def trunks_are_those_that_lines_ride(self):
        trunks, pairs = self.planner.trunks, self.planner.pairs
        for placed in self.planner.lines.values():
            routes = [*placed.routes, None][:2]  # without protection there is no second one
            for label, route in zip((placed.trunk_label, placed.protect_label), routes, strict=True):
                if route is None or not route.links:
                    assert label == PerDirection(0, 0)
                else:
                    assert (trunks[label.a_to_z].route, trunks[label.z_to_a].route) == (route, route.reversed)
            if all(placed.protect_label):
                there, back = zip(placed.trunk_label, placed.protect_label, strict=True)
                assert pairs[there].head == placed.working.route.nodes[0]
                assert pairs[back].head == placed.working.route.nodes[-1]
        assert {key for placed in self.planner.lines.values() for key in placed.pairs_ridden} == pairs.keys()
        assert {label for placed in self.planner.lines.values() for label in placed.trunks_ridden} == trunks.keys()

    @invariant()
    def what_devices_should_hold_follows(self):
        scratch = restarted(self.planner)
        assert scratch.desired == self.planner.desired
        assert scratch.plan(()).links == self.planner.plan(()).links

    def check_fresh(self, labels):
        """A label that was given back rests; only a restart, by which its packets are long gone, forgets that."""
        assert labels.isdisjoint(self.given_back)

    def labels(self):
        return {*self.planner.trunks, *(label for line in self.planner.lines.values() for label in line.service_label)}

    def meters(self):
        site = self.topology.site
        return {
            (site[end.site].node, meter_id)
            for placed in self.planner.lines.values()
            for end, meter_id in zip((placed.line.a, placed.line.z), placed.meter_id, strict=True)
        }

    def groups(self):
        return {
            *((trunk.route.nodes[0], trunk.group_id) for trunk in self.planner.trunks.values()),
            *((pair.head, pair.group_id) for pair in self.planner.pairs.values()),
        }


def foreign_meter(number):
    return MeterRule(meter_id=number, rate_kbps=7, burst_kbits=7)


def foreign_group(number):
    return GroupRule(group_id=number, kind=GroupKind.INDIRECT, buckets=(Bucket(actions=(Output(999),)),))


# The random state machine is run by pytest under this name.
TestPlanner = PlannerMachine.TestCase
