"""Loss beyond gateways, declared and measured: what it weighs, what bounds keep, and what is said when none is kept."""

from __future__ import annotations

from dataclasses import replace

import pytest
from test_plan_egress import COAST, GBPS, policy, shares

from controller.compiler.egress_bounds import Bounds, FarEnd, beyond_bounds
from controller.compiler.egress_conditions import Conditions
from controller.compiler.egress_options import why
from controller.compiler.egress_use import delays
from controller.compiler.planner import Planner
from controller.domain.errors import Reason, Relaxation
from controller.domain.gateway_quality import Quality

MS = 1_000_000
NEAR, FAR = "igw-gz", "igw-sh"
"""From Guangdong to North America 64 and 65.05 ms."""


def network(**losses_ppm):
    """By gateway, with ``_`` for ``-``; to North America."""
    gateways = tuple(
        replace(one, losses_ppm=(("north-america", losses_ppm[one.name.replace("-", "_")]),))
        if one.name.replace("-", "_") in losses_ppm
        else one
        for one in COAST.gateways
    )
    return replace(COAST, gateways=gateways)


def planned(topology, *policies, **conditions):
    planner = Planner(topology)
    plan = planner.plan([])
    egress = planner.plan_egress(policies, plan, conditions=Conditions(**conditions))
    return egress, egress.added_to(plan)


def leaves(topology, asked, **conditions):
    return {gateway for _, gateway in shares(planned(topology, asked, **conditions)[1], asked.name)}


def test_what_loses_less_is_better_than_what_is_a_little_nearer():
    assert leaves(network(), policy("na")) == {NEAR}
    assert leaves(network(igw_gz=104, igw_sh=0), policy("na")) == {NEAR}  # 1.04 ms, and it is 1.05 ms nearer
    assert leaves(network(igw_gz=106, igw_sh=0), policy("na")) == {FAR}
    assert leaves(network(igw_gz=1_000, igw_sh=1_000), policy("na")) == {NEAR}
    assert leaves(network(igw_gz=1_000), policy("na")) == {FAR}, "what nobody knows costs nothing"


def test_what_is_measured_counts_in_place_of_what_is_declared():
    topology = network(igw_gz=106, igw_sh=0)
    assert leaves(topology, policy("na"), quality={(NEAR, "north-america"): Quality(loss_ppm=0)}) == {NEAR}
    assert leaves(topology, policy("na"), quality={(FAR, "north-america"): Quality(loss_ppm=200)}) == {NEAR}
    assert leaves(topology, policy("na"), quality={(FAR, "north-america"): Quality(delay_ns=70 * MS)}) == {NEAR}
    assert leaves(topology, policy("na"), quality={(FAR, "japan"): Quality(delay_ns=MS)}) == {FAR}


def test_a_bound_on_delay_is_kept_by_what_is_measured():
    asked = policy("na", max_delay_ns=66 * MS)
    slow = {(NEAR, "north-america"): Quality(delay_ns=67 * MS)}
    assert leaves(network(), asked, quality=slow) == {FAR}


def test_a_bound_on_loss_is_kept_whatever_it_costs():
    asked = policy("na", max_loss_ppm=1_000)
    assert leaves(network(igw_gz=1_000, igw_sh=999), asked) == {NEAR}
    assert leaves(network(igw_gz=1_001, igw_sh=1_000), asked) == {FAR}
    assert leaves(network(igw_sh=1_000), asked) == {FAR}, "nobody knows whether the other keeps it"
    measured = {(NEAR, "north-america"): Quality(loss_ppm=10)}
    assert leaves(network(igw_sh=1_000), asked, quality=measured) == {NEAR}


def test_delay_is_told_without_loss_and_loss_beside_it():
    egress, plan = planned(network(igw_gz=10_000, igw_sh=20_000), policy("na", gbps=50))
    (verdict,) = plan.verdicts
    assert {one.gateway: one.delay_ns for one in verdict.assignments} == {NEAR: 64 * MS, FAR: 65_050_000}
    found = delays(egress.solved)
    rates = {one.gateway: one.rate_bps for one in verdict.assignments}
    mean_ns = (rates[NEAR] * 64 * MS + rates[FAR] * 65_050_000) / (50 * GBPS)
    assert found.mean_ns == pytest.approx(mean_ns)
    assert found.loss_ppm == pytest.approx((rates[NEAR] * 10_000 + rates[FAR] * 20_000) / (50 * GBPS))
    assert delays(planned(network(), policy("na"))[0].solved).loss_ppm is None


def test_why_tells_what_loss_weighs_and_why_a_gateway_is_not_eligible():
    egress, _ = planned(network(igw_gz=3_000, igw_sh=20_000), policy("na", max_loss_ppm=5_000))
    (found,) = why(egress, COAST, "guangdong", "north-america", None)
    near, far = found.options
    assert (near.gateway, near.loss_ppm, near.loss_ns, near.delay_ns, near.problem) == (
        NEAR,
        3_000,
        30 * MS,
        64 * MS,
        "",
    )
    assert near.cost_ns == pytest.approx(94 * MS)
    assert far.problem == "loses 2%, more than 0.5%, the bound of the policy"
    egress, _ = planned(network(igw_gz=3_000), policy("na", max_loss_ppm=5_000))
    (found,) = why(egress, COAST, "guangdong", "north-america", None)
    assert found.options[1].problem == "nobody has declared or measured its loss, and 0.5% is the bound of the policy"


@pytest.mark.parametrize(
    ("topology", "asked", "reason", "words", "would_do"),
    [
        (
            network(igw_gz=5_000, igw_sh=2_000),
            {"max_loss_ppm": 1_000},
            Reason.LOSS_BOUND_UNREACHABLE,
            "10Gbps cannot lose at most 0.1%: the least loss to north-america is 0.2%",
            [("spec.maxLoss", "0.2%")],
        ),
        (
            network(igw_gz=5_000, igw_sh=2_000),
            {"max_loss_ppm": 2_000, "max_delay_ns": 64 * MS},
            Reason.LOSS_BOUND_UNREACHABLE,
            "10Gbps cannot lose at most 0.2%: the least loss to north-america within 64ms is 0.5%",
            [("spec.maxDelay", "65.05ms"), ("spec.maxLoss", "0.5%")],
        ),
        (
            network(igw_gz=5_000, igw_sh=2_000),
            {"max_loss_ppm": 5_000, "max_delay_ns": 63 * MS},
            Reason.DELAY_BOUND_UNREACHABLE,
            "10Gbps cannot be within 63ms: the least delay to north-america is 64ms",
            [("spec.maxDelay", "64ms")],
        ),
        (
            network(igw_gz=5_000, igw_sh=2_000),
            {"max_loss_ppm": 1_000, "max_delay_ns": 64 * MS},
            Reason.LOSS_BOUND_UNREACHABLE,
            "the least loss to north-america within 64ms is 0.5%",
            [("spec.maxLoss", "0.5%")],
        ),
        (
            network(),
            {"max_loss_ppm": 1_000},
            Reason.LOSS_BOUND_UNREACHABLE,
            "no gateway that leads to north-america has a loss that is declared or measured",
            [],
        ),
        (
            network(igw_gz=5_000, igw_sh=2_000),
            {"max_loss_ppm": 1_000, "max_delay_ns": 63 * MS},
            Reason.DELAY_BOUND_UNREACHABLE,
            "the least delay to north-america is 64ms",
            [],
        ),
    ],
)
def test_what_is_refused_says_what_alone_would_do_and_it_does(topology, asked, reason, words, would_do):
    wanted = policy("na", **asked)
    (verdict,) = planned(topology, wanted)[1].verdicts
    (found,) = verdict.refusals
    assert found.reason is reason
    assert words in found.message
    assert [(one.field, one.value) for one in found.relaxations] == would_do
    for one in found.relaxations:
        assert planned(topology, relaxed(wanted, one))[1].feasible
    assert (found.binding.least_loss_ppm is None) == (
        reason is not Reason.LOSS_BOUND_UNREACHABLE or not topology.gateways[0].losses_ppm
    )


def relaxed(wanted, relaxation):
    values = {"64ms": 64 * MS, "65.05ms": 65_050_000, "0.2%": 2_000, "0.5%": 5_000}
    name = {"spec.maxDelay": "max_delay_ns", "spec.maxLoss": "max_loss_ppm"}[relaxation.field]
    return replace(wanted, **{name: values[relaxation.value]})


def test_of_several_sources_the_one_that_needs_most_says_what_would_do():
    bounds = Bounds(delay_ns=50, loss_ppm=10)
    stuck = [[FarEnd(40, 20), FarEnd(60, 5)], [FarEnd(45, 15), FarEnd(90, None), FarEnd(80, 9)]]
    found = beyond_bounds(bounds, stuck, "europe", 10**9)
    assert found.reason is Reason.LOSS_BOUND_UNREACHABLE
    assert found.relaxations == (
        Relaxation(field="spec.maxDelay", value="80ns"),
        Relaxation(field="spec.maxLoss", value="0.002%"),
    )
    assert found.binding.least_loss_ppm == 20
