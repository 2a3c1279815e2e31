"""Pings from gateways to a reference address in each region, sent and heard through the gateways' switches: what the
network itself measures of the ways abroad, with nobody's help.

Each way is pinged every ``every_s``, evenly spread, and at most ``MOST_PER_S`` pings go out in all. Every
``PINGS_PER_READING`` rounds what they tell is reported. A way whose gateway has no signal, or whose switch is away or
not as it should be, is not pinged: then nothing is lost, nothing is reported, and what was measured gets stale.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from controller.compiler.steering.probes import Probe
from controller.compiler.steering.rules import VIRTUAL_MAC
from controller.domain.errors import DeviceRefused, DeviceUnreachable
from controller.domain.gateway_quality import Measurement, Origin, Way
from controller.forwarding.echo import Echo, read_reply, request_frame
from controller.service.egress.pings import RECENT, Answered, PingReading, PingWindow
from controller.southbound.driver import FrameSender, FrameTold

log = logging.getLogger(__name__)

EVERY_S: Final = 1.0
MOST_PER_S: Final = 100.0
MOST_ASKED: Final = 8
"""So many pings at most are on their way to a switch at a time."""
PINGS_PER_READING: Final = RECENT
ANSWER_WITHIN_S: Final = 2.0
"""A later answer is none (RFC 2681, 2.2: a loss threshold): twice one second each way."""
TOKEN_BYTES: Final = 16


def reading_every_s(ways: int, every_s: float) -> float:
    """How often something is reported of each of so many ways, one at least, that are pinged every ``every_s``."""
    return PINGS_PER_READING * ways * _pause_s(ways, every_s)


def _pause_s(ways: int, every_s: float) -> float:
    """From one ping to the next, whoever's."""
    return max(every_s / ways, 1 / MOST_PER_S)


class PingOutcome(StrEnum):
    ANSWERED = "answered"
    LOST = "lost"
    UNKNOWN = "unknown"
    """The switch did not take it, or was away before an answer was due; or nobody has ever answered there."""


@dataclass(slots=True, eq=False)
class _Waiting:
    """A ping that is under way; ``arrived`` gets the time at which its answer was read, in ns."""

    probe: Probe
    echo: Echo
    arrived: asyncio.Future[int]
    window: PingWindow
    missed: bool
    """Whether it is lost if nobody answers it: somebody had answered there when it was sent."""


@dataclass(slots=True)
class _Way:
    probe: Probe
    window: PingWindow = field(default_factory=PingWindow)
    pings: int = 0


class Probing:
    """``senders`` are the switches by name. ``standing(probe)``: a number that is another one whenever something has
    happened to the probe's switch; ``None`` while the way cannot be pinged. ``report`` takes what was measured.
    ``token`` makes bytes (``TOKEN_BYTES``) that nobody guesses: by these an answer is known to be one to us.
    ``identifier`` (16 bits) marks our pings to people who look at them. ``counted`` is told what became of each,
    ``read`` what they tell."""

    def __init__(
        self,
        probes: Sequence[Probe],
        senders: Mapping[str, FrameSender],
        *,
        standing: Callable[[Probe], int | None],
        report: Callable[[Iterable[Measurement]], object],
        now: Callable[[], float],
        token: Callable[[], bytes],
        identifier: int,
        every_s: float = EVERY_S,
        answer_within_s: float = ANSWER_WITHIN_S,
        counted: Callable[[Way, PingOutcome], None] = lambda way, outcome: None,
        read: Callable[[Way, PingReading], None] = lambda way, reading: None,
    ) -> None:
        # By region first: those of one switch stand apart.
        self._ways = [_Way(probe) for probe in sorted(probes, key=lambda one: (one.region, one.gateway))]
        self._senders = senders
        self._standing = standing
        self._report = report
        self._now = now
        self._token = token
        self._identifier = identifier
        self._pause_s = _pause_s(len(probes), every_s) if probes else 0.0
        self._answer_within_s = answer_within_s
        self._counted = counted
        self._read = read
        self._waiting: dict[bytes, _Waiting] = {}
        self._asking: Counter[str] = Counter()

    async def run(self) -> None:
        """Ping until cancelled; returns at once when there is nothing to ping."""
        rounds = 0
        async with asyncio.TaskGroup() as pings:
            while self._ways:
                for way in self._ways:
                    await asyncio.sleep(self._pause_s)
                    self._begin(way, pings)
                rounds += 1
                if rounds % PINGS_PER_READING == 0:
                    self._tell()

    def heard(self, device: str, told: FrameTold) -> None:
        """A switch tells of a frame. One that answers no ping of ours that is under way is passed over."""
        reply = read_reply(told.frame)
        waiting = None if reply is None else self._waiting.get(reply.payload)
        if waiting is None or reply is None or waiting.arrived.done():
            return
        probe, echo = waiting.probe, waiting.echo
        same_place = (device, told.port) == (probe.node, probe.port)
        same_ends = (reply.source, reply.destination) == (echo.destination, echo.source)
        if same_place and same_ends and (reply.identifier, reply.sequence) == (echo.identifier, echo.sequence):
            waiting.arrived.set_result(told.at_ns)

    def _begin(self, way: _Way, pings: asyncio.TaskGroup) -> None:
        """A switch that has not yet taken several pings before is busy: this way has its next turn."""
        standing = self._standing(way.probe)
        if standing is None:
            way.window = PingWindow()  # the way is cut off at our end: what was is no part of what comes
        elif self._asking[way.probe.node] < MOST_ASKED:
            pings.create_task(self._ping(way, standing))

    async def _ping(self, way: _Way, standing: int) -> None:
        probe, token = way.probe, self._token()
        way.pings += 1
        echo = Echo(
            source=probe.source,
            destination=probe.destination,
            identifier=self._identifier,
            sequence=way.pings & 0xFFFF,
            payload=token,
        )
        arrived: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        waiting = self._waiting[token] = _Waiting(probe, echo, arrived, way.window, way.window.heard)
        try:
            found = await self._answer(waiting)
        except (DeviceUnreachable, DeviceRefused) as error:
            log.debug("%s to %s is not pinged: %s", probe.gateway, probe.region, error)
            outcome = PingOutcome.UNKNOWN
        else:
            outcome = self._settle(way, standing, waiting, found)
        finally:
            del self._waiting[token]
        self._counted((probe.gateway, probe.region), outcome)

    async def _answer(self, waiting: _Waiting) -> Answered | None:
        """``None``: there was none in time."""
        probe = waiting.probe
        self._asking[probe.node] += 1
        try:
            frame = request_frame(waiting.echo, VIRTUAL_MAC, probe.next_hop)
            sent = await self._senders[probe.node].send_frame(probe.port, frame)
        finally:
            self._asking[probe.node] -= 1
        try:
            async with asyncio.timeout(self._answer_within_s):
                arrived_ns = await waiting.arrived
        except TimeoutError:
            return None
        return Answered(arrived_ns - sent.at_ns, sent.control_ns)

    def _settle(self, way: _Way, standing: int, waiting: _Waiting, found: Answered | None) -> PingOutcome:
        """What happened to the switch meanwhile may be why there was no answer."""
        if self._standing(way.probe) != standing or way.window is not waiting.window:
            return PingOutcome.UNKNOWN
        if found is not None:
            waiting.window.answered(found)
            return PingOutcome.ANSWERED
        if not waiting.missed:
            # It may have gone out before its answer had a rule to come in by.
            return PingOutcome.UNKNOWN
        waiting.window.lost()
        return PingOutcome.LOST

    def _tell(self) -> None:
        at_s = self._now()
        read = [(way.probe, reading) for way in self._ways if (reading := way.window.read()) is not None]
        for probe, reading in read:
            self._read((probe.gateway, probe.region), reading)
        measured = [
            Measurement(
                gateway=probe.gateway,
                region=probe.region,
                at_s=at_s,
                delay_ns=reading.delay_ns,
                loss_ppm=reading.least_likely_loss_ppm,
                origin=Origin.PROBES,
            )
            for probe, reading in read
        ]
        if measured:
            self._report(measured)
