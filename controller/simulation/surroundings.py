"""What a simulated switch has of the world around it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


def _nothing() -> None:
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """``port_up`` says whether a port has a signal, ``now_ns`` what time it is. ``before_change`` is called before the
    switch's rules change, ``before_counts`` before its counters are read; ``on_sent_out`` is told of a frame that the
    controller has it send out of a port. By default: a switch alone in a world without time."""

    port_up: Callable[[int], bool] = lambda port: True
    now_ns: Callable[[], int] = lambda: 0
    before_change: Callable[[], None] = _nothing
    before_counts: Callable[[], None] = _nothing
    on_sent_out: Callable[[int, bytes], None] = lambda port, frame: None
