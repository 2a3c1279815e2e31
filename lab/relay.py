"""The process that is every wire of a lab: reads frames at one plug, writes them at the other when their time has come.

Plain Python, one thread: an epoll set of plugs and a heap of frames under way. Mininet's usual links need the kernel's
netem, which many kernels (containers, cloud images) lack; this needs only TAP interfaces and was measured to be as
exact: asked 20 ms, got 20.05. It is controlled by JSON lines on a socket, one answer for one request, and ends with it.

Requests (``op`` and its arguments; the answer is ``{"ok": ...}`` or ``{"error": "one line"}``):
``add`` name, a and z {pid, interface, mtuBytes, mac, silent}, aToZ and zToA {delayNs, rateBps, loss}: a new wire;
``set`` name, direction, impairment: change one direction while it runs;
``cut`` name, ``restore`` name: take the carrier away at both ends and lose what is under way, and back;
``swap`` name, other: exchange the far (z) ends of two wires;
``fan`` name, a {plug}, aToZ, zToA, shared [address], regions {region: {end {plug}, prefixes, aToZ, zToA}}: a wire whose
far end fans out by destination (``lab.fan``) to a plug per region, over lanes of its own;
``plug`` name, end {plug}: a plug alone, without carrier;
``join`` name, a, z (names of plugs that are alone), aToZ, zToA: a wire between the two; ``part`` name: and undo that;
``counters``: what became of the frames, by wire, direction and traffic class.
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
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from typing import Any

from lab.fan import Fan
from lab.lane import Lane
from lab.punctual import be_punctual
from lab.tap import Tap, silence_netns
from lab.wire import Impairment

_BATCH = 32
"""Frames read from one plug before the others, and frames that are due, get their turn."""

_FRAME_BYTES = 65_536
_EXACT_NS = 500_000
_PR_SET_TIMERSLACK = 29


@dataclass(slots=True, eq=False)
class _Wire:
    """Two ends and a way between them in each direction. ``cuts`` counts how often it was cut: what entered before is
    lost. ``branches``: the wires that its far end fans out to."""

    ways: dict[str, _Way] = field(default_factory=dict)
    cut: bool = False
    cuts: int = 0
    branches: tuple[_Wire, ...] = ()

    @property
    def taps(self) -> Iterator[Tap]:
        return (way.to for way in self.ways.values() if isinstance(way.to, Tap))


@dataclass(slots=True, eq=False)
class _Way:
    """One direction of a wire. ``wakes_ns`` is when the relay looks after what waits in the lane; -1: never."""

    wire: _Wire
    lane: Lane
    to: Tap | Callable[[bytes], Iterable[_Way]]
    """Where frames come out, or what says into which other ways they go on."""
    wakes_ns: int = -1


class Relay:
    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._heard = b""
        self._wires: dict[str, _Wire] = {}
        self._alone: dict[str, Tap] = {}
        """Plugs that wires can be joined from."""
        self._joined: dict[str, tuple[str, str]] = {}
        """By a wire that was joined: its plugs."""
        self._plugged: dict[int, _Way] = {}
        """By a plug's file descriptor: the way that starts there."""
        self._under_way: list[tuple[int, int, _Way, int, bytes | None]] = []
        """(when, how manieth, way, cuts of its wire so far, frame that arrives; ``None``: look after what waits)."""
        self._sequence = itertools.count()
        self._operations: dict[str, Callable[..., Any]] = {
            "add": self._add,
            "fan": self._fan,
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
        way = self._plugged[fd]
        wire, accept, sequence, under_way = way.wire, way.lane.accept, self._sequence, self._under_way
        now_ns = time.monotonic_ns()
        for _ in range(_BATCH):
            try:
                frame = os.read(fd, _FRAME_BYTES)
            except OSError:  # nothing more to read; or the namespace, and the plug with it, is gone
                break
            if wire.cut:
                continue
            arrival_ns = accept(now_ns, frame)
            if arrival_ns is not None:
                heapq.heappush(under_way, (arrival_ns, next(sequence), way, wire.cuts, frame))
        if way.wakes_ns < 0:
            self._look_after(way)

    def _look_after(self, way: _Way) -> None:
        """Come back to a way in time for what waits in its lane."""
        due_ns = way.lane.due_ns
        way.wakes_ns = -1 if due_ns is None else due_ns
        if due_ns is not None:
            heapq.heappush(self._under_way, (due_ns, next(self._sequence), way, way.wire.cuts, None))

    def _collect(self, way: _Way, now_ns: int) -> None:
        """Have on their way those that waited in a lane and have been sent."""
        for arrival_ns, frame in way.lane.take(now_ns):
            heapq.heappush(self._under_way, (arrival_ns, next(self._sequence), way, way.wire.cuts, frame))
        self._look_after(way)

    def _deliver_due(self) -> int | None:
        """Write out what has arrived; return when the next frame does."""
        under_way = self._under_way
        now_ns = time.monotonic_ns()
        while under_way:
            if under_way[0][0] > now_ns:
                return under_way[0][0]
            at_ns, _, way, cuts, frame = heapq.heappop(under_way)
            if frame is None:
                if at_ns == way.wakes_ns:
                    self._collect(way, at_ns)
            elif cuts == way.wire.cuts:
                if isinstance(way.to, Tap):
                    # An interface that is down refuses frames: they are lost, as on a real port.
                    with suppress(OSError):
                        os.write(way.to.fd, frame)
                else:
                    self._go_on(way.to(frame), at_ns, frame)
        return None

    def _go_on(self, ways: Iterable[_Way], at_ns: int, frame: bytes) -> None:
        for way in ways:
            arrival_ns = way.lane.accept(at_ns, frame)
            if arrival_ns is not None:
                heapq.heappush(self._under_way, (arrival_ns, next(self._sequence), way, way.wire.cuts, frame))
            elif way.wakes_ns < 0:
                self._look_after(way)

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
        self._wires[name] = wire = _wire(name, z, a, aToZ, zToA)
        self._plug_in(wire.ways["aToZ"], a)
        self._plug_in(wire.ways["zToA"], z)

    def _fan(
        self,
        name: str,
        a: dict[str, Any],
        aToZ: Any,  # noqa: N803
        zToA: Any,  # noqa: N803
        shared: list[str],
        regions: dict[str, dict[str, Any]],
    ) -> None:
        fan = Fan({region: branch["prefixes"] for region, branch in regions.items()}, shared)
        towards: dict[str, _Way] = {}
        near = _tap(a)
        trunk = _wire(name, lambda frame: [towards[region] for region in fan.regions(frame)], near, aToZ, zToA)
        self._plug_in(trunk.ways["aToZ"], near)
        homewards = (trunk.ways["zToA"],)
        self._wires[name] = trunk
        for region, branch in regions.items():
            far, branch_name = _tap(branch["end"]), f"{name} {region}"
            wire = _wire(branch_name, far, lambda _: homewards, branch["aToZ"], branch["zToA"])
            self._plug_in(wire.ways["zToA"], far)
            towards[region] = wire.ways["aToZ"]
            trunk.branches += (wire,)
            self._wires[branch_name] = wire

    def _set(self, name: str, direction: str, impairment: dict[str, Any]) -> None:
        way = self._wires[name].ways[direction]
        now_ns = time.monotonic_ns()
        way.lane.change(now_ns, _impairment(impairment))
        self._collect(way, now_ns)

    def _cut(self, name: str) -> None:
        trunk = self._wires[name]
        for wire in (trunk, *trunk.branches):
            wire.cut = True
            wire.cuts += 1
            for way in wire.ways.values():
                way.lane.clear()
            for plug in wire.taps:
                plug.set_carrier(False)

    def _restore(self, name: str) -> None:
        trunk = self._wires[name]
        for wire in (trunk, *trunk.branches):
            wire.cut = False
            for plug in wire.taps:
                plug.set_carrier(True)

    def _swap(self, name: str, other: str) -> None:
        one, two = self._wires[name].ways, self._wires[other].ways
        one_far, two_far = one["aToZ"].to, two["aToZ"].to
        if not (isinstance(one_far, Tap) and isinstance(two_far, Tap)):
            raise ValueError("a wire that leads abroad cannot be swapped")
        one["aToZ"].to, two["aToZ"].to = two_far, one_far
        self._plugged[two_far.fd], self._plugged[one_far.fd] = one["zToA"], two["zToA"]

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

    def _counters(self) -> dict[str, dict[str, list[dict[str, int]]]]:
        return {
            name: {direction: [asdict(each) for each in way.lane.counters] for direction, way in wire.ways.items()}
            for name, wire in self._wires.items()
        }

    def _plug_in(self, way: _Way, plug: Tap) -> None:
        self._plugged[plug.fd] = way
        self._epoll.register(plug.fd, select.EPOLLIN)


def _wire(
    name: str,
    z: Tap | Callable[[bytes], Iterable[_Way]],
    a: Tap | Callable[[bytes], Iterable[_Way]],
    aToZ: Any,  # noqa: N803
    zToA: Any,  # noqa: N803
) -> _Wire:
    wire = _Wire()
    for direction, described, to in (("aToZ", aToZ, z), ("zToA", zToA, a)):
        lane = Lane(_impairment(described), random.Random(f"{name} {direction}").random)
        wire.ways[direction] = _Way(wire, lane, to)
    return wire


def _nap_s(wait_ns: int) -> float:
    """How long to sleep of a wait. The kernel lets select oversleep by a thousandth and more of the time asked (150 ms
    became 150.4), so a long wait is approached in steps, each short enough for the rest to be exact."""
    return max(0, wait_ns if wait_ns < _EXACT_NS else wait_ns * 19 // 20) / 1e9


def _tap(end: Mapping[str, Any]) -> Tap:
    if end["silent"]:
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
