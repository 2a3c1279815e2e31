"""The process that is every wire of a lab: reads frames at one plug, writes them at the other when their time has come.

Plain Python, one thread: an epoll set of plugs and a heap of frames under way. Mininet's usual links need the kernel's
netem, which many kernels (containers, cloud images) lack; this needs only TAP interfaces and was measured to be as
exact: asked 20 ms, got 20.05. It is controlled by JSON lines on a socket, one answer for one request, and ends with it.

Requests (``op`` and its arguments; the answer is ``{"ok": ...}`` or ``{"error": "one line"}``):
``add`` name, a and z {pid, interface, mtuBytes, mac}, aToZ and zToA {delayNs, rateBps, loss}: plug in a new wire;
``set`` name, direction, impairment: change one direction while it runs;
``cut`` name, ``restore`` name: take the carrier away at both ends and lose what is under way, and back;
``swap`` name, other: exchange the far (z) ends of two wires;
``plug`` name, end {pid, interface, mtuBytes, mac}: a plug alone, without carrier;
``join`` name, a, z (names of plugs that are alone), aToZ, zToA: a wire between the two; ``part`` name: and undo that;
``counters``: what became of the frames, by wire and direction.
"""

from __future__ import annotations

import ctypes
import gc
import heapq
import itertools
import json
import os
import random
import select
import socket
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Any

from lab.punctual import be_punctual
from lab.tap import Tap, silence_netns
from lab.wire import Impairment, Lane

_BATCH = 32
"""Frames read from one plug before the others, and frames that are due, get their turn."""

_FRAME_BYTES = 65_536
_EXACT_NS = 500_000
_PR_SET_TIMERSLACK = 29


@dataclass(slots=True, eq=False)
class _Wire:
    """Two plugs and a lane each way. ``cuts`` counts how often it was cut: what entered before a cut is lost."""

    a: Tap
    z: Tap
    lanes: dict[str, Lane]
    cut: bool = False
    cuts: int = 0


class Relay:
    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._heard = b""
        self._wires: dict[str, _Wire] = {}
        self._alone: dict[str, Tap] = {}
        """Plugs that wires can be joined from."""
        self._joined: dict[str, tuple[str, str]] = {}
        """By a wire that was joined: its plugs."""
        self._plugged: dict[int, tuple[_Wire, str]] = {}
        """By a plug's file descriptor: its wire, and the direction that starts there."""
        self._under_way: list[tuple[int, int, _Wire, int, str, bytes]] = []
        self._sequence = itertools.count()
        self._operations: dict[str, Callable[..., Any]] = {
            "add": self._add,
            "set": self._set,
            "cut": self._cut,
            "restore": self._restore,
            "swap": self._swap,
            "plug": self._plug,
            "join": self._join,
            "part": self._part,
            "counters": self._counters,
        }
        self._epoll = select.epoll()
        self._epoll.register(control.fileno(), select.EPOLLIN)

    def run(self) -> None:
        """Relay frames until the control socket ends."""
        epoll, plugged, control = self._epoll, self._plugged, self._control.fileno()
        while True:
            next_ns = self._deliver_due()
            events = epoll.poll(0)
            if not events:
                # epoll counts in milliseconds, select in microseconds; an epoll set is itself readable.
                select.select([epoll], [], [], None if next_ns is None else _nap_s(next_ns - time.monotonic_ns()))
                events = epoll.poll(0)
            for fd, _ in events:
                if fd == control:
                    if not self._obey():
                        return
                elif fd in plugged:
                    self._read_plug(fd)

    def _read_plug(self, fd: int) -> None:
        wire, direction = self._plugged[fd]
        lane = wire.lanes[direction]
        now_ns = time.monotonic_ns()
        for _ in range(_BATCH):
            try:
                frame = os.read(fd, _FRAME_BYTES)
            except OSError:  # nothing more to read; or the namespace, and the plug with it, is gone
                return
            if wire.cut:
                continue
            arrival_ns = lane.accept(now_ns, len(frame))
            if arrival_ns is not None:
                entry = (arrival_ns, next(self._sequence), wire, wire.cuts, direction, frame)
                heapq.heappush(self._under_way, entry)

    def _deliver_due(self) -> int | None:
        """Write out what has arrived; return when the next frame does."""
        under_way = self._under_way
        now_ns = time.monotonic_ns()
        while under_way:
            if under_way[0][0] > now_ns:
                return under_way[0][0]
            _, _, wire, cuts, direction, frame = heapq.heappop(under_way)
            if cuts == wire.cuts:
                plug = wire.z if direction == "aToZ" else wire.a
                # An interface that is down refuses frames: they are lost, as on a real port.
                with suppress(OSError):
                    os.write(plug.fd, frame)
        return None

    def _obey(self) -> bool:
        """Carry out what the control socket asks for; false when it has ended."""
        heard = self._control.recv(65_536)
        if not heard:
            return False
        *requests, self._heard = (self._heard + heard).split(b"\n")
        for line in requests:
            request = json.loads(line)
            try:
                answer = {"ok": self._operations[request.pop("op")](**request)}
            except (OSError, ValueError, LookupError) as error:
                answer = {"error": f"{type(error).__name__}: {error}"}
            self._control.sendall(json.dumps(answer).encode() + b"\n")
        return True

    def _add(self, name: str, a: dict[str, Any], z: dict[str, Any], aToZ: Any, zToA: Any) -> None:  # noqa: N803
        self._lay(name, _tap(a), _tap(z), aToZ, zToA)

    def _lay(self, name: str, a: Tap, z: Tap, aToZ: Any, zToA: Any) -> None:  # noqa: N803
        lanes = {
            direction: Lane(_impairment(described), random.Random(f"{name} {direction}").random)
            for direction, described in (("aToZ", aToZ), ("zToA", zToA))
        }
        self._wires[name] = wire = _Wire(a, z, lanes)
        self._plug_in(wire)
        for plug in (a, z):
            self._epoll.register(plug.fd, select.EPOLLIN)

    def _set(self, name: str, direction: str, impairment: dict[str, Any]) -> None:
        self._wires[name].lanes[direction].impairment = _impairment(impairment)

    def _cut(self, name: str) -> None:
        wire = self._wires[name]
        wire.cut = True
        wire.cuts += 1
        for plug in (wire.a, wire.z):
            plug.set_carrier(False)

    def _restore(self, name: str) -> None:
        wire = self._wires[name]
        wire.cut = False
        for plug in (wire.a, wire.z):
            plug.set_carrier(True)

    def _swap(self, name: str, other: str) -> None:
        one, two = self._wires[name], self._wires[other]
        one.z, two.z = two.z, one.z
        self._plug_in(one)
        self._plug_in(two)

    def _plug(self, name: str, end: dict[str, Any]) -> None:
        self._alone[name] = tap = _tap(end)
        tap.set_carrier(False)

    def _join(self, name: str, a: str, z: str, aToZ: Any, zToA: Any) -> None:  # noqa: N803
        if name in self._wires:
            raise ValueError(f"there is a wire {name} already")
        taken = {plug for pair in self._joined.values() for plug in pair}
        for plug in (a, z):
            if plug in taken:
                raise ValueError(f"the plug {plug} is joined already")
            self._alone[plug].drain()
        self._lay(name, self._alone[a], self._alone[z], aToZ, zToA)
        self._joined[name] = (a, z)
        for plug in (a, z):
            self._alone[plug].set_carrier(True)

    def _part(self, name: str) -> None:
        for plug in self._joined.pop(name):
            tap = self._alone[plug]
            tap.set_carrier(False)
            self._epoll.unregister(tap.fd)
            del self._plugged[tap.fd]
        self._wires.pop(name).cuts += 1  # what is under way is lost

    def _counters(self) -> dict[str, dict[str, dict[str, int]]]:
        return {
            name: {direction: asdict(lane.counters) for direction, lane in wire.lanes.items()}
            for name, wire in self._wires.items()
        }

    def _plug_in(self, wire: _Wire) -> None:
        self._plugged[wire.a.fd] = (wire, "aToZ")
        self._plugged[wire.z.fd] = (wire, "zToA")


def _nap_s(wait_ns: int) -> float:
    """How long to sleep of a wait. The kernel lets select oversleep by a thousandth and more of the time asked (150 ms
    became 150.4), so a long wait is approached in steps, each short enough for the rest to be exact."""
    return max(0, wait_ns if wait_ns < _EXACT_NS else wait_ns * 19 // 20) / 1e9


def _tap(end: Mapping[str, Any]) -> Tap:
    silence_netns(end["pid"])
    return Tap(end["interface"], netns_pid=end["pid"], mtu_bytes=end["mtuBytes"], mac=end["mac"])


def _impairment(described: Mapping[str, Any]) -> Impairment:
    return Impairment(delay_ns=described["delayNs"], rate_bps=described["rateBps"], loss=described["loss"])


def main() -> None:
    """``python -m lab.relay FD``: relay for whoever holds the other end of socket FD."""
    control = socket.socket(fileno=int(sys.argv[1]))
    # A wire is punctual however busy the switches are: first in line, no timer slack (50 us), no collector pauses.
    be_punctual()
    ctypes.CDLL(None).prctl(_PR_SET_TIMERSLACK, 1, 0, 0, 0)
    gc.freeze()
    gc.disable()
    Relay(control).run()


if __name__ == "__main__":
    main()
