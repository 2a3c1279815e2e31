"""What a data plane must offer to be measured: frames sent into its sites, and what arrives at them.

Real sockets (:mod:`lab.measure.sockets`) and a simulated data plane offer the same, the latter in simulated time.
Arrivals are recognised by the marks of :mod:`lab.measure.frames`; other traffic is ignored. Times are nanoseconds
of one clock; only differences mean something.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

LOSSES_THAT_END_A_LOOP: Final = 3


class MeasurementFailed(Exception):
    """The prober itself cannot work (an interface is missing, no permission): nothing can be said of the network."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sending:
    """A frame to be sent into ``site``, as on the wire with all its tags."""

    site: str
    frame: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """A probe that came out at ``site``, as on the wire with all its tags. ``mark`` was read from it."""

    site: str
    frame: bytes
    mark: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """What became of a batch. ``refused`` tells, by mark, of frames that the site's own interface would not send.
    ``lost_by_prober`` counts frames that arrived when the prober had no room left: then nothing is proved."""

    arrivals: tuple[Arrival, ...]
    refused: Mapping[int, str]
    lost_by_prober: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Loop:
    """Round trips between two sites, one after the other: ``out[i]`` enters at ``a``; as soon as it arrives at ``z``,
    ``back[i]`` enters there. Every frame has a mark of its own."""

    a: str
    z: str
    out: tuple[bytes, ...]
    back: tuple[bytes, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RoundTrip:
    """The two ways of one round trip; the time that the prober took to turn round is in neither."""

    out_ns: int
    back_ns: int

    @property
    def total_ns(self) -> int:
        return self.out_ns + self.back_ns


@dataclass(frozen=True, slots=True, kw_only=True)
class Flood:
    """``frame``, over and over, into ``site`` at ``rate_bps`` (bits of whole frames)."""

    site: str
    frame: bytes
    rate_bps: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Flooded:
    """What became of a flood: sent in ``elapsed_ns``, and received, in bytes of whole frames, by site."""

    sent_bytes: int
    elapsed_ns: int
    received_bytes: Mapping[str, int]
    lost_by_prober: int = 0
    refused: str = ""
    """Why the site's own interface would not send any more, if so."""


class DataPlane(Protocol):
    """A network that can be measured at its sites. Raises :class:`MeasurementFailed`."""

    @property
    def name(self) -> str:
        """How a report names it: ``ovs``, ``simulated``."""
        ...

    def exchange(self, sendings: Sequence[Sending], window_ns: int) -> Exchange:
        """Send all, in order and paced, and collect what arrives anywhere until ``window_ns`` after the last."""
        ...

    def round_trips(self, loops: Sequence[Loop], timeout_ns: int) -> tuple[tuple[RoundTrip | None, ...], ...]:
        """Run all loops side by side. Per loop and round the result, ``None`` when either way took longer than
        ``timeout_ns``. Three losses in a row end a loop; the rounds that were left count as lost."""
        ...

    def flood(self, floods: Sequence[Flood], duration_ns: int, drain_ns: int) -> tuple[Flooded, ...]:
        """Run all floods at the same time; count arrivals until ``drain_ns`` after the end."""
        ...
