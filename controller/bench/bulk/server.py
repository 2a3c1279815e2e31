"""A server with simulated switches, in processes of their own, so that one can be stopped and the other stays."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from controller.wire.gen.trunkline.v1 import intent_pb2_grpc as pb_grpc

START_LIMIT_S = 120.0
STOP_LIMIT_S = 60.0
LARGEST_MESSAGE_BYTES = 64 << 20
_POLL_S = 0.02


class BenchFailed(Exception):
    """A part of the bench did not do what it should: the message tells which, and its last words."""


class Server:
    """``trunkline serve`` over switches that look for it at a socket; everything is in ``directory``.

    ``openflow`` is the socket where switches that are there already look for it; without, simulated ones are started.
    """

    def __init__(
        self, topology_file: Path, directory: Path, *, openflow: Path | None = None, options: Sequence[str] = ()
    ) -> None:
        self._directory = directory
        self._topology_file = topology_file
        self._log = directory / "log"
        self.state = directory / "state.db"
        self.address = f"unix:{directory / 'api'}"
        self._simulated = openflow is None
        self._openflow = f"unix:{directory / 'openflow' if openflow is None else openflow}"
        self._options = options
        self._controller: subprocess.Popen[bytes] | None = None
        self._switches: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Server:
        if self._simulated:
            self._switches = self._run(
                "controller.simulation", "-t", str(self._topology_file), "--controller", self._openflow
            )
        return self

    def __exit__(self, *_error: object) -> None:
        for process in (self._controller, self._switches):
            if process is not None:
                _end(process)

    def start(self) -> None:
        """Start the controller and wait until health says SERVING. Raises ``BenchFailed``."""
        arguments = ("serve", "-t", str(self._topology_file), "--state", str(self.state), *self._options)
        self._controller = self._run("controller", *arguments, "--listen", self.address, "--openflow", self._openflow)
        wait_serving(self.address, self._alive)

    def stop(self) -> None:
        """End the controller; the switches keep what they have and look for the next one."""
        assert self._controller is not None, "not started"
        _end(self._controller)
        self._controller = None

    def resident_mb(self) -> float:
        """Memory that the controller holds now."""
        assert self._controller is not None, "not started"
        return resident_mb(self._controller.pid)

    def _alive(self) -> None:
        assert self._controller is not None
        if self._controller.poll() is not None:
            raise BenchFailed(f"the server ended at once:\n{self._log.read_text(errors='replace')[-2000:]}")

    def _run(self, module: str, *arguments: str) -> subprocess.Popen[bytes]:
        with self._log.open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", module, *arguments], stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )


class Api:
    """The API of a server, as a client's system speaks with it. Calls raise ``grpc.RpcError``."""

    def __init__(self, address: str) -> None:
        options: Sequence[tuple[str, int]] = (
            ("grpc.max_receive_message_length", LARGEST_MESSAGE_BYTES),
            ("grpc.max_send_message_length", LARGEST_MESSAGE_BYTES),
            ("grpc.enable_http_proxy", 0),
        )
        self._channel = grpc.insecure_channel(address, options=options)
        self.intents = pb_grpc.IntentServiceStub(self._channel)

    def __enter__(self) -> Api:
        return self

    def __exit__(self, *_error: object) -> None:
        self._channel.close()


def wait_serving(address: str, check_alive: object = None) -> None:
    """Return when health says SERVING. Raises ``BenchFailed`` after ``START_LIMIT_S``, or what ``check_alive`` does."""
    deadline = time.monotonic() + START_LIMIT_S
    with grpc.insecure_channel(address, options=(("grpc.enable_http_proxy", 0),)) as channel:
        health = health_pb2_grpc.HealthStub(channel)
        while True:
            if callable(check_alive):
                check_alive()
            with contextlib.suppress(grpc.RpcError):
                answer = health.Check(health_pb2.HealthCheckRequest(), wait_for_ready=True, timeout=1.0)
                if answer.status == health_pb2.HealthCheckResponse.SERVING:
                    return
            if time.monotonic() > deadline:
                raise BenchFailed(f"no server at {address} within {START_LIMIT_S:g} s")
            time.sleep(_POLL_S)


def resident_mb(pid: int) -> float:
    """Memory that a process holds now, in MB. ``OSError`` where the system does not tell."""
    for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1000
    raise OSError(f"no VmRSS of process {pid}")


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(STOP_LIMIT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
