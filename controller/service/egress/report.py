"""What a cycle did and why, as a value; the last ones are kept for whoever asks."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from controller.compiler.egress import EgressPlan
from controller.compiler.egress_use import ClassUse, Delays, GatewayUse, class_uses, delays, gateway_uses
from controller.compiler.steering.resources import Exceeded
from controller.service.egress.measuring import HeldSource

KEPT: Final = 120
"""An hour of cycles of 30 s."""


class Mode(StrEnum):
    """What is done about what a cycle decides. ``SHADOW``: it is reported, and nothing more; ``OFF``: nothing is
    decided."""

    ON = "on"
    SHADOW = "shadow"
    OFF = "off"


class Ending(StrEnum):
    """How a cycle ended. Of all but ``CHANGED``, the network is as it was."""

    CHANGED = "changed"
    """What was decided is carried out: rules are others now."""
    UNCHANGED = "unchanged"
    """All is as it should be, or what would be better is not worth it yet."""
    SHADOW = "shadow"
    """Something would change; it is only reported."""
    FROZEN = "frozen"
    """Something is to change, and waits for the end of the freeze."""
    HELD = "held"
    """What it would have had to start from is not to be relied on, so that nothing was decided."""
    FAILED = "failed"
    """It could not be decided, or not be carried out: what was begun is put back, and it is tried again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Losses:
    """What is away. ``gateways``: down or drained; ``unreachable``: devices whose entries cannot be changed now;
    ``settling``: those of them that are connected and about to be put right."""

    links: frozenset[str] = frozenset()
    gateways: frozenset[str] = frozenset()
    unreachable: frozenset[str] = frozenset()
    settling: frozenset[str] = frozenset()

    def beyond(self, known: Losses) -> frozenset[str]:
        """Links and gateways that traffic may still be sent to: those away now that were not when it was last dealt
        with (``known``), and all, if a device can be reached again that could not be told then."""
        if known.unreachable - self.unreachable:
            return self.links | self.gateways
        return (self.links - known.links) | (self.gateways - known.gateways)

    def back_since(self, known: Losses) -> frozenset[str]:
        """Links and gateways that were away when it was last dealt with, and are not now."""
        return (known.links - self.links) | (known.gateways - self.gateways)


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What is decided comes to. ``gap``: it costs at most this share more than the least there is; ``waiting_bps``:
    would be better elsewhere and does not move yet; ``optimum_delay_ns``: the mean, if moving cost nothing."""

    classes: tuple[ClassUse, ...]
    gateways: tuple[GatewayUse, ...]
    delays: Delays | None
    gap: float
    waiting_bps: int = 0
    optimum_delay_ns: float = 0.0

    @property
    def demand_bps(self) -> int:
        return sum(one.demand_bps for one in self.classes)

    @property
    def carried_bps(self) -> int:
        return sum(one.carried_bps for one in self.classes)


@dataclass(frozen=True, slots=True, kw_only=True)
class CycleReport:
    """``number`` counts from 1 with each start of the controller. ``at``: seconds since 1970. ``age_s``: how old the
    oldest rates are that it relied on; ``None``: none are measured. ``held``: sources of which the last good rates
    counted. ``figures``: ``None`` if nothing was decided, or no traffic is known. ``moved_bps``: what takes another
    gateway than before, or would. ``elsewhere_bps``: by gateway, what is for addresses that no prefix is known for;
    ``None`` if nothing was decided. ``overloads``: what got more than its room by the moves, or would. ``reasons``: why
    not more was done, in words."""

    number: int
    at: float
    causes: tuple[str, ...]
    mode: Mode
    ending: Ending
    urgent: bool
    losses: Losses
    age_s: float | None = None
    held: tuple[HeldSource, ...] = ()
    figures: Figures | None = None
    moved_bps: int = 0
    elsewhere_bps: Mapping[str, int] | None = None
    rounds: int = 0
    rules: int = 0
    overloads: tuple[Exceeded, ...] = ()
    reasons: tuple[str, ...] = ()
    deciding_s: float = 0.0
    carrying_out_s: float = 0.0


def figures_of(plan: EgressPlan) -> Figures | None:
    """``None`` if no traffic is known."""
    solved = plan.solved
    if solved is None:
        return None
    optimum = solved if plan.optimum is None else plan.optimum
    return Figures(
        classes=class_uses(solved),
        gateways=gateway_uses(solved),
        delays=delays(solved),
        gap=solved.certificate.gap,
        waiting_bps=plan.damping.held_bps,
        optimum_delay_ns=optimum.certificate.delay_ns,
    )


class Reports:
    """The last ``KEPT`` reports, the oldest first."""

    def __init__(self) -> None:
        self._reports: deque[CycleReport] = deque(maxlen=KEPT)
        self._came = asyncio.Event()
        self._ended = False

    @property
    def all(self) -> tuple[CycleReport, ...]:
        return tuple(self._reports)

    @property
    def latest(self) -> CycleReport | None:
        return self._reports[-1] if self._reports else None

    def add(self, report: CycleReport) -> None:
        self._reports.append(report)
        self._came.set()
        self._came = asyncio.Event()

    def end(self) -> None:
        """Nobody will see another one: the server stops."""
        self._ended = True
        self._came.set()

    async def watch(self, after: int = 0) -> AsyncIterator[CycleReport]:
        """Those of a higher number, then each when it comes, until the end. A number that is not reached yet is one of
        an earlier start: then all there are."""
        latest = self.latest
        seen = after if latest is not None and after <= latest.number else 0
        while not self._ended:
            for report in self.all:
                if report.number > seen:
                    seen = report.number
                    yield report
            if self.latest is None or self.latest.number <= seen:
                await self._came.wait()
