"""A data plane measured with raw sockets at its sites. One thread does all: it sends on schedule, and in between takes
what has arrived. Its sockets' buffers are large, and times of arrival are the kernel's, so that nothing depends on
when exactly that thread gets to run."""

from __future__ import annotations

import math
import select
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Final

from lab.measure.dataplane import LOSSES_THAT_END_A_LOOP, Arrival, Exchange, Flood, Flooded, Loop, RoundTrip, Sending
from lab.measure.frames import mark_of
from lab.measure.raw_port import RawPort, SitePort
from lab.punctual import punctual

_TICK_NS: Final = 1_000_000
# Frames sent in one tick of an exchange: 4,000 a second, a pace that a software switch keeps up with while it learns.
_EXCHANGE_PER_TICK: Final = 4
# After a pause of the machine a flood catches up, but at no more than this many times its rate.
_CATCH_UP: Final = 4
# A flood that cannot be sent in this many times its duration ends short; the rate that was offered tells.
_PATIENCE: Final = 1.5


class SocketDataPlane:
    """Implements :class:`lab.measure.dataplane.DataPlane` for sites that are interfaces in network namespaces.

    A context manager: leaving it closes the sockets. Not for use by two threads at once."""

    def __init__(self, name: str, sites: Sequence[SitePort]) -> None:
        self.name = name
        self._ports: dict[str, RawPort] = {}
        self._by_fileno: dict[int, RawPort] = {}
        self._poll = select.epoll()
        try:
            for site in sites:
                port = RawPort(site)
                self._ports[site.site] = port
                self._by_fileno[port.fileno()] = port
                self._poll.register(port.fileno(), select.EPOLLIN)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> SocketDataPlane:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        self._poll.close()
        for port in self._ports.values():
            port.close()

    def exchange(self, sendings: Sequence[Sending], window_ns: int) -> Exchange:
        arrivals: list[Arrival] = []
        refused: dict[int, str] = {}

        def note(site: str, frame: bytes, mark: int, _: int) -> None:
            arrivals.append(Arrival(site=site, frame=frame, mark=mark))

        self._discard_waiting()
        for first in range(0, len(sendings), _EXCHANGE_PER_TICK):
            tick_end = time.monotonic_ns() + _TICK_NS
            for sending in sendings[first : first + _EXCHANGE_PER_TICK]:
                try:
                    self._ports[sending.site].send(sending.frame)
                except OSError as error:
                    refused[mark_of(sending.frame) or 0] = str(error)
            self._receive_until(tick_end, note)
        self._receive_until(time.monotonic_ns() + window_ns, note)
        return Exchange(arrivals=tuple(arrivals), refused=refused, lost_by_prober=self._lost())

    def round_trips(self, loops: Sequence[Loop], timeout_ns: int) -> tuple[tuple[RoundTrip | None, ...], ...]:
        self._discard_waiting()
        with punctual():
            return self._run_loops(loops, timeout_ns)

    def _run_loops(self, loops: Sequence[Loop], timeout_ns: int) -> tuple[tuple[RoundTrip | None, ...], ...]:
        runners = [_Runner(loop, self._ports[loop.a], self._ports[loop.z], timeout_ns) for loop in loops]
        waiting: dict[int, _Runner] = {}

        def turn(site: str, _frame: bytes, mark: int, arrived_ns: int) -> None:
            runner = waiting.get(mark)
            if runner is not None and runner.awaits(site):
                del waiting[mark]
                runner.arrived(arrived_ns)
                send(runner)

        def send(runner: _Runner) -> None:
            mark = runner.send()
            if mark is not None:
                waiting[mark] = runner

        for runner in runners:
            # A tick apart, so that the lines' probes do not wait for each other in the switches.
            send(runner)
            self._receive_until(time.monotonic_ns() + _TICK_NS, turn)
        while waiting:
            self._receive_until(time.monotonic_ns() + _TICK_NS, turn)
            now = time.monotonic_ns()
            for mark, runner in [item for item in waiting.items() if item[1].deadline_ns <= now]:
                del waiting[mark]
                runner.give_up()
                send(runner)
        return tuple(tuple(runner.results) for runner in runners)

    def flood(self, floods: Sequence[Flood], duration_ns: int, drain_ns: int) -> tuple[Flooded, ...]:
        received: Counter[tuple[int, str]] = Counter()

        def tally(site: str, frame: bytes, mark: int, _: int) -> None:
            received[mark, site] += len(frame)

        self._discard_waiting()
        with punctual():
            start = time.monotonic_ns()
            senders = [_Sender(flood, self._ports[flood.site], start, duration_ns) for flood in floods]
            pending = senders
            latest = start + int(duration_ns * _PATIENCE)
            while (now := time.monotonic_ns()) < latest:
                pending = [sender for sender in pending if sender.send_due(now)]
                if not pending:
                    break
                self._receive_until(now + _TICK_NS, tally)
            self._receive_until(time.monotonic_ns() + drain_ns, tally)
        lost = self._lost()
        return tuple(
            Flooded(
                sent_bytes=sender.sent * len(sender.flood.frame),
                elapsed_ns=max(sender.ended_ns - start, 1),
                received_bytes={site: size for (mark, site), size in received.items() if mark == sender.mark},
                lost_by_prober=lost,
                refused=sender.refused,
            )
            for sender in senders
        )

    def _receive_until(self, until_ns: int, take: Callable[[str, bytes, int, int], None]) -> None:
        """Hand every probe that arrives before ``until_ns`` to ``take(site, frame, mark, arrived_ns)``."""
        while (left_ns := until_ns - time.monotonic_ns()) > 0:
            for fileno, _ in self._poll.poll(left_ns / 1e9):
                port = self._by_fileno[fileno]
                for frame, arrived_ns in _waiting(port):
                    mark = mark_of(frame)
                    if mark is not None:
                        take(port.site, frame, mark, arrived_ns)

    def _discard_waiting(self) -> None:
        for port in self._ports.values():
            port.discard_waiting()

    def _lost(self) -> int:
        return sum(port.lost() for port in self._ports.values())


def _waiting(port: RawPort, most: int = 64) -> Iterator[tuple[bytes, int]]:
    """Up to ``most`` frames that have arrived at ``port``: no port keeps the others waiting for long."""
    for _ in range(most):
        received = port.receive()
        if received is None:
            return
        yield received


@dataclass(slots=True)
class _Runner:
    """One loop on its way: sends the next frame, and knows where and until when it should arrive."""

    loop: Loop
    a: RawPort
    z: RawPort
    timeout_ns: int
    results: list[RoundTrip | None] = field(default_factory=list)
    deadline_ns: int = 0
    _sent_ns: int = 0
    _out_ns: int | None = None

    def send(self) -> int | None:
        """Send what comes next and return its mark; ``None`` when the loop has run all its rounds."""
        while (number := len(self.results)) < len(self.loop.out):
            port, frame = (self.a, self.loop.out[number]) if self._out_ns is None else (self.z, self.loop.back[number])
            self.deadline_ns = time.monotonic_ns() + self.timeout_ns
            try:
                self._sent_ns = port.send(frame)
            except OSError:
                self.give_up()
                continue
            return mark_of(frame)
        return None

    def awaits(self, site: str) -> bool:
        return site == (self.loop.z if self._out_ns is None else self.loop.a)

    def arrived(self, arrived_ns: int) -> None:
        took_ns = arrived_ns - self._sent_ns
        if self._out_ns is None:
            self._out_ns = took_ns
        else:
            self.results.append(RoundTrip(out_ns=self._out_ns, back_ns=took_ns))
            self._out_ns = None

    def give_up(self) -> None:
        """Count this round as lost, and all that are left when too many were lost in a row."""
        self.results.append(None)
        self._out_ns = None
        if self.results[-LOSSES_THAT_END_A_LOOP:] == [None] * LOSSES_THAT_END_A_LOOP:
            self.results += [None] * (len(self.loop.out) - len(self.results))


class _Sender:
    """One flood on its schedule: frame ``i`` is due ``i`` intervals after the start."""

    def __init__(self, flood: Flood, port: RawPort, start_ns: int, duration_ns: int) -> None:
        self.flood = flood
        self.mark = mark_of(flood.frame)
        self.sent = 0
        self.ended_ns = start_ns
        self.refused = ""
        self._port = port
        self._start_ns = start_ns
        self._interval_ns = len(flood.frame) * 8e9 / flood.rate_bps
        self._total = max(1, round(duration_ns / self._interval_ns))
        self._most_per_tick = math.ceil(_CATCH_UP * _TICK_NS / self._interval_ns)

    def send_due(self, now_ns: int) -> bool:
        """Send what is due and return whether more is to come."""
        due = min(self._total, int((now_ns - self._start_ns) / self._interval_ns) + 1)
        try:
            for _ in range(min(due - self.sent, self._most_per_tick)):
                self._port.send(self.flood.frame)
                self.sent += 1
        except BlockingIOError:
            pass
        except OSError as error:
            self.refused = str(error)
        # The last frame takes its interval too: rate = size / interval, however few frames there are.
        self.ended_ns = max(now_ns, self._start_ns + int(self.sent * self._interval_ns))
        return self.sent < self._total and not self.refused
