"""``bench apply`` over simulated switches, with fewer lines than it measures."""

from __future__ import annotations

import pytest

from controller.bench.bulk import figures, orders, simulated
from controller.bench.bulk.server import BenchFailed, Server
from controller.service.confirming import ConfirmAbove

MORE_THAN_UNASKED = ConfirmAbove().lines + 1
"""A server asks twice for that many."""


@pytest.fixture
def few(monkeypatch):
    monkeypatch.setattr(simulated, "MANY", MORE_THAN_UNASKED)
    ordered = {"batch-300": (40, orders.in_one), "single-300": (10, orders.one_by_one)}
    for module in (figures, simulated):
        monkeypatch.setattr(module, "ORDERS", ordered)


def test_every_work_gives_a_row(few):
    works = ["batch-300", "single-300", simulated.SIMULATED, simulated.RESTART]
    told = []
    rows = simulated.simulated_rows(works, seed=1, repetitions=1, tell=told.append)
    assert [row.work for row in rows] == works
    assert [row.detail["lines"] for row in rows] == [40, 10, MORE_THAN_UNASKED, MORE_THAN_UNASKED]
    assert all(row.median > 0 and row.detail["rules"] > row.detail["lines"] for row in rows)
    assert rows[2].detail["residentMb"] > 0
    assert rows[3].detail["servingS"] <= rows[3].median
    assert len(told) == 4


def test_a_server_that_ends_at_once_says_why(tmp_path):
    broken = tmp_path / "topology.yaml"
    broken.write_text("apiVersion: trunkline/v1\nkind: Nothing\n")
    with Server(broken, tmp_path) as server, pytest.raises(BenchFailed, match="kind"):
        server.start()
