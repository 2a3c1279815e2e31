"""Plans over two layers that are kept: made again as they were, with their circuits; a hold keeps the slots."""

from __future__ import annotations

import random
from itertools import count

from hypothesis import given, settings
from hypothesis import strategies as st
from optical_networks import random_batch, random_network

from controller.compiler.planner import Planner

PLAN = "p1"


def feasible_part(planner, wanted, unwanted):
    """(lines, plan) of a batch without the lines that are refused."""
    while True:
        plan = planner.plan(wanted, unwanted)
        if plan.feasible:
            return wanted, plan
        refused = {verdict.key for verdict in plan.verdicts if not verdict.feasible}
        wanted = [line for line in wanted if line.key not in refused]


def books(planner):
    return [(use.link, use.direction, use.reserved_bps, use.slots_used) for use in planner.link_use()]


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 2**32 - 1), st.booleans())
def test_a_kept_plan_is_made_again_as_it_was_and_lets_go_of_all(seed, hold):
    rng = random.Random(seed)
    topology = random_network(rng)
    planner, numbers = Planner(topology), count(1)
    for _ in range(4):
        standing = {key: placed.line for key, placed in planner.lines.items()}
        wanted, unwanted = random_batch(rng, topology, standing, numbers)
        wanted, plan = feasible_part(planner, wanted, unwanted)
        before = books(planner)
        planner.kept.keep(PLAN, plan.movement, hold=hold)
        if not hold:
            assert books(planner) == before
        assert planner.plan_again(PLAN, wanted, unwanted, plan.movement) == plan
        planner.kept.end_hold(PLAN)
        assert books(planner) == before
        planner.kept.let_go(PLAN)
        planner.kept.keep(PLAN, plan.movement, hold=hold)
        planner.adopt(planner.plan_again(PLAN, wanted, unwanted, plan.movement), fulfils=PLAN)
        anew = Planner(topology, planner.lines.values(), planner.trunks.values(), planner.pairs.values())
        assert anew.desired == planner.desired
        assert books(anew) == books(planner)


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 2**32 - 1))
def test_nothing_that_others_do_keeps_a_held_plan_from_being_carried_out(seed):
    rng = random.Random(seed)
    topology = random_network(rng)
    planner, numbers = Planner(topology), count(1)
    first, _ = random_batch(rng, topology, {}, numbers)
    first, plan = feasible_part(planner, first, [])
    planner.adopt(plan)
    wanted, unwanted = random_batch(rng, topology, {line.key: line for line in first}, numbers)
    wanted, plan = feasible_part(planner, wanted, unwanted)
    planner.kept.keep(PLAN, plan.movement, hold=True)
    for _ in range(3):
        concerned = {line.key for line in wanted} | set(unwanted)
        standing = {key: placed.line for key, placed in planner.lines.items() if key not in concerned}
        others, gone = random_batch(rng, topology, standing, numbers)
        _, change = feasible_part(planner, others, gone)
        planner.adopt(change)
    again = planner.plan_again(PLAN, wanted, unwanted, plan.movement)
    assert again.feasible, again.verdicts
    shown = {placed.line.key: (placed.routes, placed.circuits) for placed in plan.movement.lines_in}
    assert {placed.line.key: (placed.routes, placed.circuits) for placed in again.movement.lines_in} == shown
    planner.adopt(again, fulfils=PLAN)
