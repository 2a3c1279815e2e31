"""What a scrape shows of cycles is what their reports say, in bytes and seconds."""

from __future__ import annotations

import math

import pytest

from controller.compiler.egress_use import ClassUse, Delays, GatewayUse
from controller.compiler.steering.resources import Exceeded
from controller.domain.egress import TrafficClass
from controller.domain.topology import Direction
from controller.service.egress.billed import Bill
from controller.service.egress.measuring import HeldSource
from controller.service.egress.metering import meter, meter_bills
from controller.service.egress.report import CycleReport, Ending, Figures, Losses, Mode
from controller.telemetry.egress_metrics import ENDINGS
from controller.telemetry.metrics import Metrics

GOLD, BULK = TrafficClass.GOLD, TrafficClass.BULK
FIGURES = Figures(
    classes=(
        ClassUse(traffic_class=GOLD, demand_bps=800, carried_bps=800, bound_bps=800),
        ClassUse(traffic_class=BULK, demand_bps=8000, carried_bps=4000, bound_bps=4000),
    ),
    gateways=(
        GatewayUse(
            gateway="igw-a", capacity_bps=8000, usable_bps=7600, carried_bps=((GOLD, 800), (BULK, 4000)), price_ns=5e6
        ),
    ),
    delays=Delays(mean_ns=60e6, quantile_ns=()),
    gap=0.001,
)


def report(**changes):
    given = {
        "number": 1,
        "at": 1_700_000_000.0,
        "causes": ("x",),
        "mode": Mode.ON,
        "ending": Ending.CHANGED,
        "urgent": True,
        "losses": Losses(gateways=frozenset(["igw-b"])),
        "age_s": 2.5,
        "figures": FIGURES,
        "moved_bps": 1600,
        "elsewhere_bps": {"igw-b": 80},
        "deciding_s": 0.2,
        "carrying_out_s": 0.3,
    }
    return CycleReport(**(given | changes))


@pytest.fixture
def metrics():
    return Metrics()


@pytest.fixture
def shown(metrics):
    def value(name, **labels):
        return metrics.registry.get_sample_value(f"trunkline_egress_{name}", labels)

    return value


def test_every_ending_has_a_count_from_the_start(shown):
    assert set(ENDINGS) == set(Ending)
    assert all(shown("cycles_total", ending=ending, urgent="true") == 0 for ending in Ending)
    assert math.isnan(shown("mean_delay_seconds"))


def test_a_cycle_shows_what_it_decided(metrics, shown):
    meter(metrics.egress, report())
    assert shown("cycles_total", ending="changed", urgent="true") == 1
    assert shown("gateway_carried_bytes_per_second", gateway="igw-a") == 600
    assert shown("gateway_usable_bytes_per_second", gateway="igw-a") == 950
    assert shown("gateway_elsewhere_bytes_per_second", gateway="igw-b") == 10
    assert shown("gateway_price_seconds", gateway="igw-a") == pytest.approx(0.005)
    assert [shown("demand_bytes_per_second", traffic_class=one) for one in ("gold", "bulk")] == [100, 1000]
    assert [shown("carried_bytes_per_second", traffic_class=one) for one in ("gold", "bulk")] == [100, 500]
    assert shown("mean_delay_seconds") == pytest.approx(0.06)
    assert (shown("gap_ratio"), shown("moved_bytes_per_second"), shown("input_age_seconds")) == (0.001, 200, 2.5)
    assert (shown("cycle_timestamp_seconds"), shown("gateways_away")) == (1_700_000_000.0, 1)
    assert shown("deciding_duration_seconds_sum") == pytest.approx(0.2)
    assert shown("carrying_out_duration_seconds_sum") == pytest.approx(0.3)


def test_what_moves_overload_is_counted_and_its_excess_shown(metrics, shown):
    over = Exceeded(("igw-a", None), 800, 400, 1600), Exceeded(("a-b", Direction.A_TO_Z), 80, 40, 88)
    meter(metrics.egress, report(overloads=over))
    assert (shown("overloads_total"), shown("overload_bytes_per_second")) == (2, 101)
    meter(metrics.egress, report())
    assert (shown("overloads_total"), shown("overload_bytes_per_second")) == (2, 0)


@pytest.mark.parametrize("ending", [Ending.HELD, Ending.FAILED])
def test_one_that_decided_nothing_leaves_what_is_shown(metrics, shown, ending):
    meter(metrics.egress, report())
    held = HeldSource(source="pe-a", why="away", readings=1, bps=8, age_s=None)
    meter(
        metrics.egress,
        report(
            ending=ending, at=1_700_000_030.0, figures=None, moved_bps=0, held=(held,), age_s=None, elsewhere_bps=None
        ),
    )
    assert shown("cycle_timestamp_seconds") == 1_700_000_000.0
    assert shown("gateway_carried_bytes_per_second", gateway="igw-a") == 600
    assert shown("held_sources") == 1
    assert math.isnan(shown("input_age_seconds"))
    assert shown("deciding_duration_seconds_count") == 1


def test_one_that_finds_no_traffic_shows_no_gateways(metrics, shown):
    meter(metrics.egress, report())
    meter(metrics.egress, report(ending=Ending.UNCHANGED, figures=None, moved_bps=0, elsewhere_bps={"igw-c": 8}))
    assert shown("gateway_elsewhere_bytes_per_second", gateway="igw-b") is None
    assert shown("gateway_elsewhere_bytes_per_second", gateway="igw-c") == 1
    assert shown("gateway_carried_bytes_per_second", gateway="igw-a") is None
    assert math.isnan(shown("mean_delay_seconds"))
    assert shown("carrying_out_duration_seconds_count") == 1


def test_what_gateways_bill_is_shown(metrics, shown):
    bill = Bill(
        gateway="igw-a",
        month="2026-11",
        committed_bps=0,
        billed_bps=1600,
        free_slots=432,
        free_slots_left=7,
        known_slots=500,
        unknown_slots=0,
        slot_bps=0,
        slot_s=0.0,
    )
    meter_bills(metrics.egress, [bill])
    assert shown("gateway_billed_bytes_per_second", gateway="igw-a") == 200
    assert shown("gateway_free_slots", gateway="igw-a") == 7
