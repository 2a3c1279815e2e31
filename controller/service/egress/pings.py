"""What the last pings of a way from a gateway to a region abroad tell: delay and loss. Pure.

*Delay.* A ping's time is from when its frame is handed to the switch to when the switch's message with the answer is
read. The control connection has a share in that, which is measured with the same ping (a question to the switch right
behind the frame); it is taken off, and half of the rest counts as one way (a round trip is what RFC 2681 measures: half
of it is one way where both ways are alike, which nobody knows from one end). What is left as error is the time in which
connection and process were slower for the answer than for the question. So of the last ``RECENT`` pings only the half
with the smallest control share counts, and of these the median.

*Loss.* Of the last ``WINDOW`` pings those without an answer in time: a round-trip loss (RFC 6673), which is at most the
sum of the losses there and back. One ping of 300 says little: what counts is the least loss that is likely, the lower
end of Wilson's score interval (1927; one-sided, 95 %): 0.07 % for one of 300, 0.4 % for three, 16.5 % for sixty. So one
lost packet sends no traffic to another continent, and a way that fails is known to within some seconds. Nothing is
lost that was sent before something was answered: an address that never answers tells nothing about the way to it.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from statistics import NormalDist, median_low
from typing import Final

RECENT: Final = 10
WINDOW: Final = 300
_LIKELY: Final = NormalDist().inv_cdf(0.95)
_PPM: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Answered:
    """In ns: from frame to answer, and what of that a question to the switch took."""

    total_ns: int
    control_ns: int

    @property
    def one_way_ns(self) -> int:
        return max(0, self.total_ns - self.control_ns) // 2


@dataclass(frozen=True, slots=True, kw_only=True)
class PingReading:
    """``delay_ns`` is one way, ``None`` when none of the last pings was answered. ``lost`` of ``pings`` were not."""

    delay_ns: int | None
    lost: int
    pings: int

    @property
    def least_likely_loss_ppm(self) -> int:
        """In millionths: see above."""
        share, n, z = self.lost / self.pings, self.pings, _LIKELY
        spread = z * math.sqrt(share * (1 - share) / n + (z / (2 * n)) ** 2)
        return max(0, math.floor(_PPM * (share + z**2 / (2 * n) - spread) / (1 + z**2 / n))) if self.lost else 0


class PingWindow:
    """Of one way; begins empty."""

    def __init__(self) -> None:
        self._recent: deque[Answered | None] = deque(maxlen=RECENT)
        self._arrived: deque[bool] = deque(maxlen=WINDOW)
        self._unread = 0

    def answered(self, ping: Answered) -> None:
        self._recent.append(ping)
        self._arrived.append(True)
        self._unread += 1

    @property
    def heard(self) -> bool:
        """Whether anybody has answered yet. Who is asked before that is not missed."""
        return bool(self._arrived)

    def lost(self) -> None:
        """A ping got no answer that was sent after somebody had answered."""
        self._recent.append(None)
        self._arrived.append(False)
        self._unread += 1

    def read(self) -> PingReading | None:
        """What the pings up to now tell; ``None`` when there are fewer than ``RECENT``, or none since the last reading:
        then it tells nothing new."""
        if not self._unread or len(self._recent) < RECENT:
            return None
        self._unread = 0
        quickest = sorted((one for one in self._recent if one is not None), key=lambda one: one.control_ns)
        kept = quickest[: (len(quickest) + 1) // 2]
        return PingReading(
            delay_ns=median_low(one.one_way_ns for one in kept) if kept else None,
            lost=self._arrived.count(False),
            pings=len(self._arrived),
        )
