"""All checks of all lines of a lab, in three stages: frames, round trips, load."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final

from controller.domain.topology import Direction, PerDirection
from lab.measure import checks
from lab.measure.change_over import Wires, change_over
from lab.measure.checks import Check, Observation
from lab.measure.dataplane import DataPlane, Exchange, Flood, Flooded, RoundTrip, Sending
from lab.measure.expectation import ExpectedLab, ExpectedLine
from lab.measure.probes import Marks, Probe, identity_of, lab_probes, line_frame
from lab.measure.round_trips import round_trips

# What may still be on its way after the longest planned delay: queues, and a busy machine.
_MARGIN_NS: Final = 500_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Effort:
    """How long and how hard to measure.

    ``packets_per_second`` is what all floods that run at the same time may offer together. A software switch has
    its limits (Open vSwitch in user space: some 25,000 a second on two cores); beyond them the measurement would find
    those instead of the lines'. Lines that do not fit together are flooded one group after the other; nothing is
    scaled down. In a short flood the meter's burst weighs more and is allowed for: only a meter that is wrong by more
    than burst / ``flood_seconds`` shows.

    What a busy machine may have spoilt is measured again, up to ``attempts`` times in all, and the last one counts:
    round trips that do not pass (such a machine delays frames for a moment, a wrong route for good), and floods for
    which the prober itself was too slow.
    """

    flood_seconds: float = 10.0
    round_trips: int = 20
    attempts: int = 3
    packets_per_second: int = 9000


@dataclass(frozen=True, slots=True, kw_only=True)
class LineReport:
    """What was found of one line. Times are medians in nanoseconds (``None``: no round trip came back),
    ``delivered_bps`` counts customer layer-2 bits."""

    line: ExpectedLine
    checks: tuple[Check, ...]
    round_trip_ns: float | None
    one_way_ns: PerDirection[float] | None
    delivered_bps: PerDirection[float]
    observations: tuple[Observation, ...]

    @property
    def passed(self) -> bool:
        return all(check.passed for check in self.checks)


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What was found of a lab; ``idle_sites`` says of each site without a line whether it is closed."""

    data_plane: str
    lines: tuple[LineReport, ...]
    idle_sites: tuple[tuple[str, Check], ...]
    seconds: float

    @property
    def passed(self) -> bool:
        return all(line.passed for line in self.lines) and all(check.passed for _, check in self.idle_sites)


Progress = Callable[[str, int, int], None]
"""Called with what is being done, the steps done and all steps."""


def verify(
    data_plane: DataPlane,
    lab: ExpectedLab,
    run: int,
    effort: Effort = Effort(),
    progress: Progress = lambda _what, _done, _all: None,
    wires: Wires | None = None,
) -> Report:
    """Measure every line and judge it. ``run`` is a number of 32 bits that no recent run had (a random one). With
    ``wires`` the working routes of protected lines are cut in the end, one after the other, which disturbs all lines
    that ride there.

    Raises :class:`lab.measure.dataplane.MeasurementFailed` when nothing could be measured.
    """
    started = time.monotonic()
    marks = Marks(run)
    groups = list(flood_groups(lab, marks, effort))
    steps = 2 + len(groups)
    delays_ns = [max(path.delay_ns) for line in lab.lines for path in (line, line.protect) if path is not None]
    window_ns = max(delays_ns, default=0) + _MARGIN_NS

    # Frames first: a flood would leave the meters without the burst that these may need.
    progress("frames of every kind", 0, steps)
    probes = lab_probes(lab, marks)
    exchange = data_plane.exchange([Sending(site=probe.site, frame=probe.frame) for probe in probes], window_ns)

    progress("round trips", 1, steps)
    trips = round_trips(data_plane, lab, lab.lines, marks, effort.round_trips, window_ns)

    flooded: dict[tuple[str, Direction], Flooded] = {}
    for number, group in enumerate(groups):
        names = ", ".join(f"{task.line} {task.direction}" for task in group)
        progress(f"load on {names}", 2 + number, steps)
        results = _flood(data_plane, group, effort, window_ns)
        flooded.update({(str(task.line), task.direction): result for task, result in zip(group, results, strict=True)})
    # Not at once but after the floods: what kept the machine busy may have passed by then.
    for _ in range(effort.attempts - 1):
        if late := _late(lab, trips):
            trips.update(round_trips(data_plane, lab, late, marks, effort.round_trips, window_ns))
    changed_over = {}
    for line in lab.lines if wires is not None else ():
        if wires is not None and line.protect is not None and line.protect.links:
            progress(f"change-over of {line}", steps, steps)
            changed_over[str(line)] = change_over(data_plane, wires, lab, line, marks, effort.round_trips, window_ns)
    progress("done", steps, steps)

    return Report(
        data_plane=data_plane.name,
        lines=tuple(
            _judge(
                line,
                probes,
                exchange,
                trips[str(line)],
                {way: flooded[str(line), way] for way in Direction},
                changed_over.get(str(line)),
            )
            for line in lab.lines
        ),
        idle_sites=tuple(
            (site, checks.blocked([probe for probe in probes if not probe.line and probe.site == site], exchange))
            for site in lab.idle_sites
        ),
        seconds=time.monotonic() - started,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class FloodTask:
    line: ExpectedLine
    direction: Direction
    flood: Flood


def flood_groups(lab: ExpectedLab, marks: Marks, effort: Effort) -> Iterator[list[FloodTask]]:
    """Pack the floods of all lines, the largest first, into as few groups as first fit finds, each within the
    budget. A flood that alone is beyond it runs alone."""
    tasks = [_flood_task(lab, line, direction, marks) for line in lab.lines for direction in Direction]
    tasks.sort(key=lambda task: -_packets_per_second(task.flood))
    groups: list[list[FloodTask]] = []
    for task in tasks:
        wanted = _packets_per_second(task.flood)
        for group in groups:
            if wanted + sum(_packets_per_second(other.flood) for other in group) <= effort.packets_per_second:
                group.append(task)
                break
        else:
            groups.append([task])
    yield from groups


def _flood_task(lab: ExpectedLab, line: ExpectedLine, direction: Direction, marks: Marks) -> FloodTask:
    frame = line_frame(line, direction, identity_of(lab, line, direction, marks.take()), line.mtu_bytes)
    offered_bps = round(checks.OFFERED_SHARE * line.cir_bps[direction])
    near, _ = line.ends(direction)
    return FloodTask(line=line, direction=direction, flood=Flood(site=near.site, frame=frame, rate_bps=offered_bps))


def _packets_per_second(flood: Flood) -> float:
    return flood.rate_bps / (len(flood.frame) * 8)


def _late(lab: ExpectedLab, trips: Mapping[str, Sequence[RoundTrip | None]]) -> list[ExpectedLine]:
    """The lines whose round trips do not pass. Not those of which nothing came back: waiting again for every
    frame would take long and show the same."""
    return [
        line for line in lab.lines if any(trips[str(line)]) and not checks.round_trip(line, trips[str(line)]).passed
    ]


def _flood(data_plane: DataPlane, group: Sequence[FloodTask], effort: Effort, drain_ns: int) -> tuple[Flooded, ...]:
    results: tuple[Flooded, ...] = ()
    for _ in range(effort.attempts):
        results = data_plane.flood([task.flood for task in group], round(effort.flood_seconds * 1e9), drain_ns)
        found = zip(group, results, strict=True)
        if all(checks.is_conclusive(task.line.cir_bps[task.direction], result) for task, result in found):
            break
    return results


def _judge(
    line: ExpectedLine,
    all_probes: Sequence[Probe],
    exchange: Exchange,
    trips: Sequence[RoundTrip | None],
    flooded: dict[Direction, Flooded],
    changed_over: Check | None,
) -> LineReport:
    probes = [probe for probe in all_probes if probe.line == str(line)]
    verdicts = [checks.carried(direction, probes, exchange) for direction in Direction]
    if not line.is_epl:
        verdicts.append(checks.blocked(probes, exchange))
    verdicts.append(checks.isolated(line, probes, exchange, flooded))
    verdicts.append(checks.round_trip(line, trips))
    verdicts += [checks.rate(line, direction, flooded[direction]) for direction in Direction]
    if changed_over is not None:
        verdicts.append(changed_over)
    whole = [trip for trip in trips if trip is not None]
    return LineReport(
        line=line,
        checks=tuple(verdicts),
        round_trip_ns=median(trip.total_ns for trip in whole) if whole else None,
        one_way_ns=PerDirection(median(trip.out_ns for trip in whole), median(trip.back_ns for trip in whole))
        if whole
        else None,
        delivered_bps=PerDirection(
            *(checks.delivered_bps(line, direction, flooded[direction]) for direction in Direction)
        ),
        observations=checks.observations(probes, exchange),
    )
