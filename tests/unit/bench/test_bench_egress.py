"""The bench of egress: what it prints, that seeds decide, what simple rules do, and that a better answer ends it."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from click.testing import CliRunner

from controller.__main__ import trunkline
from controller.bench.egress import setting, suite, works
from controller.bench.egress.instances import BACKBONE, CAPPED, RECIPES, made, without_gateway
from controller.egress.baselines import greedy, offers, tally
from controller.egress.certificate import certify

SIZE = 1_500
METHODS = {"trunkline", "trunkline-unsplit", "nearest", "equal-split", "least-delay", "greedy", "lp"}


@pytest.fixture(scope="module")
def small():
    return setting.Setting.of(BACKBONE, 1, SIZE)


@pytest.fixture(scope="module")
def printed():
    """All works on two small instances, one of them with links that bind."""
    monkeypatch = pytest.MonkeyPatch()
    monkeypatch.setattr(suite, "QUICK_AGGREGATES", SIZE)
    report = suite.run((), (BACKBONE, CAPPED), seed=1, quick=True, tell=lambda _: None)
    monkeypatch.undo()
    return json.loads(json.dumps(report.as_json()))


def test_every_method_has_its_row(printed):
    assert printed["bench"] == "egress"
    for case in (BACKBONE, CAPPED):
        rows = {row["engine"]: row for row in printed["rows"] if (row["work"], row["case"]) == ("assign", case)}
        assert set(rows) == METHODS
        for row in rows.values():
            detail = row["detail"]
            assert row["unit"] == "ms"
            assert row["median"] > 0
            assert 0 < detail["carriedBps"] <= detail["demandBps"]
            assert detail["meanDelayUs"] > 0
        assert rows["trunkline"]["detail"]["certifiedGap"] < 1e-7
        assert rows["trunkline"]["detail"]["maxUtilisation"] <= 0.95
        assert rows["nearest"]["detail"]["carriedBps"] < rows["trunkline"]["detail"]["carriedBps"]
        assert abs(rows["lp"]["detail"]["oursOverLp"]) < 1e-6
    engines = {(row["work"], row["engine"]) for row in printed["rows"]}
    assert {("failure", "trunkline"), ("failure", "trunkline/cold")} <= engines
    assert {("churn", "trunkline"), ("churn", "trunkline/no-churn-term"), ("churn", "trunkline/damped")} <= engines


def test_it_costs_less_to_stay(printed):
    for case in (BACKBONE, CAPPED):
        moved = {
            row["engine"]: row["detail"]["movedShare"]
            for row in printed["rows"]
            if (row["work"], row["case"]) == ("churn", case)
        }
        assert moved["trunkline/damped"] <= moved["trunkline"] < moved["trunkline/no-churn-term"]


def test_a_saved_report_is_shown_and_put_into_a_document(printed, tmp_path):
    saved, document = tmp_path / "run.json", tmp_path / "page.md"
    saved.write_text(json.dumps(printed), encoding="utf-8")
    document.write_text("<!-- bench egress -->\n<!-- end of bench egress -->\n", encoding="utf-8")
    bench = ["bench", "egress", "--from", str(saved)]
    assert "trunkline-unsplit" in CliRunner().invoke(trunkline, bench, terminal_width=250).output
    run = CliRunner().invoke(trunkline, [*bench, "-o", "markdown", "--to", str(document)])
    assert run.exit_code == 0
    lines = document.read_text(encoding="utf-8").splitlines()
    assert lines[1].startswith("| work | case | method |")
    assert sum(line.startswith("| assign |") for line in lines) == 2 * len(METHODS)


def test_a_method_of_highs_that_is_given_up_is_said_to_be_unfinished(small):
    (row,) = [one for one in works.assign(small, 1, ("simplex", "ipm"), 1e-6) if one.engine == "lp"]
    assert row.detail["finished"] is False
    assert {"simplexEnded", "ipmEnded", "limitSeconds"} <= set(row.detail)
    assert "oursOverLp" not in row.detail


def test_an_instance_is_drawn_beside_simple_rules(tmp_path, monkeypatch):
    pytest.importorskip("matplotlib")
    monkeypatch.setattr(suite, "QUICK_AGGREGATES", SIZE)
    picture = tmp_path / "egress.svg"
    run = CliRunner().invoke(trunkline, ["bench", "egress", "--quick", "-o", "plot", "--to", str(picture)])
    assert run.exit_code == 0, run.output
    text = picture.read_text(encoding="utf-8")
    assert "igw-sh" in text
    assert "greedy: carries" in text
    assert len(text) < 200_000


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--work", "everything"), "egress has no work called everything"),
        (("--case", "nowhere"), "no instance is called nowhere"),
        (("--case", "no/where"), "no network is called no/where"),
    ],
)
def test_an_unknown_name_is_an_error_that_says_what_there_is(arguments, told):
    result = CliRunner().invoke(trunkline, ["bench", "egress", "--quick", *arguments])
    assert result.exit_code == 1
    assert told in result.output


def test_a_seed_decides_everything():
    recipe = replace(RECIPES[CAPPED], aggregates=SIZE)
    one, again, other = (made(recipe, seed) for seed in (1, 1, 2))
    assert len(one.demand) == SIZE
    for part in ("demand", "exits", "inside"):
        for name in getattr(one, part).__slots__:
            assert np.array_equal(getattr(getattr(one, part), name), getattr(getattr(again, part), name))
    assert not np.array_equal(one.demand.rate_bps, other.demand.rate_bps)


def test_demand_is_as_full_and_as_uneven_as_stated(small):
    demand, exits = small.instance.demand, small.instance.exits
    assert demand.rate_bps.sum() / exits.usable_bps.sum() == pytest.approx(RECIPES[BACKBONE].fullness, rel=0.02)
    assert demand.rate_bps.max() > 20 * np.median(demand.rate_bps)


def test_blind_rules_offer_all_that_can_leave_and_lose_what_does_not_fit(small):
    instance = small.instance
    for method in ("nearest", "equal-split", "least-delay"):
        offered = offers(instance, method)
        assert offered.sum() == pytest.approx(sum(small.certificate.reachable_bps))
        result = tally(instance, offered)
        most = np.minimum(offered.sum(axis=0), instance.exits.usable_bps).sum()
        assert result.carried_bps <= most * (1 + 1e-9)
        assert result.utilisation > 1


def test_greedy_keeps_every_cap(small):
    certificate = certify(small.instance, replace(small.best, shares=greedy(small.instance)))
    assert certificate.utilisation <= 0.95
    assert sum(certificate.carried_bps) <= sum(small.certificate.carried_bound_bps)


def test_a_failed_gateway_carries_nothing(small):
    failed = without_gateway(small.instance, 1)
    best = setting.solve(failed)
    certify(failed, best)
    assert 1 not in best.shares.gateway


def test_an_answer_that_highs_beats_ends_the_bench(small):
    lying = replace(small, certificate=replace(small.certificate, cost_bound=small.certificate.cost * 1.01))
    with pytest.raises(works.Wrong, match="the bound is"):
        list(works.assign(lying, 1, ("ipm",), 60.0))
