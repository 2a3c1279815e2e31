"""Round trips over lines, one attempt at a time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from controller.domain.topology import Direction
from lab.measure.dataplane import DataPlane, Loop, RoundTrip
from lab.measure.expectation import ExpectedLab, ExpectedLine
from lab.measure.probes import Marks, identity_of, line_frame

_PACKET_BYTES: Final = 64


def round_trips(
    data_plane: DataPlane, lab: ExpectedLab, lines: Sequence[ExpectedLine], marks: Marks, rounds: int, timeout_ns: int
) -> dict[str, tuple[RoundTrip | None, ...]]:
    """One attempt at ``lines``, side by side: the round trips by line."""
    loops = [_loop(lab, line, marks, rounds) for line in lines]
    return dict(zip(map(str, lines), data_plane.round_trips(loops, timeout_ns), strict=True))


def _loop(lab: ExpectedLab, line: ExpectedLine, marks: Marks, rounds: int) -> Loop:
    def frames(direction: Direction) -> tuple[bytes, ...]:
        return tuple(
            line_frame(line, direction, identity_of(lab, line, direction, marks.take()), _PACKET_BYTES)
            for _ in range(rounds)
        )

    return Loop(a=line.a.site, z=line.z.site, out=frames(Direction.A_TO_Z), back=frames(Direction.Z_TO_A))
