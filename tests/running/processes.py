"""Controllers and simulations as processes that start in a few milliseconds (see ``process_server``)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from pathlib import Path

from lab.patience import Patience

LIMIT_S = 30
"""For whatever must happen: long, so that only what never happens fails."""


_MEMORY = "/dev/shm"
SCRATCH = _MEMORY if os.access(_MEMORY, os.W_OK) else None
"""Where to put files that die with a test; ``None``: the usual place. A killed process loses nothing it has written,
on a disk or in memory; only the many waits for a disk are saved."""


def until(holds, what):
    """Wait until ``holds()`` is true and return its answer; ``what`` (a text or a function) was waited for."""
    patience = Patience(LIMIT_S, pause_s=0.01)
    while not (answer := holds()):
        assert not patience.is_over, f"waited in vain for {what() if callable(what) else what}"
        patience.pause()
    return answer


class Processes:
    """Client of ``process_server``; a context manager, for any number of threads. One for a whole test session."""

    def __enter__(self):
        self._one_at_a_time = threading.Lock()
        self._server = subprocess.Popen(
            [sys.executable, "-m", "running.process_server"],
            cwd=Path(__file__).parents[1],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        return self

    def __exit__(self, *_):
        self._server.stdin.close()
        self._server.wait()
        self._server.stdout.close()

    def run(self, what, arguments, log, kill_points=None, limits=None, netconf_limits=None):
        """Start ``serve`` or ``simulation`` and return its process id. ``kill_points``: arguments of ``KillPoints``;
        ``limits``: of the southbound's ``Limits``, and ``netconf_limits`` of that for NETCONF."""
        return self._ask(
            run=what,
            arguments=[*map(str, arguments)],
            log=str(log),
            kill_points=kill_points,
            limits=limits,
            netconf_limits=netconf_limits,
        )["pid"]

    def wait(self, pid):
        """The exit status, as of ``subprocess``, when it has ended."""
        answer = until(lambda: _if_ended(self._ask(ended=pid)), f"the end of process {pid}")
        return answer["status"]

    def _ask(self, **request):
        with self._one_at_a_time:
            self._server.stdin.write(json.dumps(request) + "\n")
            self._server.stdin.flush()
            return json.loads(self._server.stdout.readline())


def _if_ended(answer):
    return None if answer["status"] is None else answer
