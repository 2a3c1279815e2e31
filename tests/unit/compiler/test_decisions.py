"""Each decision of a plan is right by what the decisions before it left, and no other order of input changes it."""

from __future__ import annotations

import copy
import random

from hypothesis import given
from hypothesis import strategies as st
from strategies import batches, histories, resolve, topologies

from controller.compiler.planner import Planner
from controller.domain.errors import Reason, Refusal
from controller.paths.admission import least, least_pair
from controller.paths.network import Network
from controller.paths.request import request_for


def grown(topology, orders):
    """A planner after these batches."""
    planner = Planner(topology)
    for batch in orders:
        planner.adopt(planner.plan(*asked(planner, batch)))
    return planner


def asked(planner, batch):
    return resolve(batch, {key: placed.line for key, placed in planner.lines.items()}, planner.topology)


def in_planning_order(lines):
    return sorted(lines, key=lambda line: (line.priority, -max(line.cir_bps), line.tenant, line.name))


@given(topologies(), histories, batches)
def test_each_line_has_the_best_that_those_before_it_left(topology, orders, batch):
    planner = grown(topology, orders)
    wanted, unwanted = asked(planner, batch)
    standing = dict(planner.lines)
    verdicts = {verdict.key: verdict for verdict in planner.plan(wanted, unwanted).verdicts}
    network = Network(topology, {key: tuple(placed.reservations(topology)) for key, placed in standing.items()})
    for key in unwanted:
        network.release(key)
    for line in in_planning_order(
        line for line in wanted if line.key not in standing or standing[line.key].line != line
    ):
        verdict = verdicts[line.key]
        if not verdict.feasible and verdict.refusals[0].reason is Reason.VLAN_IN_USE:
            continue
        was = network.release(line.key) if line.key in standing else ()
        request = request_for(line, topology)
        best = least(network, request) if request.disjoint is None else least_pair(network, request)
        if isinstance(best, Refusal):
            assert verdict.refusals == (best,)
            network.reserve(line.key, was)
        else:
            assert verdict.placed.paths == (best if isinstance(best, tuple) else (best,))
            network.reserve(line.key, verdict.placed.reservations(topology))


@given(topologies(), histories, batches, st.integers(0, 2**32 - 1))
def test_the_order_of_input_decides_nothing(topology, orders, batch, seed):
    planner = grown(topology, orders)
    wanted, unwanted = asked(planner, batch)
    plan = planner.plan(wanted, unwanted)
    rng = random.Random(seed)
    shuffled, also_unwanted = rng.sample(wanted, len(wanted)), rng.sample(unwanted, len(unwanted))
    other = planner.plan(shuffled, also_unwanted)
    assert [verdict.key for verdict in plan.verdicts] == [line.key for line in wanted]
    assert [verdict.key for verdict in other.verdicts] == [line.key for line in shuffled]
    assert {verdict.key: verdict for verdict in other.verdicts} == {verdict.key: verdict for verdict in plan.verdicts}
    assert (other.movement, other.links, other.rounds) == (plan.movement, plan.links, plan.rounds)


@given(topologies(), histories, batches, batches)
def test_a_plan_that_is_not_adopted_leaves_no_trace(topology, orders, batch, other_batch):
    planner = grown(topology, orders)
    lines, trunks, desired = dict(planner.lines), dict(planner.trunks), copy.deepcopy(planner.desired)
    plan = planner.plan(*asked(planner, batch))
    planner.plan(*asked(planner, other_batch))
    assert planner.plan(*asked(planner, batch)) == plan
    assert (planner.lines, planner.trunks, planner.desired) == (lines, trunks, desired)


@given(topologies(), histories, batches)
def test_an_adopted_plan_is_the_state_that_it_showed(topology, orders, batch):
    planner = grown(topology, orders)
    standing = dict(planner.lines)
    wanted, unwanted = asked(planner, batch)
    plan = planner.plan(wanted, unwanted)
    planner.adopt(plan)
    placed = {verdict.key: verdict.placed for verdict in plan.verdicts if verdict.feasible}
    expected = {key: line for key, line in (standing | placed).items() if key not in unwanted}
    assert planner.lines == expected
    again = planner.plan([line for line in wanted if line.key in placed])
    assert [verdict.placed for verdict in again.verdicts] == [placed[verdict.key] for verdict in again.verdicts]
    assert again.rounds == ()
    assert again.links == plan.links


@given(topologies(), histories)
def test_a_restarted_planner_decides_alike(topology, orders):
    """Numbers may differ, for which of the free ones come next is not remembered; routes and refusals may not."""
    *earlier, last = orders
    planner = grown(topology, earlier)
    known = (planner.lines, planner.trunks, planner.pairs)
    started_anew = Planner(topology, *(reversed(things.values()) for things in known))
    plan, other = (each.plan(*asked(planner, last)) for each in (planner, started_anew))
    assert plan.links == other.links
    for verdict, same in zip(plan.verdicts, other.verdicts, strict=True):
        assert verdict.refusals == same.refusals
        assert (verdict.placed and verdict.placed.paths) == (same.placed and same.placed.paths)
