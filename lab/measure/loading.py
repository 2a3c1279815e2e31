"""Load from a customer's host: streams of UDP packets at their rates, from a process of its own, so that whoever
measures beside it has the interpreter to himself. ``python -m lab.measure.loading`` in the host's namespace; ended by
SIGTERM or at its limit, it says how many packets it has sent.
"""

from __future__ import annotations

import argparse
import json
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from dataclasses import asdict
from types import TracebackType
from typing import Final

from lab.measure.datagrams import PORT, payload
from lab.measure.dataplane import MeasurementFailed
from lab.measure.traffic import Stream, sending_socket
from lab.parent import ending_with_parent

_NAP_S: Final = 0.001
_LATE_NS: Final = 100_000_000
"""What a pause of the machine made late is not caught up with, beyond this."""


class Load:
    """``streams`` from the host with process ``pid``, as long as the context lasts and for ``limit_s`` at most. After
    it, ``sent`` is the number of packets."""

    def __init__(self, pid: int, streams: Sequence[Stream], limit_s: float = 60.0) -> None:
        self.sent = 0
        self._site = streams[0].site
        command = ["nsenter", f"--target={pid}", "--net", sys.executable, "-m", "lab.measure.loading"]
        self._command = [*command, "--limit", str(limit_s), json.dumps([asdict(stream) for stream in streams])]

    def __enter__(self) -> Load:
        self._process = subprocess.Popen(
            ending_with_parent(self._command), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        assert self._process.stdout is not None
        # Its first line says that it sends; anything else is why not.
        if self._process.stdout.readline() != "sending\n":
            _, complaint = self._process.communicate()
            raise MeasurementFailed(f"no load from {self._site}: {complaint.strip().rpartition(chr(10))[2]}")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """Send no more."""
        if self._process.returncode is None:
            self._process.terminate()
            told, _ = self._process.communicate()
            self.sent = int(told)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--limit", type=float, required=True)
    parser.add_argument("streams", help="JSON: a list of Stream's fields")
    options = parser.parse_args()
    streams = [Stream(**fields) for fields in json.loads(options.streams)]
    ended = False

    def end(*_: object) -> None:
        nonlocal ended
        ended = True

    signal.signal(signal.SIGTERM, end)
    sent = 0
    with ExitStack() as stack:
        senders = [stack.enter_context(_Sender(stream)) for stream in streams]
        _say("sending")
        started_ns = time.monotonic_ns()
        for number, sender in enumerate(senders):  # not all at one moment
            sender.due_ns = started_ns + number * sender.stream.every_ns // len(senders)
        while not ended and (now_ns := time.monotonic_ns()) < started_ns + round(options.limit * 1e9):
            sent += sum(sender.send_due(now_ns) for sender in senders)
            time.sleep(_NAP_S)
    _say(str(sent))


class _Sender:
    """One stream on its schedule."""

    def __init__(self, stream: Stream) -> None:
        self.stream = stream
        self.due_ns = 0
        self._to = (stream.destination, PORT)
        self._data = payload(0, 0, 0, 0, stream.packet_bytes, 6 if ":" in stream.destination else 4)
        self._socket = sending_socket(stream.source, stream.dscp)

    def send_due(self, now_ns: int) -> int:
        """Returns how many were sent. What finds no room is lost, as from any host."""
        sent = 0
        self.due_ns = max(self.due_ns, now_ns - _LATE_NS)
        while self.due_ns <= now_ns:
            with suppress(BlockingIOError):
                self._socket.sendto(self._data, self._to)
                sent += 1
            self.due_ns += self.stream.every_ns
        return sent

    def __enter__(self) -> _Sender:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()


def _say(words: str) -> None:
    sys.stdout.write(f"{words}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
