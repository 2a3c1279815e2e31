"""Labs in the background, by name: where each leaves what others need to reach it.

A lab NAME owns the directory ``/run/trunkline-lab/NAME`` (labs run as root, and ``/run`` is root's and empties at
boot). It is the lab's ``/run/trunkline``, so the sockets in it work from both sides. A lock on the file ``lock`` in it
lives exactly as long as the lab, however that ends; so a lab that was killed is never taken for a running one, and
what it left is cleared away by whoever comes next.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import signal
import time
from pathlib import Path

from lab.errors import LabError
from lab.init import GRACE_S
from lab.places import API_SOCKET, CONTROL_SOCKET

ROOT = Path("/run/trunkline-lab")
DEFAULT_NAME = "default"

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,31}")
_POLL_S = 0.02


class NamedLab:
    """The lab of this name, whether or not it is up."""

    def __init__(self, name: str) -> None:
        if not _NAME.fullmatch(name):
            raise LabError(f"{name!r} is not a name for a lab: write up to 32 letters, digits, '-' or '_'")
        self.name = name
        self.directory = ROOT / name

    @property
    def control_socket(self) -> Path:
        return self.directory / CONTROL_SOCKET.name

    @property
    def server(self) -> str:
        """What to give to ``trunkline --server``."""
        return f"unix:{self.directory / API_SOCKET.name}"

    @property
    def log(self) -> Path:
        return self.directory / "lab.log"

    def claim(self) -> int:
        """Make the directory ready for a new lab and return the lock, a file descriptor to be held by the lab.

        Raises ``LabError`` when a lab of this name is up.
        """
        while True:
            self.directory.mkdir(parents=True, exist_ok=True)
            lock = os.open(self._lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            if not _try_lock(lock):
                os.close(lock)
                raise LabError(f"lab {self.name} is up already: end it with 'lab down --name {self.name}'")
            if self._is_lock(lock):
                break
            os.close(lock)  # whoever ended the former lab has just removed the directory
        for left in self.directory.iterdir():
            if left.is_dir():
                shutil.rmtree(left)
            elif left != self._lock:
                left.unlink()
        return lock

    def set_pid(self, pid: int) -> None:
        """Note the process whose death ends the lab."""
        self._pid_file.write_text(f"{pid}\n")

    def pid(self) -> int:
        """Return the process noted; ``LabError`` when the lab is not up."""
        if not self._is_up():
            raise LabError(f"lab {self.name} is not up: start it with 'lab up --name {self.name} -t TOPOLOGY'")
        return int(self._pid_file.read_text())

    def init_pid(self) -> int:
        """Return process 1 of the lab as the machine numbers it."""
        pid = self.pid()
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        if not children:
            raise LabError(f"lab {self.name} is ending")
        return int(children[0])

    def end(self) -> None:
        """Let it end in its own way, kill it when that takes too long, and clear away its directory."""
        pid = self.pid()
        try:
            os.kill(self.init_pid(), signal.SIGTERM)
            deadline = time.monotonic() + GRACE_S + 5
            while self._is_up() and time.monotonic() < deadline:
                time.sleep(_POLL_S)
            if self._is_up():
                os.kill(pid, signal.SIGKILL)
        except (ProcessLookupError, FileNotFoundError):
            pass  # it ended meanwhile
        while self._is_up():
            time.sleep(_POLL_S)
        self.clear()

    def clear(self) -> None:
        """Remove what a lab that is no longer up has left."""
        shutil.rmtree(self.directory, ignore_errors=True)

    @property
    def _lock(self) -> Path:
        return self.directory / "lock"

    @property
    def _pid_file(self) -> Path:
        return self.directory / "pid"

    def _is_up(self) -> bool:
        try:
            lock = os.open(self._lock, os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            return False
        try:
            return not _try_lock(lock)
        finally:
            os.close(lock)

    def _is_lock(self, lock: int) -> bool:
        try:
            return os.path.samestat(os.fstat(lock), self._lock.stat())
        except FileNotFoundError:
            return False


def _try_lock(file: int) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
