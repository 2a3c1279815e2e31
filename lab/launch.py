"""Start a lab from outside: in the foreground around a command, or in the background under a name."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from lab.errors import LabError
from lab.isolation import Isolated
from lab.named import NamedLab
from lab.places import environment


def run_inside(topology: Path, command: Sequence[str], *, controller: str | None, limit_s: float | None) -> int:
    """Bring a lab up, run ``command`` in it on the caller's terminal, tear it down; return the exit status."""
    with topology.open("rb") as file:
        session = [*_session(topology, file.fileno(), controller), "--", *command]
        with Isolated(session, limit_s=limit_s, pass_fds=[file.fileno()]) as isolated:
            return isolated.wait()


def up(lab: NamedLab, topology: Path, *, controller: str | None, limit_s: float | None) -> None:
    """Start ``lab`` in the background; returns when it is ready, raises ``LabError`` with its last words otherwise."""
    lock = lab.claim()
    heard, ready = os.pipe()
    try:
        with lab.log.open("ab") as log, topology.open("rb") as file:
            isolated = Isolated(
                [*_session(topology, file.fileno(), controller), "--ready", str(ready)],
                limit_s=limit_s,
                shared=lab.directory,
                detached=True,
                pass_fds=[ready, file.fileno()],
                hold_fds=[lock],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        os.close(ready)
        ready = -1
        lab.set_pid(isolated.pid)
        try:
            is_ready = os.read(heard, 16) == b"ready"
        except BaseException:
            isolated.kill()
            lab.clear()
            raise
        if not is_ready:
            isolated.process.wait()
            words = lab.log.read_text(errors="replace").strip()
            lab.clear()
            raise LabError(words if words else f"lab {lab.name} ended before it was ready and said nothing")
        isolated.release()
    finally:
        os.close(lock)
        os.close(heard)
        if ready != -1:
            os.close(ready)


def enter(lab: NamedLab, command: Sequence[str], *, netns_pid: int | None) -> int:
    """Run ``command`` inside a lab that is up; in the network namespace of ``netns_pid`` (a process id of the lab's own
    counting), or in that of the lab itself. Returns the exit status."""
    inside = [] if netns_pid is None else ["nsenter", f"--target={netns_pid}", "--net", f"--wd={Path.cwd()}", "--"]
    spaces = ["--net", "--mount", "--pid", "--ipc"]
    entered = ["nsenter", f"--target={lab.init_pid()}", *spaces, "--", *inside, *command]
    code = subprocess.call(entered, env={**os.environ, **environment()})
    return code if code >= 0 else 128 - code


def _session(topology: Path, topology_fd: int, controller: str | None) -> list[str]:
    words = [sys.executable, "-m", "lab.session", "--topology", str(topology), "--topology-fd", str(topology_fd)]
    return words if controller is None else [*words, "--controller", controller]
