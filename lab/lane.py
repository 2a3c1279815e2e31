"""One direction of a wire: when a frame that enters arrives. A model without a clock; ``lab.relay`` gives it one.

A lane is a transmitter that sends one frame after the other at the rate of its impairment, a queue per traffic class
before it that drops from the tail, then the distance, which takes the delay. The transmitter takes what is most urgent
of what waits when it becomes free (strict priority, RFC 3246 and RFC 5462; a frame that it has begun is sent to its
end), so that frames of one class never overtake each other. A frame counts with its Ethernet header and payload, as
rates in Trunkline do (preamble, checksum and gap are not emulated).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from controller.domain.egress import TrafficClass
from controller.domain.qos import DSCP_OF_CLASS, TC_OF_CLASS
from lab.wire import Impairment

CLASSES: Final = 8
"""Traffic classes, as many as three bits tell apart; the larger goes first."""

QUEUE_NS: Final = 100_000_000
"""How much may wait of one class: what the transmitter sends in 100 ms, as routers commonly hold."""

QUEUE_LEAST_BYTES: Final = 16 * 1600
"""Slow lanes hold this much, else the burst that a policer lets through would be lost here."""

_MPLS: Final = (b"\x88\x47", b"\x88\x48")
_FIRST_LABEL_BYTES: Final = 18
_IPV4, _IPV6 = b"\x08\x00", b"\x86\xdd"
_DSCP_BYTES: Final = 16
_BULK_TC: Final = TC_OF_CLASS[TrafficClass.BULK]
_TC_OF_DSCP: Final = {dscp: TC_OF_CLASS[name] for name, dscps in DSCP_OF_CLASS.items() for dscp in dscps}


def traffic_class(frame: bytes) -> int:
    """The TC field of the outermost label of an MPLS frame (RFC 5462); of an IP packet (beyond a gateway's port nothing
    is labelled) the one that its DSCP stands for inside the network; 0 of any other frame."""
    ethertype = frame[12:14]
    if ethertype in _MPLS and len(frame) >= _FIRST_LABEL_BYTES:
        return frame[16] >> 1 & 0b111
    if ethertype in (_IPV4, _IPV6) and len(frame) >= _DSCP_BYTES:
        dscp = frame[15] >> 2 if ethertype == _IPV4 else (frame[14] << 8 | frame[15]) >> 6 & 0b111111
        return _TC_OF_DSCP.get(dscp, _BULK_TC)
    return 0


@dataclass(slots=True)
class Counters:
    """What became of the frames that entered a lane. Those that a cut took from its queues are not told."""

    entered: int = 0
    lost: int = 0
    overflowed: int = 0


class Lane:
    """``dice`` returns numbers from 0 up to 1.

    Frames enter with ``accept``, in order of time. One that finds the transmitter free is sent at once and
    ``accept`` returns when it arrives. Others wait; when they were sent and when they arrive is asked for with
    ``take``, no later than ``due_ns``: nothing that waits arrives before. To ask late is exact, too: what was
    there when the transmitter became free is remembered.
    """

    def __init__(self, impairment: Impairment, dice: Callable[[], float]) -> None:
        self.counters = tuple(Counters() for _ in range(CLASSES))
        """By traffic class."""
        self._dice = dice
        self._queues: tuple[deque[bytes], ...] = tuple(deque() for _ in range(CLASSES))
        self._queued_bytes = [0] * CLASSES
        self._occupied = 0
        """Bit n is set while frames of class n wait."""
        self._sent: list[tuple[int, bytes]] = []
        """What was sent after it had waited, and has not been taken: (when it arrives, frame)."""
        self._free_at_ns = 0
        self._last_arrival_ns = 0
        self._set(impairment)

    @property
    def impairment(self) -> Impairment:
        return self._impairment

    @property
    def due_ns(self) -> int | None:
        """When to ``take`` at the latest; ``None`` while nothing waits."""
        if self._sent:
            return self._sent[0][0]
        return self._free_at_ns + self._impairment.delay_ns if self._occupied else None

    def accept(self, now_ns: int, frame: bytes) -> int | None:
        """Return when a frame that enters now arrives at the far end; ``None`` when it waits, or does not arrive."""
        number = traffic_class(frame)
        counters = self.counters[number]
        counters.entered += 1
        impairment = self._impairment
        if impairment.loss > 0.0 and self._dice() < impairment.loss:
            counters.lost += 1
            return None
        if self._occupied:
            self._transmit(now_ns)
        if self._free_at_ns <= now_ns:
            arrival_ns = self._send(now_ns, len(frame))
            if not self._sent:
                return arrival_ns
            # Taken in one order with those before it.
            self._sent.append((arrival_ns, frame))
        elif self._queued_bytes[number] > self._room_bytes:
            counters.overflowed += 1
        else:
            self._queues[number].append(frame)
            self._queued_bytes[number] += len(frame)
            self._occupied |= 1 << number
        return None

    def take(self, now_ns: int) -> list[tuple[int, bytes]]:
        """What waited and has been sent by now: (when it arrives, frame), in order, each once."""
        self._transmit(now_ns)
        taken, self._sent = self._sent, []
        return taken

    def change(self, now_ns: int, impairment: Impairment) -> None:
        """Be like that from now on. What has been sent arrives when it would have."""
        self._transmit(now_ns)
        self._set(impairment)

    def clear(self) -> None:
        """Lose all that waits, and all that was sent and not taken."""
        for queue in self._queues:
            queue.clear()
        self._queued_bytes = [0] * CLASSES
        self._occupied = 0
        self._sent = []

    def _transmit(self, until_ns: int) -> None:
        """Send what the transmitter has begun to send by then. Whoever enters at the very moment at which it becomes
        free is too late for it."""
        while self._occupied and self._free_at_ns <= until_ns:
            number = self._occupied.bit_length() - 1
            queue = self._queues[number]
            frame = queue.popleft()
            self._queued_bytes[number] -= len(frame)
            if not queue:
                self._occupied ^= 1 << number
            self._sent.append((self._send(self._free_at_ns, len(frame)), frame))

    def _send(self, at_ns: int, size_bytes: int) -> int:
        """Returns when the last bit arrives."""
        rate_bps = self._impairment.rate_bps
        sent_ns = at_ns if rate_bps is None else at_ns + size_bytes * 8_000_000_000 // rate_bps
        self._free_at_ns = sent_ns
        # A shorter delay set meanwhile does not let a frame overtake those before it.
        self._last_arrival_ns = max(sent_ns + self._impairment.delay_ns, self._last_arrival_ns)
        return self._last_arrival_ns

    def _set(self, impairment: Impairment) -> None:
        self._impairment = impairment
        rate_bps = 0 if impairment.rate_bps is None else impairment.rate_bps
        self._room_bytes = max(rate_bps * QUEUE_NS // 8_000_000_000, QUEUE_LEAST_BYTES)
