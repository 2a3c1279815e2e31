"""How much each source sends where: rates by counters, smoothed, and held at the last good ones when in doubt.

A source (a PE with internet sites) is *held* while its device does not answer, or what it says cannot be true: then its
rates stay what they were, and the reason is told. Held for ``STALE_AFTER`` readings it is called stale. It never counts
as sending nothing because it is silent.

What cannot be true: more than ``MOST_OF_CAPACITY`` times what the source's links and gateways could carry away
together; a jump to ``JUMP`` times what it was, or to a ``JUMP``-th, unless it stays there for ``BELIEVED_AFTER``
readings.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from controller.compiler.steering.inputs import Flow
from controller.domain.steering import SLICES, Entry
from controller.domain.topology import Topology
from controller.domain.units import format_rate
from controller.service.egress.counters import CounterReading, GroupFlow, Rates, rates_between

HALF_LIFE_S: Final = 30.0
"""After so long, half of what a flow has fallen by counts. What it has grown by counts at once, or a gateway would lose
packets until the mean has followed; a burst of a few seconds is no more than its share of a cycle, either way."""
MOST_OF_CAPACITY: Final = 2.0
"""What enters is counted before links drop what they have no room for; but not many times as much."""
JUMP: Final = 100.0
JUMPS_FROM: Final = 1e-3
"""Of the source's capacity: less than this counts as this much when it rises, so that a start is no jump."""
BELIEVED_AFTER: Final = 3
STALE_AFTER: Final = 3
_ALIKE: Final = 2.0
"""Within this factor two readings tell of the same new level."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldSource:
    """A source whose last good rates count instead of what is true now: for so many readings, ``why``, and what these
    rates come to. ``age_s``: how old they are; ``None``: there were none since the start."""

    source: str
    why: str
    readings: int
    bps: int
    age_s: float | None

    @property
    def stale(self) -> bool:
        return self.readings >= STALE_AFTER


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """``bps`` by source, destination group and class, of each slice. ``age_s``: of the oldest rates that are not held;
    ``None``: nothing is measured."""

    bps: Mapping[Flow, tuple[int, ...]] = field(default_factory=dict)
    held: tuple[HeldSource, ...] = ()
    age_s: float | None = None

    @property
    def held_share(self) -> float:
        """How much of all traffic, as far as it is known, is that of held sources."""
        total = sum(map(sum, self.bps.values()))
        return sum(one.bps for one in self.held) / total if total else 0.0


@dataclass(slots=True, kw_only=True)
class _Source:
    capacity_bps: int
    reading: CounterReading | None = None
    rates: dict[GroupFlow, Rates] = field(default_factory=dict)
    counted: dict[GroupFlow, Rates] = field(default_factory=dict)
    """Of the last good reading, as they were: not smoothed."""
    good_s: float | None = None
    held_for: int = 0
    why: str = ""
    odd: list[float] = field(default_factory=list)
    """Totals of the readings in a row that jumped to about the same level."""

    @property
    def total_bps(self) -> float:
        return _sum_bps(self.rates)


class MeasuredDemand:
    """Not for use by several threads. ``entries``: what an earlier process decided on counts until it is measured
    anew."""

    def __init__(self, topology: Topology, sources: Iterable[str], entries: Iterable[Entry] = ()) -> None:
        self._sources = {name: _Source(capacity_bps=carried_away_bps(topology, name)) for name in sorted(set(sources))}
        for entry in entries:
            if entry.source in self._sources:
                rates = tuple(entry.rate_bps / SLICES for _ in range(SLICES))
                self._sources[entry.source].rates[entry.group, entry.traffic_class] = rates

    @property
    def sources(self) -> tuple[str, ...]:
        return tuple(self._sources)

    def silent(self, source: str, why: str) -> None:
        """The device was asked and did not tell."""
        _hold(self._sources[source], why)

    def read(self, source: str, reading: CounterReading) -> None:
        """The first reading of a source tells nothing yet, but what later ones are compared with."""
        known = self._sources[source]
        before, known.reading = known.reading, reading
        if before is None:
            known.held_for, known.why = 0, ""
            return
        found = rates_between(before, reading)
        if not found:
            # Nothing there counts: no gateway is left to steer to, or the device has lost its rules. Nobody knows less.
            known.held_for, known.why = 0, ""
            return
        fresh = {flow: known.rates.get(flow) if rates is None else rates for flow, rates in found.items()}
        now = {flow: rates for flow, rates in fresh.items() if rates is not None}
        if why := _implausible(known, now, all_told=len(now) == len(found)):
            _hold(known, why)
            return
        weight = 0.5 ** ((reading.taken_s - before.taken_s) / HALF_LIFE_S)
        known.rates = {flow: _smoothed(known.rates.get(flow), rates, weight) for flow, rates in now.items()}
        last = known.counted
        told = {flow: last.get(flow) if rates is None else rates for flow, rates in found.items()}
        known.counted = {flow: rates for flow, rates in told.items() if rates is not None}
        known.good_s, known.held_for, known.why, known.odd = reading.taken_s, 0, "", []

    def counted(self) -> dict[Flow, Rates]:
        """What the last good readings told, not smoothed. What no device has told of since the start is not in it."""
        return {
            (source, *flow): rates for source, known in self._sources.items() for flow, rates in known.counted.items()
        }

    def measured(self, now_s: float) -> Measured:
        """As it is known now."""
        ages = [now_s - known.good_s for known in self._sources.values() if known.good_s is not None and not known.why]
        return Measured(
            bps={
                (source, *flow): tuple(map(round, rates))
                for source, known in self._sources.items()
                for flow, rates in sorted(known.rates.items())
            },
            held=tuple(
                HeldSource(
                    source=source,
                    why=known.why,
                    readings=known.held_for,
                    bps=round(known.total_bps),
                    age_s=None if known.good_s is None else now_s - known.good_s,
                )
                for source, known in self._sources.items()
                if known.why
            ),
            age_s=max(ages, default=None),
        )


def carried_away_bps(topology: Topology, node: str) -> int:
    """What the links and gateways of a node could carry away from it together."""
    links = sum(link.capacity_bps[link.direction_from(node)] for link in topology.links if node in (link.a, link.z))
    return links + sum(gateway.capacity_bps for gateway in topology.gateways if gateway.node == node)


def _hold(known: _Source, why: str) -> None:
    known.held_for += 1
    known.why = why


def _smoothed(before: Rates | None, now: Rates, weight: float) -> Rates:
    """``weight``: what counts of what was, where that was more in all."""
    if before is None or sum(now) >= sum(before):
        return now
    return tuple(new + (old - new) * weight for old, new in zip(before, now, strict=True))


def _implausible(known: _Source, now: Mapping[GroupFlow, Rates], *, all_told: bool) -> str:
    """Why it cannot be that the source sends so much; empty: it can. A jump is one of all that it sends, and of what
    was measured before and is now: what has no rule any more, because no gateway is left for it, has not fallen, what
    has got one has not risen, and what now goes to another group has done neither. Without ``all_told``, some of it may
    be where no rate is known yet, and nothing has fallen."""
    total_bps = _sum_bps(now)
    if total_bps > known.capacity_bps * MOST_OF_CAPACITY:
        known.odd = []
        could = format_rate(known.capacity_bps)
        return f"counters say {format_rate(round(total_bps))}, and its links and gateways could carry {could}"
    if known.good_s is None:
        return ""
    was_bps = known.total_bps
    both = known.rates.keys() & now.keys()
    was_of_both, of_both = (_sum_bps({flow: rates[flow] for flow in both}) for rates in (known.rates, now))
    least = known.capacity_bps * JUMPS_FROM
    rises = _rises(was_bps, total_bps, least) and _rises(was_of_both, of_both, least)
    falls = all_told and _falls(was_bps, total_bps, least) and _falls(was_of_both, of_both, least)
    if not rises and not falls:
        return ""
    if known.odd and not _alike(known.odd[-1], total_bps, least):
        known.odd = []
    known.odd.append(total_bps)
    if len(known.odd) >= BELIEVED_AFTER:
        known.rates = {}  # what was is no part of what is
        return ""
    return f"counters say {format_rate(round(total_bps))} after {format_rate(round(was_bps))}: that may not be true"


def _sum_bps(rates: Mapping[GroupFlow, Rates]) -> float:
    return sum(map(sum, rates.values()))


def _rises(was_bps: float, now_bps: float, least_bps: float) -> bool:
    return now_bps > JUMP * max(was_bps, least_bps)


def _falls(was_bps: float, now_bps: float, least_bps: float) -> bool:
    return was_bps > least_bps and now_bps * JUMP < was_bps


def _alike(a_bps: float, b_bps: float, least_bps: float) -> bool:
    low, high = sorted((max(a_bps, least_bps), max(b_bps, least_bps)))
    return high <= _ALIKE * low
