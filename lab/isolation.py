"""Run a command in namespaces of its own (network, mounts, processes, IPC) that leave nothing behind.

::

    caller --(lifetime pipe)--+
      '- unshare               |       killing it kills its child (--kill-child)
           '- lab/init.py  <---+       process 1 inside; its end is the end of all others inside
                '- the command

Kill any of the first three with SIGKILL, at any moment, and the kernel takes the rest: processes, links, mounts,
private files. ``prctl(PR_SET_PDEATHSIG)`` on the first step would be simpler than the pipe but fires when the *thread*
that started the lab ends.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import IO

from lab import init

_UNSHARE = ("unshare", "--net", "--mount", "--pid", "--ipc", "--fork", "--kill-child=KILL", "--mount-proc")

Stream = int | IO[str] | IO[bytes] | None
"""Where a standard stream goes, as ``subprocess`` takes it."""


class Isolated:
    """A command that runs in namespaces of its own. A context manager: leaving it kills what still runs.

    ``limit_s`` is a hard limit: at its end the namespace is killed. ``shared`` is a directory of the machine that the
    command sees as ``/run/trunkline``; without it that place is private. ``detached``: outlive the caller (a lab that
    was brought up in the background); otherwise the caller's death is the command's. ``pass_fds`` go to the command;
    ``hold_fds`` stay open exactly as long as anything lives inside (a lock).
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        limit_s: float | None,
        shared: Path | None = None,
        detached: bool = False,
        pass_fds: Sequence[int] = (),
        hold_fds: Sequence[int] = (),
        env: Mapping[str, str] | None = None,
        stdin: Stream = None,
        stdout: Stream = None,
        stderr: Stream = None,
    ) -> None:
        # -I -S: process 1 starts in 10 ms, and no environment variable or site package changes what it does.
        argv = [*_UNSHARE, sys.executable, "-I", "-S", init.__file__]
        if limit_s is not None:
            argv += ["--limit", str(limit_s)]
        if shared is not None:
            argv += ["--shared", str(shared)]
        argv += [text for fd in pass_fds for text in ("--keep", str(fd))]
        heard, self._lifetime = os.pipe()
        if not detached:
            argv += ["--lifetime", str(heard)]
        try:
            self.process = subprocess.Popen(
                [*argv, "--", *command],
                pass_fds=[*pass_fds, *hold_fds, heard],
                env=env,
                stdin=stdin,
                stdout=stdout,
                stderr=stderr,
                start_new_session=detached,
                text=True,
            )
        except BaseException:
            os.close(self._lifetime)
            raise
        finally:
            os.close(heard)

    @property
    def pid(self) -> int:
        """Of ``unshare``: SIGKILL to it kills everything inside."""
        return self.process.pid

    def wait(self) -> int:
        """Wait for the end and return the exit status (see ``lab.init``). Interrupted (Ctrl-C), let the command end
        in its own way first, then pass the interruption on."""
        try:
            return self.process.wait()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> int:
        """Ask the command to end (SIGTERM), which it has ``init.GRACE_S`` for; return the exit status."""
        with suppress(BrokenPipeError):  # it may have ended by itself
            os.write(self._lifetime, b"t")
        try:
            return self.process.wait(timeout=init.GRACE_S + 5)
        finally:
            self.kill()

    def kill(self) -> None:
        """End everything inside at once; returns when ``unshare`` is gone."""
        self.process.kill()
        self.process.wait()

    def release(self) -> None:
        """Have no more to do with a ``detached`` command: it goes on, and nobody here waits for its end."""
        os.close(self._lifetime)
        self.process.returncode = 0  # else Popen complains that its child was left running

    def __enter__(self) -> Isolated:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()
        os.close(self._lifetime)
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            if stream is not None:
                stream.close()


def run(command: Sequence[str], *, limit_s: float | None) -> int:
    """Run ``command`` on the caller's terminal in namespaces of its own and return its exit status."""
    with Isolated(command, limit_s=limit_s) as isolated:
        return isolated.wait()
