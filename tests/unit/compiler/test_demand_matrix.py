"""Lines from the demand matrix of nobel-eu: every route checked by itself, one decision in eight against the oracle.

All decisions, of germany50 too, are checked in ``tests/system/test_demand_matrices.py``.
"""

from __future__ import annotations

from matrices.demand_lines import NOBEL_EU, lines, network
from oracle.lines_replayed import Replayed

from controller.compiler.planner import Planner


def test_decisions_are_right_against_what_was_left():
    topology = network(NOBEL_EU, seed=7)
    asked = lines(NOBEL_EU, topology, seed=7)
    plan = Planner(topology).plan(asked)
    replayed = Replayed(topology)
    replayed.judge_all(
        [
            (line, () if verdict.placed is None else verdict.placed.paths, verdict.refusals)
            for line, verdict in zip(asked, plan.verdicts, strict=True)
        ],
        every=8,
    )
    assert 0.2 <= replayed.share_refused() <= 0.5
    assert replayed.checked["placed"] + replayed.checked["refused"] == -(-len(asked) // 8)
    assert {(use.link, use.direction): use.reserved_bps for use in plan.links} == replayed.reserved()
