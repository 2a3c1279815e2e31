"""Nobody outlives whoever started it, even when that one is killed."""

from __future__ import annotations

import ctypes
import signal
from collections.abc import Sequence

_PR_SET_PDEATHSIG = 1


def end_with_parent() -> None:
    """Have the kernel send this process SIGTERM when its parent ends, however that happens (prctl(2))."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)


def ending_with_parent(command: Sequence[str], how: str = "TERM") -> list[str]:
    """A command that does the same before it becomes ``command``. Not done between fork and exec: a process with gRPC
    in it cannot always fork, its handlers abort the child."""
    return ["setpriv", "--pdeathsig", how, *command]
