"""What is measured from gateways to regions abroad: the newest few of each way, what counts of them, and for how long.

Every way (a gateway, a region) has a series for each origin: our own probes, and what others report. Of a series count

* of the delay the median, of the loss the mean without the greatest and the least, of the last ``WINDOW``: a single
  reading that is off changes nothing, and two lost packets of twenty are told from one;
* not each of these anew: what counts stays until they are further from it than ``DELAY_BAND`` and ``LOSS_BAND``, so
  that no gateway comes and goes with what is always a little different;
* as long as the last good reading is younger than ``fresh_s``. Then it is *stale*, and what is declared counts again;
  where no loss is declared, the last that was measured stays: what nobody knows any more keeps no bound of any policy,
  and who measures may be away without that traffic has to move.

A reading that is hardly true is *held*: what counted goes on counting, with the reason. That is one with an impossible
value, from another time, or a jump (to ``JUMP`` times the delay or a ``JUMP``-th, or by ``LOSS_JUMP_PPM``), unless
``BELIEVED_AFTER`` in a row say about the same.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from statistics import median_low
from typing import Final

from controller.domain.errors import Fault, InvalidInput, Reason
from controller.domain.gateway_quality import Measurement, Origin, Quality, Series, Way, impossible
from controller.domain.topology import Topology
from controller.domain.units import format_delay
from controller.domain.validation import unknown

WINDOW: Final = 5
FRESH_S: Final = 600.0
"""Two of the five minutes in which tools like smokeping measure."""
AHEAD_S: Final = 60.0
"""Other clocks may be so far ahead of ours."""
DELAY_BAND: Final = (500_000, 0.01)
"""In ns, and as a share of what counts: the greater of both."""
LOSS_BAND: Final = (100, 0.1)
"""In ppm, and as a share of what counts: the greater of both."""
JUMP: Final = 4.0
JUMPS_FROM_NS: Final = 10_000_000
"""Less than this counts as this much: from 2 to 9 ms is no jump."""
LOSS_JUMP_PPM: Final = 200_000
BELIEVED_AFTER: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesView:
    """What is measured of a way by one origin. ``counts``: as smoothed; ``age_s``: of the last good reading, ``None``
    if there was none; ``readings``: how many it rests on; ``why``: what it is held for, empty if it is not."""

    gateway: str
    region: str
    origin: Origin
    counts: Quality
    age_s: float | None
    readings: int
    fresh: bool
    why: str


@dataclass(slots=True, kw_only=True)
class _Series:
    good: list[Measurement] = field(default_factory=list)
    """The last ``WINDOW``, the oldest first."""
    odd: list[Measurement] = field(default_factory=list)
    """In a row, and about the same."""
    counts: Quality = field(default_factory=Quality)
    good_s: float | None = None
    """When the last good reading was taken, by the clock that does not jump."""
    why: str = ""


class MeasuredQuality:
    """The door for whoever measures. Not for use by several threads. ``now`` tells the time of day, ``clock`` one that
    does not jump; both in seconds. ``kept``: the ``series`` of an earlier process; those of ways that there are none of
    any more are passed over."""

    def __init__(
        self,
        topology: Topology,
        now: Callable[[], float],
        clock: Callable[[], float],
        fresh_s: float = FRESH_S,
        kept: Iterable[Series] = (),
    ) -> None:
        self.fresh_s = fresh_s
        self.taken = 0
        """How many good readings there were."""
        self._declared = {
            (gateway.name, region): Quality(delay_ns=delay_ns, loss_ppm=dict(gateway.losses_ppm).get(region))
            for gateway in topology.gateways
            for region, delay_ns in gateway.delays_ns
        }
        self._gateways = {gateway.name: [region for region, _ in gateway.delays_ns] for gateway in topology.gateways}
        self._now = now
        self._clock = clock
        self._tell_changed: Callable[[str], None] | None = None
        self._series: dict[tuple[Way, Origin], _Series] = {}
        for one in kept:
            last = one.good[-1]
            if last.way in self._declared:
                good_s = clock() - max(now() - last.at_s, 0.0)
                found = _Series(good=list(one.good), counts=one.counts, good_s=good_s)
                self._series[last.way, last.origin] = found

    @property
    def now_s(self) -> float:
        """The time of day."""
        return self._now()

    def on_change(self, tell: Callable[[str], None]) -> None:
        """To be told, in words, when something else counts than did. What gets stale is not told."""
        self._tell_changed = tell

    def report(self, measurements: Iterable[Measurement]) -> tuple[str, ...]:
        """Take measurements in, the oldest first; the same ones again change nothing. Return of each, in their order,
        why it is held, in words; empty: it is good. ``InvalidInput``, with ``Fault.document`` the index: it is of a
        gateway or region that there is none of; then nothing is taken in."""
        rows = list(measurements)
        faults = [fault for index, row in enumerate(rows) for fault in self._references(index, row)]
        if faults:
            raise InvalidInput(tuple(faults))
        before = self.counting()
        answers = [""] * len(rows)
        for index, row in sorted(enumerate(rows), key=lambda one: _moment(one[1])):
            answers[index] = self._take(row)
        after = self.counting()
        other = [way for way in sorted(before.keys() | after.keys()) if before.get(way) != after.get(way)]
        if other and self._tell_changed is not None:
            ways = ", ".join(f"{gateway} to {region}" for gateway, region in other[:3])
            more = f" and {len(other) - 3} more" if len(other) > 3 else ""
            self._tell_changed(f"what is measured has changed: {ways}{more}")
        return tuple(answers)

    def counting(self) -> Mapping[Way, Quality]:
        """What is measured and counts now, of ways that have any."""
        found: dict[Way, Quality] = {}
        now_s = self._clock()
        for way, declared in self._declared.items():
            known = [one for origin in Origin if (one := self._series.get((way, origin))) is not None]
            counts = Quality()
            for series in known:
                if self._fresh(series, now_s):
                    counts = counts.over(series.counts)
            for series in known:
                if declared.loss_ppm is None:
                    counts = counts.over(Quality(loss_ppm=series.counts.loss_ppm))
            if counts != Quality():
                found[way] = counts
        return found

    def declared(self) -> Mapping[Way, Quality]:
        """Of all ways, in the order of the topology."""
        return self._declared

    def views(self) -> tuple[SeriesView, ...]:
        """By gateway, region and origin (the one that counts first), those that anything was told of."""
        now_s = self._clock()
        return tuple(
            SeriesView(
                gateway=gateway,
                region=region,
                origin=origin,
                counts=series.counts,
                age_s=None if series.good_s is None else max(now_s - series.good_s, 0.0),
                readings=len(series.good),
                fresh=self._fresh(series, now_s),
                why=series.why,
            )
            for ((gateway, region), origin), series in sorted(self._series.items(), key=_by_way)
        )

    def series(self) -> tuple[Series, ...]:
        """What is good of all of them, to be kept."""
        return tuple(
            Series(good=tuple(one.good), counts=one.counts)
            for _, one in sorted(self._series.items(), key=_by_way)
            if one.good
        )

    def doubts(self) -> tuple[str, ...]:
        """In words, what is measured and does not count, and what counts instead."""
        found = []
        for view in self.views():
            way = f"{view.gateway} to {view.region}, {view.origin}"
            if not view.fresh and view.readings:
                lasts = view.counts.loss_ppm is not None and self._declared[view.gateway, view.region].loss_ppm is None
                what = "only the loss counts on, as none is declared" if lasts else "it does not count any more"
                found.append(f"{way}: nothing good for more than {self.fresh_s:g} s; {what}")
            elif view.why:
                found.append(f"{way}: {view.why}; {'what was before counts' if view.fresh else 'it does not count'}")
        return tuple(found)

    def _fresh(self, series: _Series, now_s: float) -> bool:
        return series.good_s is not None and now_s - series.good_s <= self.fresh_s

    def _references(self, index: int, row: Measurement) -> Iterable[Fault]:
        if row.gateway not in self._gateways:
            fault = unknown("gateway", "gateway", row.gateway, self._gateways)
        elif row.way not in self._declared:
            fault = unknown("region", f"region that {row.gateway} serves", row.region, self._gateways[row.gateway])
        else:
            return
        yield Fault(reason=Reason.REFERENCE_NOT_FOUND, message=fault.message, field=fault.field, document=index)

    def _take(self, row: Measurement) -> str:
        series = self._series.setdefault((row.way, row.origin), _Series())
        now_s = self._clock()
        # What was, long ago, is no part of what is, and nothing that this would be a jump from, or too late for: clocks
        # that tell the time of day are set back.
        known, counts = (series.good, series.counts) if self._fresh(series, now_s) else ([], Quality())
        odd = [one for one in series.odd if abs(row.at_s - one.at_s) <= self.fresh_s]
        if row in known:
            return ""
        if row in odd:
            return series.why
        if any(row.at_s <= one.at_s for one in (*known[-1:], *odd[-1:])):
            return "a later one is known already"
        age_s = self._now() - row.at_s
        if why := impossible(row) or self._from_another_time(age_s):
            series.why = why
            return why
        if why := _jump(row, counts if known else self._declared[row.way]):
            series.odd = [*(odd if odd and _alike(odd[-1], row) else []), row]
            if len(series.odd) < BELIEVED_AFTER:
                series.why = why
                return why
            known, counts = series.odd[:-1], Quality()
        series.good = [*known, row][-WINDOW:]
        series.odd, series.why = [], ""
        self.taken += 1
        series.counts = _settled(counts, series.good)
        series.good_s = now_s - max(age_s, 0.0)
        return ""

    def _from_another_time(self, age_s: float) -> str:
        if age_s < -AHEAD_S:
            return f"it was measured {-age_s:.0f} s from now"
        if age_s > self.fresh_s:
            return f"it is {age_s:.0f} s old: after {self.fresh_s:g} s nothing counts any more"
        return ""


def _by_way(one: tuple[tuple[Way, Origin], _Series]) -> tuple[Way, int]:
    (way, origin), _ = one
    return way, tuple(Origin).index(origin)


def _moment(row: Measurement) -> float:
    return row.at_s if math.isfinite(row.at_s) else -math.inf


def _settled(before: Quality, good: list[Measurement]) -> Quality:
    """What counts after these, if ``before`` did."""
    delays = [one.delay_ns for one in good if one.delay_ns is not None]
    losses = [one.loss_ppm for one in good if one.loss_ppm is not None]
    return Quality(
        delay_ns=_within_band(before.delay_ns, median_low(delays), DELAY_BAND) if delays else None,
        loss_ppm=_within_band(before.loss_ppm, _middle_mean(losses), LOSS_BAND) if losses else None,
    )


def _within_band(before: int | None, now: int, band: tuple[int, float]) -> int:
    if before is None:
        return now
    least, share = band
    return before if abs(now - before) <= max(least, share * before) else now


def _middle_mean(losses: list[int]) -> int:
    """Without the greatest and the least, where three or more are there."""
    kept = sorted(losses)[1:-1] if len(losses) >= 3 else losses
    return round(sum(kept) / len(kept))


def _jump(row: Measurement, before: Quality) -> str:
    if row.delay_ns is not None and before.delay_ns is not None and _far(row.delay_ns, before.delay_ns):
        return f"{format_delay(row.delay_ns)} after {format_delay(before.delay_ns)}: that may not be true"
    if row.loss_ppm is not None:
        was_ppm = 0 if before.loss_ppm is None else before.loss_ppm
        if abs(row.loss_ppm - was_ppm) > LOSS_JUMP_PPM:
            return f"{row.loss_ppm / 10_000:g} % lost after {was_ppm / 10_000:g} %: that may not be true"
    return ""


def _alike(one: Measurement, other: Measurement) -> bool:
    """Whether two tell of the same new level."""
    delays = one.delay_ns is None or other.delay_ns is None or not _far(one.delay_ns, other.delay_ns)
    losses = one.loss_ppm is None or other.loss_ppm is None or abs(one.loss_ppm - other.loss_ppm) <= LOSS_JUMP_PPM
    return delays and losses


def _far(one_ns: int, other_ns: int) -> bool:
    low, high = sorted((max(one_ns, JUMPS_FROM_NS), max(other_ns, JUMPS_FROM_NS)))
    return high > JUMP * low
