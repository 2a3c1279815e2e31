"""A server that runs inside the lab for as long as the lab does: the controller."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

from lab.errors import LabError
from lab.parent import ending_with_parent
from lab.patience import Patience
from lab.places import environment

_POLL_S = 0.01
_TERMINATION_S = 5.0


class Guest:
    """``command`` started in the background; entering returns when all its ``sockets`` (Unix) accept connections.

    Raises ``LabError`` with the end of its log when it ends before that, or takes longer than ``limit_s``.
    """

    def __init__(self, command: Sequence[str], *, sockets: Sequence[Path], log: Path, limit_s: float = 60.0) -> None:
        self._command = list(command)
        self._sockets = sockets
        self._log = log
        self._limit_s = limit_s
        self.process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Guest:
        for path in self._sockets:
            path.unlink(missing_ok=True)
        found = {**os.environ, **environment()}
        try:
            with self._log.open("ab") as log:
                if shutil.which(self._command[0], path=found.get("PATH")) is None:
                    raise FileNotFoundError("no such program")
                self.process = subprocess.Popen(
                    ending_with_parent(self._command),
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    env=found,
                    start_new_session=True,  # a Ctrl-C is for the lab, which ends its guests in its own time
                )
        except OSError as error:
            raise LabError(f"{self._command[0]} cannot be started: {error}") from error
        try:
            self._wait_until_ready(self.process)
        except BaseException:
            self._end(self.process)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process is not None:
            self._end(self.process)

    def _wait_until_ready(self, process: subprocess.Popen[bytes]) -> None:
        patience = Patience(self._limit_s, pause_s=_POLL_S)
        while not all(map(_accepts, self._sockets)):
            if process.poll() is not None:
                raise LabError(f"{self._said()} (it ended with status {process.returncode})")
            if patience.is_over:
                waited = ", ".join(str(path) for path in self._sockets if not _accepts(path))
                raise LabError(f"{self._said()} (after {self._limit_s:.0f} s nobody listens at {waited})")
            patience.pause()

    def _said(self) -> str:
        last = self._log.read_text(errors="replace").strip().splitlines()[-1:]
        return f"{' '.join(self._command)} did not start: {last[0] if last else 'it said nothing'}"

    def _end(self, process: subprocess.Popen[bytes]) -> None:
        process.terminate()
        try:
            process.wait(timeout=_TERMINATION_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _accepts(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(str(path)) == 0
