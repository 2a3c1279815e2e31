"""A token bucket: what a drop meter lets through. Time is an argument."""

from __future__ import annotations

from controller.domain.rules import MeterRule

_BIT_NS = 10**9  # tokens are counted in bits x 1e9, so that filling by rate x nanoseconds stays exact


class TokenBucket:
    """Starts full; a frame passes when its bits are there, and takes them."""

    def __init__(self, rule: MeterRule, now_ns: int) -> None:
        self._rate_bps = rule.rate_kbps * 1000
        self._depth = rule.burst_kbits * 1000 * _BIT_NS
        self._tokens = self._depth
        self._filled_ns = now_ns

    def passes(self, frame_bytes: int, now_ns: int) -> bool:
        # Frames of a schedule may come after others that are later than they: for these nothing has filled meanwhile.
        elapsed_ns = max(0, now_ns - self._filled_ns)
        self._tokens = min(self._depth, self._tokens + elapsed_ns * self._rate_bps)
        self._filled_ns += elapsed_ns
        cost = frame_bytes * 8 * _BIT_NS
        if cost > self._tokens:
            return False
        self._tokens -= cost
        return True
