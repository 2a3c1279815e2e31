"""What is measured from gateways abroad: what counts of it, what is held, what is stale."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.domain.errors import InvalidInput
from controller.domain.gateway_quality import Measurement, Origin, Quality, with_measured
from controller.domain.topology import Gateway, Node, Role, Topology
from controller.domain.units import MAX_DELAY_NS
from controller.service.egress.quality import FRESH_S, WINDOW, MeasuredQuality

MS = 1_000_000
START_S = 1_800_000_000.0

IGW_N = Gateway(
    name="igw-n",
    node="pe-n",
    port=1,
    capacity_bps=10**9,
    delays_ns=(("europe", 80 * MS),),
    losses_ppm=(("europe", 500),),
)
IGW_S = Gateway(
    name="igw-s", node="pe-n", port=2, capacity_bps=10**9, delays_ns=(("europe", 90 * MS), ("japan", 20 * MS))
)
TOPOLOGY = Topology(
    name="small", nodes=(Node(name="pe-n", role=Role.PE, region="north"),), links=(), gateways=(IGW_N, IGW_S)
)


class Door:
    """Measurements and the time at which they are told."""

    def __init__(self) -> None:
        self.at_s = START_S
        self.told: list[str] = []
        self.quality = MeasuredQuality(TOPOLOGY, lambda: self.at_s, lambda: self.at_s - START_S + 7.0)
        self.quality.on_change(self.told.append)

    def tell(self, delay_ms: float | None = None, loss: float | None = None, *, after_s: float = 30.0) -> str:
        """``loss`` in percent, of igw-n to Europe; why it is held."""
        self.at_s += after_s
        return self.quality.report((self.reading(delay_ms, loss),))[0]

    def reading(self, delay_ms: float | None = None, loss: float | None = None) -> Measurement:
        return Measurement(
            gateway="igw-n",
            region="europe",
            at_s=self.at_s,
            delay_ns=None if delay_ms is None else round(delay_ms * MS),
            loss_ppm=None if loss is None else round(loss * 10_000),
        )

    @property
    def counts(self) -> Quality | None:
        return self.quality.counting().get(("igw-n", "europe"))


def test_nothing_measured_counts_before_anything_is() -> None:
    door = Door()
    assert not door.quality.counting()
    assert not door.quality.views()
    assert door.quality.declared()["igw-n", "europe"] == Quality(delay_ns=80 * MS, loss_ppm=500)


def test_the_middle_of_the_last_few_counts() -> None:
    door = Door()
    for delay_ms, loss in ((100, 0), (102, 0), (300, 5), (104, 0), (106, 1)):
        assert door.tell(delay_ms, loss) == ""
    assert door.counts == Quality(delay_ns=104 * MS, loss_ppm=3_333)
    assert door.quality.views()[0].readings == WINDOW


def test_one_bad_reading_among_good_ones_changes_nothing() -> None:
    door = Door()
    for _ in range(WINDOW):
        door.tell(100, 0)
    assert door.tell(390, 5) == ""
    assert door.counts == Quality(delay_ns=100 * MS, loss_ppm=0)


def test_what_is_always_a_little_different_is_always_the_same() -> None:
    door = Door()
    door.tell(100, 1)
    told = len(door.told)
    for step in range(40):
        door.tell(100 + 0.9 * math.sin(step), 1 + 0.09 * math.cos(step))
    assert door.counts == Quality(delay_ns=100 * MS, loss_ppm=10_000)
    assert len(door.told) == told


def test_a_change_is_told_once_and_counts() -> None:
    door = Door()
    for _ in range(WINDOW):
        door.tell(100, 0)
    door.told.clear()
    for _ in range(WINDOW):
        door.tell(130, 0)
    assert door.counts == Quality(delay_ns=130 * MS, loss_ppm=0)
    assert door.told == ["what is measured has changed: igw-n to europe"]


def test_stale_measurements_do_not_count() -> None:
    door = Door()
    door.tell(100, 3)
    door.at_s += FRESH_S
    assert door.counts == Quality(delay_ns=100 * MS, loss_ppm=30_000)
    door.at_s += 1
    assert door.counts is None
    view = door.quality.views()[0]
    assert not view.fresh
    assert view.age_s == FRESH_S + 1
    # What comes after that starts anew, and is no jump from what was long ago.
    door.tell(90, 0)
    assert door.counts == Quality(delay_ns=90 * MS, loss_ppm=0)


def test_stale_loss_counts_on_where_none_is_declared() -> None:
    """Or a policy with a bound would lose its gateways because a probe is away."""
    door = Door()
    reported = Measurement(gateway="igw-s", region="japan", at_s=door.at_s, delay_ns=21 * MS, loss_ppm=40)
    probed = replace(reported, loss_ppm=70, origin=Origin.PROBES)
    assert door.quality.report((reported, probed)) == ("", "")
    way = ("igw-s", "japan")
    assert door.quality.counting()[way] == Quality(delay_ns=21 * MS, loss_ppm=40)
    door.at_s += FRESH_S - 1
    assert door.quality.report((replace(probed, at_s=door.at_s),)) == ("",)
    door.at_s += 2
    assert door.quality.counting()[way] == Quality(delay_ns=21 * MS, loss_ppm=70), "fresh before stale"
    door.at_s += FRESH_S
    assert door.quality.counting()[way] == Quality(loss_ppm=40)
    assert all("only the loss counts on" in doubt for doubt in door.quality.doubts())


def test_a_measurement_is_as_old_as_it_says() -> None:
    door = Door()
    reading = replace(door.reading(100, 0), at_s=door.at_s - FRESH_S + 10)
    assert door.quality.report((reading,)) == ("",)
    door.at_s += 11
    assert door.counts is None


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"delay_ns": -1}, "a delay of -1e-06 ms is not between 0 and 10000ms"),
        ({"delay_ns": MAX_DELAY_NS + 1}, "is not between 0 and"),
        ({"loss_ppm": -1}, "a loss of -0.0001 % is not between 0 and 100 %"),
        ({"loss_ppm": 1_000_001}, "is not between 0 and 100 %"),
        ({"delay_ns": None, "loss_ppm": None}, "neither a delay nor a loss"),
        ({"at_s": math.nan}, "its time is no number"),
        ({"at_s": math.inf}, "its time is no number"),
        ({"at_s": START_S + 400}, "s from now"),
        ({"at_s": START_S + 120 - FRESH_S}, "a later one is known already"),
    ],
)
def test_what_cannot_be_is_held_and_what_counted_stays(change: dict[str, float | None], why: str) -> None:
    door = Door()
    door.tell(100, 1)
    door.tell(100, 1)
    door.at_s += 30
    (answer,) = door.quality.report((replace(door.reading(100, 1), **change),))  # type: ignore[arg-type]
    assert why in answer
    assert door.counts == Quality(delay_ns=100 * MS, loss_ppm=10_000)


def test_what_is_too_old_never_counts() -> None:
    door = Door()
    (why,) = door.quality.report((replace(door.reading(100, 1), at_s=START_S - FRESH_S - 1),))
    assert "nothing counts any more" in why
    assert door.counts is None
    assert door.quality.views()[0].why == why


@pytest.mark.parametrize(("delay_ms", "loss"), [(500, 0), (20, 0), (100, 100)])
def test_a_jump_is_held_until_three_in_a_row_say_so(delay_ms: float, loss: float) -> None:
    door = Door()
    for _ in range(WINDOW):
        door.tell(100, 0)
    for _ in range(2):
        assert "that may not be true" in door.tell(delay_ms, loss)
        assert door.counts == Quality(delay_ns=100 * MS, loss_ppm=0)
        assert "that may not be true" in door.quality.views()[0].why
    assert door.tell(delay_ms, loss) == ""
    assert door.counts == Quality(delay_ns=round(delay_ms * MS), loss_ppm=round(loss * 10_000))
    assert door.quality.views()[0].why == ""


def test_the_same_jump_told_again_is_no_other_one() -> None:
    door = Door()
    door.tell(100, 0)
    door.at_s += 30
    for _ in range(5):
        assert door.quality.report((door.reading(900, 0),))[0]
    assert door.counts == Quality(delay_ns=100 * MS, loss_ppm=0)


def test_jumps_here_and_there_are_never_believed() -> None:
    door = Door()
    door.tell(100, 0)
    for delay_ms in (500, 5_000, 500, 5_000, 500):
        assert door.tell(delay_ms, 0)
    assert door.counts == Quality(delay_ns=100 * MS, loss_ppm=0)


def test_the_first_reading_is_compared_with_what_is_declared() -> None:
    door = Door()
    assert "400ms after 80ms" in door.tell(400, 0)
    assert door.counts is None


def test_nothing_arrives_and_so_there_is_no_delay() -> None:
    door = Door()
    for _ in range(3):
        door.tell(None, 100)
    assert door.counts == Quality(delay_ns=None, loss_ppm=1_000_000)
    (igw_n, _) = with_measured(TOPOLOGY.gateways, door.quality.counting())
    assert igw_n.delays_ns == (("europe", 80 * MS),)
    assert igw_n.losses_ppm == (("europe", 1_000_000),)


def test_what_others_report_counts_before_our_own_probes() -> None:
    door = Door()
    probed = replace(door.reading(70, 2), origin=Origin.PROBES)
    reported = door.reading(100)
    assert door.quality.report((probed, reported)) == ("", "")
    assert door.counts == Quality(delay_ns=100 * MS, loss_ppm=20_000)
    assert [view.origin for view in door.quality.views()] == [Origin.REPORTED, Origin.PROBES]


def test_the_same_measurements_again_change_nothing() -> None:
    door = Door()
    door.tell(100, 0)
    rows = [replace(door.reading(110 + step, 1), at_s=door.at_s - 5 + step) for step in (3, 1, 2)]
    assert door.quality.report(rows) == ("a later one is known already",) * 3
    rows = [replace(row, at_s=row.at_s + 10) for row in rows]
    assert door.quality.report(rows) == ("", "", "")
    counts, views = door.counts, door.quality.views()
    assert door.quality.report(rows) == ("", "", "")
    assert (door.counts, door.quality.views()) == (counts, views)


def test_a_clock_that_is_set_back_is_believed_when_what_was_is_stale() -> None:
    time_s, clock_s = START_S, 0.0
    quality = MeasuredQuality(TOPOLOGY, lambda: time_s, lambda: clock_s)
    reading = Measurement(gateway="igw-n", region="europe", at_s=time_s, delay_ns=100 * MS)
    assert quality.report((reading,)) == ("",)
    assert quality.report((replace(reading, at_s=time_s + 1, delay_ns=900 * MS),))[0]
    time_s -= 3_600
    now = replace(reading, at_s=time_s, delay_ns=110 * MS)
    assert quality.report((now,)) == ("a later one is known already",)
    clock_s += FRESH_S + 1
    time_s += FRESH_S + 1
    assert quality.report((replace(now, at_s=time_s),)) == ("",)
    assert quality.counting()["igw-n", "europe"] == Quality(delay_ns=110 * MS)


def test_what_is_kept_counts_in_the_next_process_as_long_as_it_is_fresh() -> None:
    door = Door()
    for delay_ms in (100, 101, 102, 103, 104, 105):
        door.tell(delay_ms, 1)
    door.tell(900, 1)
    kept = door.quality.series()
    assert [len(one.good) for one in kept] == [WINDOW]
    door.at_s += 100
    # The clock that does not jump begins anew, and one gateway is not there any more.
    elsewhere = replace(kept[0], good=(replace(kept[0].good[0], gateway="igw-x"),))
    again = MeasuredQuality(TOPOLOGY, lambda: door.at_s, lambda: door.at_s - START_S - 200, kept=(*kept, elsewhere))
    assert again.counting() == door.quality.counting()
    assert again.series() == kept
    assert again.views()[0].age_s == 130
    door.at_s += FRESH_S - 130
    assert again.counting() == door.quality.counting() != {}
    door.at_s += 1
    assert not again.counting()


def test_unknown_names_are_refused_and_nothing_is_taken_in() -> None:
    door = Door()
    good = door.reading(100, 0)
    bad = (replace(good, gateway="igw-nn"), replace(good, region="japan"))
    with pytest.raises(InvalidInput) as refused:
        door.quality.report((good, *bad))
    assert [(fault.document, fault.field) for fault in refused.value.faults] == [(1, "gateway"), (2, "region")]
    assert "igw-n" in refused.value.faults[0].message
    assert door.counts is None


def test_what_counts_replaces_what_is_declared_and_nothing_else() -> None:
    measured = {
        ("igw-n", "europe"): Quality(loss_ppm=7),
        ("igw-s", "japan"): Quality(delay_ns=25 * MS, loss_ppm=1),
        ("igw-n", "japan"): Quality(delay_ns=1, loss_ppm=1),
    }
    igw_n, igw_s = with_measured(TOPOLOGY.gateways, measured)
    assert igw_n == replace(IGW_N, losses_ppm=(("europe", 7),))
    assert igw_s == replace(IGW_S, delays_ns=(("europe", 90 * MS), ("japan", 25 * MS)), losses_ppm=(("japan", 1),))


@given(
    readings=st.lists(
        st.tuples(st.integers(60, 240), st.integers(0, 100_000), st.floats(0.1, 2 * FRESH_S)), min_size=1, max_size=30
    )
)
def test_what_counts_was_measured_among_the_last_few(readings: list[tuple[int, int, float]]) -> None:
    """Never something in between that nobody saw: of delays one of those, of losses between the least and greatest, but
    for the bands."""
    door = Door()
    for delay_ms, loss_ppm, after_s in readings:
        assert door.tell(delay_ms, loss_ppm / 10_000, after_s=after_s) == ""
        counts = door.counts
        assert counts is not None
        assert counts.delay_ns is not None
        assert counts.delay_ns / MS in {delay for delay, _, _ in readings}
        assert counts.loss_ppm is not None
        assert min(loss for _, loss, _ in readings) <= counts.loss_ppm <= max(loss for _, loss, _ in readings)
