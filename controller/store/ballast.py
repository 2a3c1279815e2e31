"""Room on the state file's disk that is kept for what must be written although there is no other: a file that is full
of nothing, and goes when it is needed (ships throw ballast overboard).

Files beside it may take the room then, too: it is kept from our own other work only. On file systems that copy on write
(btrfs, zfs with snapshots) the room may not be free at once when the file has gone.
"""

from __future__ import annotations

import contextlib
import contextvars
import logging
import os
from collections.abc import Iterator
from pathlib import Path

log = logging.getLogger(__name__)

_pressing: contextvars.ContextVar[bool] = contextvars.ContextVar("pressing", default=False)


@contextlib.contextmanager
def pressing(really: bool = True) -> Iterator[None]:
    """What is written inside, and by tasks started there, may use the room that is kept."""
    before = _pressing.get()
    _pressing.set(really)
    try:
        yield
    finally:
        _pressing.set(before)


def is_pressing() -> bool:
    return _pressing.get()


class Ballast:
    """Not for several threads at once. ``size``: in bytes."""

    def __init__(self, path: Path, size: int) -> None:
        self.released = False
        """It was thrown out, and there has not been room for it since."""
        self._path = path
        self._size = size

    def take_in(self) -> None:
        """See that the room is kept, if there is as much. A disk that has not is told of in the log."""
        try:
            file = os.open(self._path, os.O_WRONLY | os.O_CREAT, 0o600)
            try:
                os.posix_fallocate(file, 0, self._size)
            finally:
                os.close(file)
        except OSError as error:
            self._remove()
            if not self.released:
                log.warning("%s: no room is kept for a full disk: %s", self._path, error.strerror)
            return
        if self.released:
            log.info("%s: there is room again, %d bytes of it are kept", self._path, self._size)
        self.released = False

    def throw_out(self) -> bool:
        """Make room; whether there was any to be made."""
        thrown = self._remove()
        if thrown:
            self.released = True
            log.warning("the disk is full: %s has gone for what is urgent; all else waits for room", self._path)
        return thrown

    def _remove(self) -> bool:
        try:
            self._path.unlink()
        except OSError:
            return False
        return True
