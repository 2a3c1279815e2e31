"""What a measurement proves: pure judgement. Each check says what it found and what it should have found.

What was not seen is never taken for granted: a frame that the prober could not send, or frames that it may have lost
itself, fail the check that needed them and say so.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final

from controller.domain.topology import Direction
from controller.domain.units import format_rate
from lab.measure.dataplane import Arrival, Exchange, Flooded, RoundTrip
from lab.measure.expectation import ExpectedLine
from lab.measure.probes import Probe, Purpose

ROUND_TRIP_EARLY_NS: Final = 200_000
ROUND_TRIP_LATE_NS: Final = 2_000_000
ROUND_TRIP_LATE_SHARE: Final = 0.05
ROUND_TRIPS_LOST_SHARE: Final = 0.1
OFFERED_SHARE: Final = 1.5
OFFERED_LEAST_SHARE: Final = 1.3
DELIVERED_LEAST_SHARE: Final = 0.95
DELIVERED_MOST_SHARE: Final = 1.03
CARRIED: Final = "carried unchanged"
_NAMED_AT_MOST: Final = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One verdict. ``message`` explains a failure; of a check that passed it is empty."""

    name: str
    passed: bool
    measured: str
    expected: str
    message: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """What became of a frame on which no promise rests."""

    kind: str
    direction: Direction
    outcome: str


def carried(direction: Direction, probes: Iterable[Probe], exchange: Exchange) -> Check:
    """Each frame arrives at the far end, once, with every byte as it should be."""
    own = [probe for probe in probes if probe.purpose is Purpose.CARRIED and probe.direction is direction]
    by_mark = _by_mark(exchange.arrivals)
    faults = [f"{probe.kind} {fault}" for probe in own if (fault := _carriage_fault(probe, by_mark, exchange.refused))]
    return Check(
        name=f"frames {direction}",
        passed=bool(own) and not faults and not exchange.lost_by_prober,
        measured=f"{len(own) - len(faults)}/{len(own)} carried unchanged",
        expected=f"{len(own)}/{len(own)} carried unchanged",
        message=_in_words(faults, exchange.lost_by_prober),
    )


def blocked(probes: Iterable[Probe], exchange: Exchange) -> Check:
    """What is not the line's own does not get through, to whatever site."""
    own = [probe for probe in probes if probe.purpose is Purpose.BLOCKED]
    by_mark = _by_mark(exchange.arrivals)
    faults = []
    for probe in own:
        if probe.mark in exchange.refused:
            faults.append(f"{probe.kind} could not be sent at {probe.site}: {exchange.refused[probe.mark]}")
        elif arrivals := by_mark.get(probe.mark):
            sites = ", ".join(sorted({arrival.site for arrival in arrivals}))
            faults.append(f"{probe.kind} entered at {probe.site} and came out at {sites}")
    return Check(
        name="blocked",
        passed=bool(own) and not faults and not exchange.lost_by_prober,
        measured=f"{len(own) - len(faults)}/{len(own)} blocked",
        expected=f"{len(own)}/{len(own)} blocked",
        message=_in_words(faults, exchange.lost_by_prober),
    )


def isolated(
    line: ExpectedLine, probes: Iterable[Probe], exchange: Exchange, floods: Mapping[Direction, Flooded]
) -> Check:
    """Nothing of the line, not even under full load, comes out anywhere but at its far end, nor back where it
    entered."""
    by_mark = _by_mark(exchange.arrivals)
    faults = []
    for probe in probes:
        # A frame that should have been blocked and was not is that check's finding.
        strays = [] if probe.purpose is Purpose.BLOCKED else _strays(probe, by_mark)
        faults += [f"{probe.kind} entered at {probe.site} and came out at {site}" for site in strays]
    for direction, flooded in floods.items():
        near, far = line.ends(direction)
        for site in sorted(flooded.received_bytes.keys() - {far.site}):
            faults.append(f"{flooded.received_bytes[site]} bytes of load from {near.site} came out at {site}")
    return Check(
        name="isolation",
        passed=not faults and not exchange.lost_by_prober,
        measured=f"{len(faults)} strays",
        expected="0 strays",
        message=_in_words(faults, exchange.lost_by_prober),
    )


def round_trip(line: ExpectedLine, trips: Sequence[RoundTrip | None]) -> Check:
    """The median is as planned, within -0.2 ms .. +max(2 ms, 5 %), and hardly any was lost."""
    planned_ns = line.round_trip_ns
    least_ns = planned_ns - ROUND_TRIP_EARLY_NS
    most_ns = planned_ns + max(ROUND_TRIP_LATE_NS, ROUND_TRIP_LATE_SHARE * planned_ns)
    expected = f"{planned_ns / 1e6:.2f} ms, at most {most_ns / 1e6:.2f} ms"
    whole = [trip.total_ns for trip in trips if trip is not None]
    lost = len(trips) - len(whole)
    if not whole:
        message = f"none of {len(trips)} round trips came back"
        return Check(name="round trip", passed=False, measured="nothing", expected=expected, message=message)
    found_ns = median(whole)
    faults = []
    if found_ns > most_ns:
        faults.append(f"takes {(found_ns - planned_ns) / 1e6:.2f} ms longer than planned")
    if found_ns < least_ns:
        faults.append(f"takes {(planned_ns - found_ns) / 1e6:.2f} ms less than planned: not the planned route")
    if lost > ROUND_TRIPS_LOST_SHARE * len(trips):
        faults.append(f"{lost} of {len(trips)} round trips were lost")
    return Check(
        name="round trip",
        passed=not faults,
        measured=f"{found_ns / 1e6:.2f} ms",
        expected=expected,
        message="; ".join(faults),
    )


def rate(line: ExpectedLine, direction: Direction, flooded: Flooded) -> Check:
    """Offered 150 % of the CIR, the line delivers 95-103 % of it, and once the burst of its meter."""
    cir_bps = line.cir_bps[direction]
    least_bps = DELIVERED_LEAST_SHARE * cir_bps
    most_bps = DELIVERED_MOST_SHARE * cir_bps + line.burst_bits[direction] * 1e9 / flooded.elapsed_ns
    found_bps = delivered_bps(line, direction, flooded)
    offered_bps = _offered_bps(flooded)
    faults = []
    if flooded.refused:
        faults.append(f"the site's interface refused frames: {flooded.refused}")
    elif offered_bps < OFFERED_LEAST_SHARE * cir_bps:
        faults.append(f"only {_mbps(offered_bps)} could be offered, which is too little to tell")
    if flooded.lost_by_prober:
        faults.append(f"the prober lost {flooded.lost_by_prober} frames itself")
    if found_bps < least_bps:
        faults.append(f"delivers {found_bps / cir_bps:.1%} of the CIR of {format_rate(cir_bps)}")
    if found_bps > most_bps:
        faults.append(f"delivers {found_bps / cir_bps:.1%} of the CIR of {format_rate(cir_bps)}: not policed to it")
    return Check(
        name=f"rate {direction}",
        passed=not faults,
        measured=_mbps(found_bps),
        expected=f"{_mbps(least_bps)} .. {_mbps(most_bps)}",
        message="; ".join(faults),
    )


def is_conclusive(cir_bps: int, flooded: Flooded) -> bool:
    """Whether a flood was what it should be, so that something can be said of the line: not so if the prober was too
    slow to send or to receive. A site whose interface refuses frames stays as it is: that is a finding."""
    return not flooded.lost_by_prober and (
        bool(flooded.refused) or _offered_bps(flooded) >= OFFERED_LEAST_SHARE * cir_bps
    )


def delivered_bps(line: ExpectedLine, direction: Direction, flooded: Flooded) -> float:
    """Bits of customer frames a second that came out at the far end."""
    _, far = line.ends(direction)
    return flooded.received_bytes.get(far.site, 0) * 8e9 / flooded.elapsed_ns


def observations(probes: Iterable[Probe], exchange: Exchange) -> tuple[Observation, ...]:
    """What became of the probes that are told and not judged."""
    by_mark = _by_mark(exchange.arrivals)
    return tuple(
        Observation(
            kind=probe.kind,
            direction=probe.direction,
            outcome=_carriage_fault(probe, by_mark, exchange.refused) or CARRIED,
        )
        for probe in probes
        if probe.purpose is Purpose.OBSERVED
    )


def _by_mark(arrivals: Iterable[Arrival]) -> dict[int, list[Arrival]]:
    found: dict[int, list[Arrival]] = {}
    for arrival in arrivals:
        found.setdefault(arrival.mark, []).append(arrival)
    return found


def _carriage_fault(probe: Probe, by_mark: Mapping[int, list[Arrival]], refused: Mapping[int, str]) -> str:
    """What is wrong with how a probe was carried; empty when nothing is."""
    if probe.mark in refused:
        return f"could not be sent at {probe.site}: {refused[probe.mark]}"
    there = [arrival.frame for arrival in by_mark.get(probe.mark, ()) if arrival.site == probe.far_site]
    if not there:
        return f"did not arrive at {probe.far_site}"
    for frame in there:
        if frame != probe.arrival:
            return f"arrived altered, {_difference(probe.arrival, frame)}"
    return f"arrived {len(there)} times" if len(there) > 1 else ""


def _difference(wanted: bytes, found: bytes) -> str:
    at = next(
        (index for index, pair in enumerate(zip(wanted, found, strict=False)) if pair[0] != pair[1]),
        min(len(wanted), len(found)),
    )
    sizes = f"{len(found)} bytes instead of {len(wanted)}, " if len(wanted) != len(found) else ""
    return f"{sizes}from byte {at}: {found[at : at + 6].hex()} instead of {wanted[at : at + 6].hex()}"


def _strays(probe: Probe, by_mark: Mapping[int, list[Arrival]]) -> list[str]:
    return sorted({arrival.site for arrival in by_mark.get(probe.mark, ())} - {probe.far_site})


def _in_words(faults: Sequence[str], lost_by_prober: int) -> str:
    named = list(faults[:_NAMED_AT_MOST])
    if len(faults) > _NAMED_AT_MOST:
        named.append(f"and {len(faults) - _NAMED_AT_MOST} more")
    if lost_by_prober:
        named.append(f"the prober lost {lost_by_prober} frames itself")
    return "; ".join(named)


def _offered_bps(flooded: Flooded) -> float:
    return flooded.sent_bytes * 8e9 / flooded.elapsed_ns


def _mbps(bps: float) -> str:
    return f"{bps / 1e6:.2f} Mbps"
