"""The wires of a lab, as those who run it see them: the other end of the relay's control socket."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Any

from controller.domain.topology import Direction, PerDirection
from lab.errors import LabError
from lab.lane import CLASSES, Counters
from lab.wire import Impairment


@dataclass(frozen=True, slots=True, kw_only=True)
class Plug:
    """One end of a wire: an interface to be made in the network namespace of process ``netns_pid``."""

    netns_pid: int
    interface: str
    mtu_bytes: int
    mac: str | None = None
    silent: bool = True
    """Whether the kernel of that namespace is kept from sending anything of its own (``lab.tap.silence_netns``)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Branch:
    """One region behind a wire that fans out: what is for ``prefixes`` crosses ``impairment`` to ``plug``, and what its
    host sends goes the same way back."""

    plug: Plug
    prefixes: tuple[str, ...]
    impairment: PerDirection[Impairment]


class Wires:
    """All wires, by name; every call returns when it is done. A context manager: leaving it unplugs everything."""

    def __init__(self) -> None:
        ours, relays = socket.socketpair()
        with relays:
            self._relay = subprocess.Popen(
                [sys.executable, "-m", "lab.relay", str(relays.fileno())],
                pass_fds=[relays.fileno()],
                start_new_session=True,  # a Ctrl-C is for the lab, which ends its wires in its own time
            )
        self._control = ours
        self._answers = ours.makefile("rb")
        self._one_at_a_time = threading.Lock()
        self._impairments: dict[str, dict[Direction, Impairment]] = {}
        self._joined: set[str] = set()

    @property
    def pid(self) -> int:
        """Of the relay."""
        return self._relay.pid

    @property
    def names(self) -> tuple[str, ...]:
        """But for those that were joined from two plugs."""
        return tuple(name for name in self._impairments if name not in self._joined)

    def add(self, name: str, a: Plug, z: Plug, impairment: PerDirection[Impairment]) -> None:
        """Make both interfaces, bring them up and join them."""
        if name in self._impairments:
            raise LabError(f"there is a wire {name} already")
        both = {direction.value: _described(impairment[direction]) for direction in Direction}
        self._ask("add", name=name, a=_plug(a), z=_plug(z), **both)
        self._impairments[name] = {direction: impairment[direction] for direction in Direction}

    def fan(
        self,
        name: str,
        a: Plug,
        impairment: PerDirection[Impairment],
        branches: Mapping[str, Branch],
        shared: Sequence[str] = (),
    ) -> None:
        """Make all interfaces, bring them up and join ``a`` to those of all ``branches`` (by region) as ``lab.fan``
        says. ``shared``: the addresses that all their hosts have. Cut and restored as one, by ``name``; each branch is
        a wire, too, of the name ``NAME REGION``."""
        names = {name: impairment} | {f"{name} {region}": branch.impairment for region, branch in branches.items()}
        for each in names:
            if each in self._impairments:
                raise LabError(f"there is a wire {each} already")
        both = {direction.value: _described(impairment[direction]) for direction in Direction}
        regions = {
            region: {
                "end": _plug(branch.plug),
                "prefixes": branch.prefixes,
                **{direction.value: _described(branch.impairment[direction]) for direction in Direction},
            }
            for region, branch in branches.items()
        }
        self._ask("fan", name=name, a=_plug(a), shared=list(shared), regions=regions, **both)
        for each, declared in names.items():
            self._impairments[each] = {direction: declared[direction] for direction in Direction}

    def plug(self, name: str, plug: Plug) -> None:
        """Make an interface that no wire leads to, and that has no carrier as long as that is so."""
        self._ask("plug", name=name, end=_plug(plug))

    def join(self, name: str, a: str, z: str, impairment: PerDirection[Impairment]) -> None:
        """Lay a wire between two such interfaces: both have a carrier then."""
        both = {direction.value: _described(impairment[direction]) for direction in Direction}
        self._ask("join", name=name, a=a, z=z, **both)
        self._joined.add(name)
        self._impairments[name] = {direction: impairment[direction] for direction in Direction}

    def part(self, name: str) -> None:
        """Take such a wire away; frames under way are lost."""
        self._known(name)
        self._ask("part", name=name)
        self._joined.remove(name)
        del self._impairments[name]

    def impairment(self, name: str, direction: Direction) -> Impairment:
        """What this direction of the wire is set to now."""
        return self._known(name)[direction]

    def set(self, name: str, direction: Direction, impairment: Impairment) -> None:
        """Change one direction from now on; frames under way keep the delay that they set out with."""
        self._known(name)
        self._ask("set", name=name, direction=direction.value, impairment=_described(impairment))
        self._impairments[name][direction] = impairment

    def cut(self, name: str) -> None:
        """Both ends lose the carrier; frames under way are lost."""
        self._known(name)
        self._ask("cut", name=name)

    def restore(self, name: str) -> None:
        self._known(name)
        self._ask("restore", name=name)

    def swap(self, name: str, other: str) -> None:
        """Exchange the far (z) ends of two wires, as a mistake at a patch panel would; again, and all is as before."""
        self._known(name)
        self._known(other)
        self._ask("swap", name=name, other=other)

    def counters(self) -> dict[str, dict[Direction, Counters]]:
        """What became of the frames that entered, by wire and direction."""
        return {
            name: {direction: _sum(by_class.values()) for direction, by_class in lanes.items()}
            for name, lanes in self.counters_by_class().items()
        }

    def counters_by_class(self) -> dict[str, dict[Direction, dict[int, Counters]]]:
        """The same by traffic class, too (all of them)."""
        return {
            name: {
                Direction(direction): {number: Counters(**counts[number]) for number in range(CLASSES)}
                for direction, counts in lanes.items()
            }
            for name, lanes in self._ask("counters").items()
        }

    def end(self) -> None:
        """Tell the relay to end; the interfaces disappear with it."""
        with suppress(OSError):
            self._control.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """End the relay and wait until it has gone."""
        self.end()
        self._answers.close()
        self._control.close()
        self._relay.wait()

    def __enter__(self) -> Wires:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _known(self, name: str) -> dict[Direction, Impairment]:
        if name not in self._impairments:
            raise LabError(f"there is no wire {name}; there are {', '.join(self._impairments)}")
        return self._impairments[name]

    def _ask(self, op: str, **arguments: Any) -> Any:
        with self._one_at_a_time:
            try:
                self._control.sendall(json.dumps({"op": op, **arguments}).encode() + b"\n")
                line = self._answers.readline()
            except OSError:
                line = b""
        if not line:
            raise LabError(f"the relay of the wires has ended, status {self._relay.poll()}")
        answer = json.loads(line)
        if "error" in answer:
            raise LabError(f"wire: {op} {arguments.get('name', '')}: {answer['error']}")
        return answer["ok"]


def _sum(counters: Iterable[Counters]) -> Counters:
    every = list(counters)
    return Counters(
        entered=sum(each.entered for each in every),
        lost=sum(each.lost for each in every),
        overflowed=sum(each.overflowed for each in every),
    )


def _plug(plug: Plug) -> dict[str, Any]:
    return {
        "pid": plug.netns_pid,
        "interface": plug.interface,
        "mtuBytes": plug.mtu_bytes,
        "mac": plug.mac,
        "silent": plug.silent,
    }


def _described(impairment: Impairment) -> dict[str, Any]:
    return {"delayNs": impairment.delay_ns, "rateBps": impairment.rate_bps, "loss": impairment.loss}
