"""Lines from the demand matrices of SNDlib's germany50 and nobel-eu, each decision checked by an independent
oracle.

Planned in one batch, with capacities such that 20 to 50 % are refused (``matrices.demand_lines``). Of every line it
is checked, against what the earlier choices left: a route or pair is the best there is, ties included; a "no" is
right, and so is its reason; what it says would do does, to the last digit, and nothing that would is missing. A
part of a matrix goes through a server to simulated switches.
"""

from __future__ import annotations

import pytest
from matrices.demand_lines import GBPS, GERMANY50, NOBEL_EU, Matrix, lines, network
from oracle.lines_replayed import Replayed
from running.lines import line
from running.processes import until
from running.simulated import simulated

from controller.compiler.planner import Planner
from controller.documents.topology_writing import write_topology
from controller.domain.errors import Reason, Refusal, Relaxation
from controller.domain.placement import PlacedPath, Route
from controller.domain.topology import PerDirection
from controller.wire.errors import RemoteError

SEED = 1
MOST_UNEXPLAINED = 0.02
"""Of lines whose refusal says that the search limit kept it from telling all."""


@pytest.mark.parametrize("matrix", [NOBEL_EU, GERMANY50], ids=lambda matrix: matrix.name)
def test_every_decision_of_a_matrix(matrix):
    topology = network(matrix, SEED)
    asked = lines(matrix, topology, SEED)
    plan = Planner(topology).plan(asked)
    replayed = Replayed(topology)
    replayed.judge_all(
        [
            (one, () if verdict.placed is None else verdict.placed.paths, verdict.refusals)
            for one, verdict in zip(asked, plan.verdicts, strict=True)
        ]
    )
    assert {(use.link, use.direction): use.reserved_bps for use in plan.links} == replayed.reserved()
    assert 0.2 <= replayed.share_refused() <= 0.5
    assert {"placed", "NO_BANDWIDTH", "DELAY_BOUND_UNREACHABLE", "NOT_DISJOINT"} <= {*replayed.told}
    assert replayed.checked["ties"] > 0
    assert replayed.checked["relaxations"] > len(asked) // 4
    assert replayed.checked["placed"] + replayed.checked["refused"] == len(asked)  # none is undecided
    assert replayed.checked["search limit"] <= MOST_UNEXPLAINED * len(asked)


def test_a_part_of_a_matrix_over_the_api(processes, tmp_path):
    part = Matrix(NOBEL_EU.name, 60 * GBPS)
    topology = network(part, SEED)
    asked = lines(part, topology, SEED)[:80]
    file = tmp_path / "topology.yaml"
    file.write_text(write_topology(topology))
    replayed = Replayed(topology)
    with simulated(processes, file) as net:
        net.start()
        until(lambda: all_take_part(net), "every switch to take part")
        placed, refused = [], []
        for batch in (asked[:40], asked[40:]):
            answer = net.apply(*batch, partial=True)
            decisions = [decision(one, told) for one, told in zip(batch, answer.plan.intents, strict=True)]
            replayed.judge_all(decisions)
            placed += [one for one, _, refusals in decisions if not refusals]
            refused += [one for one, _, refusals in decisions if refusals]
        assert 0.2 <= replayed.share_refused() <= 0.5
        assert net.active() == {one.name: one for one in placed}
        assert net.ledger() == {place: bps for place, bps in replayed.reserved().items() if bps}
        net.until_right()
        net.check_frames(placed, silent=refused)


def all_take_part(net):
    """Whether a change that needs every switch goes through."""
    sites = [site.name for site in net.topology.sites]
    probes = [line(f"probe-{a}", f"{a}.4001", f"{z}.4002") for a, z in zip(sites, sites[1:] + sites[:1], strict=True)]
    try:
        net.apply(*probes)
    except RemoteError as error:
        if error.reason != Reason.DEVICE_UNREACHABLE:
            raise
        return False
    net.delete(*probes)
    return True


def decision(asked, told):
    """(line, paths, refusals) of a verdict as the API tells it."""
    assert (told.tenant, told.name, told.feasible) == (asked.tenant, asked.name, not told.reasons)
    paths = [
        PlacedPath(
            role=path.role,
            route=Route(nodes=tuple(path.nodes), links=tuple(path.links)),
            delay_ns=PerDirection(path.delay_ns.a_to_z, path.delay_ns.z_to_a),
            reserved_bps=PerDirection(path.reserved_bps.a_to_z, path.reserved_bps.z_to_a),
        )
        for path in told.paths
    ]
    refusals = [
        Refusal(
            reason=Reason(one.reason),
            message=one.message,
            relaxations=tuple(Relaxation(field=what.field, value=what.value) for what in one.relaxations),
        )
        for one in told.reasons
    ]
    return asked, paths, refusals
