"""Waiting for what other processes do, on machines that may stand still meanwhile."""

from __future__ import annotations

import time
from typing import Final

_STOOD_STILL_S: Final = 0.5


class Patience:
    """How long something is waited for, pause by pause. Of a pause that took far longer than it should only
    a part counts: a virtual machine was paused then, and what was waited for had no time either."""

    def __init__(self, limit_s: float, *, pause_s: float) -> None:
        self.limit_s = limit_s
        self._pause_s = pause_s
        self._left_s = limit_s
        self._since = time.monotonic()

    @property
    def is_over(self) -> bool:
        return self._left_s <= 0

    def pause(self) -> None:
        """Let others go on for a moment."""
        time.sleep(self._pause_s)
        now = time.monotonic()
        self._left_s -= min(now - self._since, max(self._pause_s, _STOOD_STILL_S))
        self._since = now
