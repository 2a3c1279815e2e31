"""Plans over two layers, decision by decision, against what looking at every route says; and the books afterwards."""

from __future__ import annotations

import random
from itertools import count

from hypothesis import example, given, settings
from hypothesis import strategies as st
from optical_networks import random_batch, random_network
from optical_oracle import Oracle
from optical_refusals import judge

from controller.compiler.planner import Planner

seeds = st.integers(0, 2**32 - 1)
# Between them they show every reason, relaxation, message and kind of way that the first 877 seeds show.
TELLING = (
    12,
    34,
    46,
    58,
    83,
    84,
    115,
    142,
    143,
    152,
    159,
    165,
    173,
    181,
    186,
    193,
    214,
    232,
    238,
    242,
    245,
    277,
    288,
    316,
    333,
    335,
    345,
    360,
    366,
    368,
    377,
    387,
    408,
    433,
    479,
    497,
    539,
    560,
    577,
    612,
    624,
    663,
    666,
    669,
    678,
    701,
    718,
    719,
    736,
    753,
    773,
    785,
    789,
    819,
    827,
    830,
    845,
    850,
)
few = settings(max_examples=max(1, settings().max_examples // 8))
"""The oracle takes its time: the fast profile is content with the telling ones and some."""


def with_telling_seeds(test):
    for seed in TELLING:
        test = example(seed)(test)
    return test


def in_planning_order(lines):
    return sorted(lines, key=lambda line: (line.priority, -max(line.cir_bps), line.tenant, line.name))


def history(seed, batches=4):
    """(planner before, oracle before, lines wanted, keys unwanted, plan) of some batches; the plan is adopted after."""
    rng = random.Random(seed)
    topology = random_network(rng)
    planner, oracle, numbers = Planner(topology), Oracle(topology), count(1)
    for _ in range(batches):
        standing = {key: placed.line for key, placed in planner.lines.items()}
        wanted, unwanted = random_batch(rng, topology, standing, numbers)
        yield planner, oracle, wanted, unwanted, planner.plan(wanted, unwanted)


def replay(planner, oracle, wanted, unwanted, plan, refused=lambda oracle, line, refusal: None):
    """Check the plan's decisions in the order of planning, and let the oracle follow."""
    verdicts = {verdict.key: verdict for verdict in plan.verdicts}
    for key in unwanted:
        oracle.remove(key)
    for line in in_planning_order(wanted):
        if line.key in planner.lines and planner.lines[line.key].line == line:
            continue
        before = oracle.held.get(line.key)
        if before is not None:
            oracle.reserve(before, -1)
        best = oracle.decide(line)
        verdict = verdicts[line.key]
        told = (
            [(path.route.nodes, path.route.links, *path.delay_ns) for path in verdict.placed.paths]
            if verdict.feasible
            else None
        )
        right = None if best is None else [(way.nodes, way.links, way.there_ns, way.back_ns) for way in best]
        assert told == right, (line, verdict.refusals)
        if best is None:
            refused(oracle, line, verdict.refusals[0])
            if before is not None:
                oracle.reserve(before)
        else:
            oracle.enter(line, best)
    oracle.settle()


@given(seeds)
def test_each_line_has_the_best_way_that_those_before_it_left(seed):
    for planner, oracle, wanted, unwanted, plan in history(seed):
        replay(planner, oracle, wanted, unwanted, plan)
        planner.adopt(plan)
        for use in planner.link_use():
            assert use.reserved_bps == oracle.taken_bps[use.link, use.direction]
            assert use.slots_used == oracle.slots[use.link]
            assert use.slots == planner.topology.link[use.link].slots


@with_telling_seeds
@few
@given(seeds)
def test_a_refusal_tells_what_binds_and_all_that_would_do(seed):
    for planner, oracle, wanted, unwanted, plan in history(seed, batches=3):
        replay(planner, oracle, wanted, unwanted, plan, judge)
        planner.adopt(plan)
