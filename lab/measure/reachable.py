"""A quick look at many lines: one frame each way, and where it comes out. ``verify`` looks closely at few."""

from __future__ import annotations

from typing import Final

from controller.domain.topology import Direction
from lab.measure import frames
from lab.measure.dataplane import DataPlane, Sending
from lab.measure.expectation import ExpectedLab
from lab.measure.probes import Marks, identity_of, line_frame

_PACKET_BYTES: Final = 64
_MARGIN_NS: Final = 2_000_000_000
ATTEMPTS: Final = 3


def unreached(data_plane: DataPlane, lab: ExpectedLab, run: int) -> list[str]:
    """The ways (``acme/x aToZ``) of which no frame came out at the far site, with the far VID, in ``ATTEMPTS``.

    Only what did not arrive is sent again: a busy machine loses a frame now and then, a missing rule loses all. Raises
    ``MeasurementFailed``.
    """
    marks = Marks(run)
    window_ns = max((max(line.delay_ns) for line in lab.lines), default=0) + _MARGIN_NS
    left = [(line, direction) for line in lab.lines for direction in Direction]
    for _ in range(ATTEMPTS):
        if not left:
            break
        sent, expected = [], {}
        for line, direction in left:
            near, far = line.ends(direction)
            mark = marks.take()
            frame = line_frame(line, direction, identity_of(lab, line, direction, mark), _PACKET_BYTES)
            sent.append(Sending(site=near.site, frame=frame))
            expected[mark] = (far.site, frame if far.vlan is None else frames.with_vid(frame, far.vlan))
        arrived = {
            arrival.mark
            for arrival in data_plane.exchange(sent, window_ns).arrivals
            if expected.get(arrival.mark) == (arrival.site, arrival.frame)
        }
        left = [way for way, mark in zip(left, expected, strict=True) if mark not in arrived]
    return [f"{line} {direction}" for line, direction in left]
