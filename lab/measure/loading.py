"""Load from a customer's host: a stream of UDP packets at a rate, from a process of its own, so that whoever measures
beside it has the interpreter to himself. ``python -m lab.measure.loading`` in the host's namespace; ended by SIGTERM or
at its limit, it says how many it has sent.
"""

from __future__ import annotations

import argparse
import signal
import subprocess
import sys
import time
from contextlib import suppress
from types import TracebackType
from typing import Final

from lab.measure.datagrams import PORT, payload
from lab.measure.dataplane import MeasurementFailed
from lab.measure.traffic import Stream, sending_socket
from lab.parent import end_with_parent

_NAP_S: Final = 0.001
_LATE_NS: Final = 20_000_000
"""What a pause of the machine made late is not caught up with, beyond this."""


class Load:
    """``stream`` from the host with process ``pid``, as long as the context lasts and for ``limit_s`` at most. After
    it, ``sent`` is the number of packets."""

    def __init__(self, pid: int, stream: Stream, limit_s: float = 60.0) -> None:
        self.stream = stream
        self.sent = 0
        command = ["nsenter", f"--target={pid}", "--net", sys.executable, "-m", "lab.measure.loading"]
        command += ["--source", stream.source, "--destination", stream.destination, "--dscp", str(stream.dscp)]
        command += ["--bytes", str(stream.packet_bytes), "--every-ns", str(stream.every_ns), "--limit", str(limit_s)]
        self._command = command

    def __enter__(self) -> Load:
        self._process = subprocess.Popen(
            self._command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=end_with_parent
        )
        assert self._process.stdout is not None
        # Its first line says that it sends; anything else is why not.
        if self._process.stdout.readline() != "sending\n":
            _, complaint = self._process.communicate()
            raise MeasurementFailed(f"no load from {self.stream.source}: {complaint.strip().rpartition(chr(10))[2]}")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """Send no more."""
        if self._process.poll() is None:
            self._process.terminate()
        told, _ = self._process.communicate()
        if told:
            self.sent = int(told)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--source", required=True)
    parser.add_argument("--destination", required=True)
    parser.add_argument("--dscp", type=int, required=True)
    parser.add_argument("--bytes", type=int, required=True)
    parser.add_argument("--every-ns", type=int, required=True)
    parser.add_argument("--limit", type=float, required=True)
    options = parser.parse_args()
    ended = False

    def end(*_: object) -> None:
        nonlocal ended
        ended = True

    signal.signal(signal.SIGTERM, end)
    version = 6 if ":" in options.destination else 4
    data = payload(0, 0, 0, 0, options.bytes, version)
    limit_ns = time.monotonic_ns() + round(options.limit * 1e9)
    sent = 0
    with sending_socket(options.source, options.dscp) as sender:
        _say("sending")
        due_ns = time.monotonic_ns()
        while not ended and (now_ns := time.monotonic_ns()) < limit_ns:
            due_ns = max(due_ns, now_ns - _LATE_NS)
            while due_ns <= now_ns:
                with suppress(BlockingIOError):
                    sender.sendto(data, (options.destination, PORT))
                    sent += 1
                due_ns += options.every_ns
            time.sleep(_NAP_S)
    _say(str(sent))


def _say(words: str) -> None:
    sys.stdout.write(f"{words}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
