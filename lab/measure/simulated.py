"""The simulated data plane, measured: the same frames and the same judgement as for a real one, in virtual time.

It takes as long as the simulation needs for its frames; the delays and the load that are measured are those of the
simulated network, exact to the nanosecond.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

from controller.simulation.client import SimulationClient, SimulationError
from lab.measure.dataplane import (
    Arrival,
    Exchange,
    Flood,
    Flooded,
    Loop,
    MeasurementFailed,
    RoundTrip,
    Sending,
)
from lab.measure.frames import mark_of

# The pace at which a real data plane is probed: 4,000 frames a second. Meters see the same here as there.
_PACE_NS: Final = 250_000


class SimulatedDataPlane:
    """Implements :class:`lab.measure.dataplane.DataPlane` on the control socket of ``controller.simulation``."""

    name: Final = "simulated"

    def __init__(self, client: SimulationClient) -> None:
        self._client = client

    def exchange(self, sendings: Sequence[Sending], window_ns: int) -> Exchange:
        with _measuring():
            sent = self._client.send([(sending.site, sending.frame) for sending in sendings], _PACE_NS)
        ends_ns = max((frame.entered_ns for frame in sent), default=0) + window_ns
        arrivals: list[Arrival] = []
        refused: dict[int, str] = {}
        for sending, outcome in zip(sendings, sent, strict=True):
            if outcome.fault:
                refused[_mark(sending.frame)] = outcome.fault
            for arrived in outcome.arrivals:
                mark = mark_of(arrived.frame)
                in_time = outcome.entered_ns + arrived.delay_ns <= ends_ns
                if mark is not None and arrived.place.site is not None and in_time:
                    arrivals.append(Arrival(site=arrived.place.site, frame=arrived.frame, mark=mark))
        return Exchange(arrivals=tuple(arrivals), refused=refused)

    def round_trips(self, loops: Sequence[Loop], timeout_ns: int) -> tuple[tuple[RoundTrip | None, ...], ...]:
        runners = [_Runner(loop, timeout_ns) for loop in loops]
        with _measuring():
            for number in range(max((len(loop.out) for loop in loops), default=0)):
                running = [runner for runner in runners if number < len(runner.loop.out)]
                out = self._one_way([(runner.loop.a, runner.loop.z, runner.loop.out[number]) for runner in running])
                # What did not arrive cannot be sent back; the others all go back together.
                there = [runner for runner, took_ns in zip(running, out, strict=True) if runner.in_time(took_ns)]
                back = self._one_way([(runner.loop.z, runner.loop.a, runner.loop.back[number]) for runner in there])
                back_ns = dict(zip(map(id, there), back, strict=True))
                for runner, out_ns in zip(running, out, strict=True):
                    runner.finish_round(out_ns, back_ns.get(id(runner)))
        return tuple(tuple(runner.results) for runner in runners)

    def flood(self, floods: Sequence[Flood], duration_ns: int, drain_ns: int) -> tuple[Flooded, ...]:
        wanted = [(flood.site, flood.frame, flood.rate_bps) for flood in floods]
        with _measuring():
            tallies = self._client.flood(wanted, duration_ns, drain_ns)
        results = []
        for flood, tally in zip(floods, tallies, strict=True):
            received: Counter[str] = Counter()
            for place, size in tally.arrived_bytes.items():
                if place.site is not None:
                    received[place.site] += size
            results.append(
                Flooded(
                    sent_bytes=tally.sent_frames * len(flood.frame),
                    elapsed_ns=duration_ns,
                    received_bytes=dict(received),
                    refused=tally.fault,
                )
            )
        return tuple(results)

    def cut(self, link: str) -> None:
        """As ``lab.measure.change_over.Wires``."""
        with _measuring():
            self._client.set_link(link, up=False)

    def restore(self, link: str) -> None:
        with _measuring():
            self._client.set_link(link, up=True)

    def _one_way(self, probes: Sequence[tuple[str, str, bytes]]) -> list[int | None]:
        """How long frames take from one site to another; ``None`` when they do not arrive there."""
        sent = self._client.send([(near, frame) for near, _, frame in probes], _PACE_NS)
        return [
            next((arrived.delay_ns for arrived in outcome.arrivals if arrived.place.site == far), None)
            for (_, far, _), outcome in zip(probes, sent, strict=True)
        ]


@dataclass(slots=True, eq=False)
class _Runner:
    """One loop and its rounds so far."""

    loop: Loop
    timeout_ns: int
    results: list[RoundTrip | None] = field(default_factory=list)

    def in_time(self, took_ns: int | None) -> bool:
        return took_ns is not None and took_ns <= self.timeout_ns

    def finish_round(self, out_ns: int | None, back_ns: int | None) -> None:
        if out_ns is not None and back_ns is not None and self.in_time(out_ns) and self.in_time(back_ns):
            self.results.append(RoundTrip(out_ns=out_ns, back_ns=back_ns))
        else:
            self.results.append(None)


@contextmanager
def _measuring() -> Iterator[None]:
    """A simulation that is gone, or does not understand, means that nothing could be measured."""
    try:
        yield
    except (SimulationError, OSError) as error:
        raise MeasurementFailed(f"simulation: {error}") from error


def _mark(frame: bytes) -> int:
    mark = mark_of(frame)
    return 0 if mark is None else mark
