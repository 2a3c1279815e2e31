"""The bounds that a policy sets on the way to the far end, and what would do where no gateway keeps them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from controller.domain.egress import EgressPolicy
from controller.domain.errors import Binding, Reason, Refusal, Relaxation
from controller.domain.units import format_delay, format_loss, format_rate


@dataclass(frozen=True, slots=True)
class FarEnd:
    """How a region is reached from a source by one gateway. ``loss_ppm``: ``None`` where nobody has declared or
    measured it, and then it keeps no bound."""

    delay_ns: int
    loss_ppm: int | None


@dataclass(frozen=True, slots=True)
class Bounds:
    """``None``: there is none."""

    delay_ns: int | None = None
    loss_ppm: int | None = None

    @classmethod
    def of(cls, policy: EgressPolicy | None) -> Bounds:
        return cls() if policy is None else cls(policy.max_delay_ns, policy.max_loss_ppm)

    def admit(self, way: FarEnd) -> bool:
        return self.late(way) == "" and self.lossy(way) == ""

    def late(self, way: FarEnd) -> str:
        """Why it is too late; empty: it is not."""
        if self.delay_ns is None or way.delay_ns <= self.delay_ns:
            return ""
        return f"later than {format_delay(self.delay_ns)}, the bound of the policy"

    def lossy(self, way: FarEnd) -> str:
        """Why too much is lost; empty: it is not."""
        if self.loss_ppm is None:
            return ""
        if way.loss_ppm is None:
            bound = format_loss(self.loss_ppm)
            return f"nobody has declared or measured its loss, and {bound} is the bound of the policy"
        if way.loss_ppm <= self.loss_ppm:
            return ""
        return f"loses {format_loss(way.loss_ppm)}, more than {format_loss(self.loss_ppm)}, the bound of the policy"


def beyond_bounds(bounds: Bounds, stuck: Sequence[Sequence[FarEnd]], group: str, missing_bps: int) -> Refusal:
    """Of sources for which no way is within the bounds, each with its ways, one at least. If some would be in time by
    no gateway at all, the delay is the reason, else the loss. What would do is said of each bound that alone would have
    to change for all of them, the smaller change first."""
    missing = format_rate(missing_bps)
    slowest_ns = max(min(way.delay_ns for way in ways) for ways in stuck)
    would_do = tuple(one for _, one in sorted(_relaxations(bounds, stuck), key=lambda found: found[0]))
    if bounds.delay_ns is not None and slowest_ns > bounds.delay_ns:
        message = (
            f"{missing} cannot be within {format_delay(bounds.delay_ns)}: "
            f"the least delay to {group} is {format_delay(slowest_ns)}"
        )
        return Refusal(
            reason=Reason.DELAY_BOUND_UNREACHABLE,
            message=message,
            relaxations=would_do,
            binding=Binding(least_delay_ns=slowest_ns),
        )
    assert bounds.loss_ppm is not None, "no way is within bounds that there are none of"
    within = "" if bounds.delay_ns is None else f" within {format_delay(bounds.delay_ns)}"
    least_ppm = _least_that_does(stuck, replace(bounds, loss_ppm=None).admit, _loss)
    if least_ppm is None:
        what = f"no gateway that leads to {group}{within} has a loss that is declared or measured"
    else:
        what = f"the least loss to {group}{within} is {format_loss(least_ppm)}"
    return Refusal(
        reason=Reason.LOSS_BOUND_UNREACHABLE,
        message=f"{missing} cannot lose at most {format_loss(bounds.loss_ppm)}: {what}",
        relaxations=would_do,
        binding=Binding(least_loss_ppm=least_ppm),
    )


def _relaxations(bounds: Bounds, stuck: Sequence[Sequence[FarEnd]]) -> Iterator[tuple[float, Relaxation]]:
    """Each with the relative change."""
    if bounds.delay_ns is not None:
        needed = _least_that_does(stuck, replace(bounds, delay_ns=None).admit, _delay)
        if needed is not None and needed > bounds.delay_ns:
            yield needed / bounds.delay_ns, Relaxation(field="spec.maxDelay", value=format_delay(needed))
    if bounds.loss_ppm is not None:
        needed = _least_that_does(stuck, replace(bounds, loss_ppm=None).admit, _loss)
        if needed is not None and bounds.loss_ppm < needed:
            yield needed / max(bounds.loss_ppm, 1), Relaxation(field="spec.maxLoss", value=format_loss(needed))


def _least_that_does(
    stuck: Sequence[Sequence[FarEnd]], admits: Callable[[FarEnd], bool], figure: Callable[[FarEnd], int | None]
) -> int | None:
    """The least bound on a figure with which each source has a way that keeps the other bounds; ``None``: none does."""
    found = [
        min((value for way in ways if admits(way) and (value := figure(way)) is not None), default=None)
        for ways in stuck
    ]
    needed = [value for value in found if value is not None]
    return max(needed) if len(needed) == len(found) else None


def _delay(way: FarEnd) -> int:
    return way.delay_ns


def _loss(way: FarEnd) -> int | None:
    return way.loss_ppm
