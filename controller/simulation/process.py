"""Starting a simulation as a process of one's own, and ending it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Final

from controller.simulation.client import SimulationClient, SimulationError

_POLL_S: Final = 0.01


class SimulationProcess:
    """``python -m controller.simulation`` as a child: a context manager that yields a client once it is ready.

    The child's standard input is a pipe that nobody writes to: it ends with its parent, however that ends. What it
    logs goes to ``log``, or nowhere. ``netconf`` and ``yang``: see ``controller.simulation``, for topologies with OTN
    nodes.
    """

    def __init__(
        self,
        topology: str | os.PathLike[str],
        controller: str,
        control: str | os.PathLike[str],
        *,
        log: Path | None = None,
        seed: int = 0,
        netconf: Path | None = None,
        yang: Path | None = None,
        start_limit_s: float = 30.0,
    ) -> None:
        self._command = [sys.executable, "-m", "controller.simulation", "-t", os.fspath(topology)]
        self._command += ["--controller", controller, "--control", f"unix:{os.fspath(control)}"]
        self._command += ["--seed", str(seed), "--until-stdin-closes"]
        if netconf is not None and yang is not None:
            self._command += ["--netconf", os.fspath(netconf), "--yang", os.fspath(yang)]
        self._control = control
        self._log = log
        self._start_limit_s = start_limit_s
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> SimulationClient:
        """Start it and wait until its control socket answers. Raises ``SimulationError`` when it does not start."""
        with open(os.devnull if self._log is None else self._log, "ab") as log:
            self._process = subprocess.Popen(
                self._command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=log
            )
        deadline = time.monotonic() + self._start_limit_s
        while True:
            try:
                return SimulationClient(self._control)
            except OSError:
                status = self._process.poll()
                if status is not None or time.monotonic() > deadline:
                    self.kill()
                    why = "is not ready in time" if status is None else f"ended with status {status}"
                    words = "" if self._log is None else f": {self._log.read_text().strip()}"
                    raise SimulationError(f"the simulation {why}{words}") from None
                time.sleep(_POLL_S)

    def stop(self) -> None:
        """Let it end in good order; it is killed when that takes too long."""
        process = self._process
        if process is None:
            return
        assert process.stdin is not None
        process.stdin.close()
        try:
            process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self.kill()
        self._process = None

    def kill(self) -> None:
        """SIGKILL: as when the machine with all switches loses its power."""
        process = self._process
        if process is None:
            return
        process.kill()
        process.wait()
        assert process.stdin is not None
        process.stdin.close()
        self._process = None

    def __enter__(self) -> SimulationClient:
        self._client = self.start()
        return self._client

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._client.close()
        self.stop()
