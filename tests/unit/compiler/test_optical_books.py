"""Slots, client ports and cross-connects: nobody has what another has, all is given back, and both ends fit."""

from __future__ import annotations

from collections import Counter
from itertools import chain

from hypothesis import given, settings
from hypothesis import strategies as st
from installation import restarted
from test_optical_decisions import history

from controller.compiler.plan import RoundKind
from controller.domain.rules import ClientEnd, CrossConnect, FlowRule, GroupRule, LineEnd, Op, key_of
from controller.domain.topology import Role

seeds = st.integers(0, 2**32 - 1)


def circuits_of(lines):
    """Each circuit once, by all that it is."""
    return set(chain.from_iterable(placed.circuits for placed in lines))


def nothing_twice(circuits):
    taken = Counter()
    for circuit in circuits:
        taken["number", circuit.number] += 1
        taken[circuit.entry] += 1
        taken[circuit.exit] += 1
        for use in circuit.slots:
            assert use.tributary_port in use.slots
            taken.update((use.link, slot) for slot in use.slots)
    assert max(taken.values(), default=1) == 1, taken.most_common(3)


@given(seeds)
def test_nothing_is_held_twice_not_even_while_a_plan_is_carried_out(seed):
    for planner, _, _, _, plan in history(seed):
        before = circuits_of(planner.lines.values())
        # What goes is there until what comes has taken its place.
        nothing_twice(before | circuits_of(plan.movement.lines_in))
        planner.adopt(plan)
        nothing_twice(circuits_of(planner.lines.values()))
        assert restarted(planner).link_use() == planner.link_use()


@given(seeds)
def test_all_is_given_back_with_the_last_line(seed):
    for planner, _, _, _, plan in history(seed):
        planner.adopt(plan)
        last = planner
    last.adopt(last.plan((), list(last.lines)))
    assert {(use.reserved_bps, use.slots_used) for use in last.link_use()} == {(0, 0)}
    assert not any(last.desired.values())


@settings(max_examples=settings().max_examples // 4)
@given(seeds)
def test_a_plan_leaves_no_trace_and_a_restarted_planner_plans_alike(seed):
    for planner, _, wanted, unwanted, plan in history(seed):
        assert planner.plan(wanted, unwanted) == plan
        planner.explain(wanted)
        assert planner.plan(wanted, unwanted) == plan
        other = restarted(planner).plan(wanted, unwanted)
        assert other.links == plan.links
        for verdict, same in zip(plan.verdicts, other.verdicts, strict=True):
            assert verdict.refusals == same.refusals
            assert (verdict.placed and verdict.placed.paths) == (same.placed and same.placed.paths)
        planner.adopt(plan)


@given(seeds)
def test_cross_connects_fit_end_to_end(seed):
    for planner, _, _, _, plan in history(seed):
        planner.adopt(plan)
    topology = planner.topology
    link_at = {
        (end, port): link for link in topology.links for end, port in ((link.a, link.a_port), (link.z, link.z_port))
    }
    found = Counter()
    for node, rules in planner.desired.items():
        light = topology.node[node].role is Role.OTN
        assert all(isinstance(rule, CrossConnect) == light for rule in rules.values())
        found.update(rule.number for rule in rules.values() if isinstance(rule, CrossConnect))
    for placed in planner.lines.values():
        for circuit in placed.circuits:
            assert found.pop(circuit.number) == len(circuit.nodes)
            arriving = None  # what the link before says of the ODU
            for node in circuit.nodes:
                (rule,) = (
                    rule
                    for rule in planner.desired[node].values()
                    if isinstance(rule, CrossConnect) and rule.number == circuit.number
                )
                assert rule.odu is circuit.odu
                if arriving is None:
                    assert isinstance(rule.a, ClientEnd)
                    assert link_at[node, rule.a.port].name == circuit.entry
                else:
                    assert (link_at[node, rule.a.port], rule.a.tributary_port, rule.a.slots) == arriving
                if isinstance(rule.z, LineEnd):
                    arriving = link_at[node, rule.z.port], rule.z.tributary_port, rule.z.slots
                else:
                    arriving = None
                    assert link_at[node, rule.z.port].name == circuit.exit
            assert arriving is None
    assert not found


@given(seeds)
def test_cross_connects_come_before_the_flip_and_go_after_it(seed):
    for planner, _, _, _, plan in history(seed):
        for part in plan.rounds:
            for _, changes in part.changes:
                for change in changes:
                    if isinstance(change.rule, CrossConnect):
                        assert (change.op, part.kind) in ((Op.ADD, RoundKind.PREPARE), (Op.DELETE, RoundKind.REMOVE))
                    else:
                        assert isinstance(change.rule, FlowRule | GroupRule) or key_of(change.rule).kind == "meter"
        planner.adopt(plan)
