"""One OTN node: its cross-connects, and where a frame leaves that enters in the clear or inside an ODU."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from controller.domain.otn import OduType
from controller.domain.rules import (
    Change,
    ClientEnd,
    CrossConnect,
    CrossConnectEnd,
    LineEnd,
    Rule,
    RuleKey,
    key_of,
)


class ClaimedTwice(Exception):
    """Two ends of cross-connects want one client port, tributary slot or tributary port number: what a real node
    would do, had it let them, is undefined."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tributary:
    """An ODU on a link between OTN nodes. The far end finds it only where it looks for just this: the same ODU in the
    same slots under the same tributary port number (ITU-T G.709, the multiplex structure identifier)."""

    odu: OduType
    tributary_port: int
    slots: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class ConnectionPoint:
    """Where something enters or leaves an OTN node (ITU-T G.805): in the clear at a client port, ``tributary`` is
    ``None`` then, or inside an ODU at a line port."""

    port: int
    tributary: Tributary | None


_Claim = tuple[str, int, int]


class OpticalNode:
    """Cross-connects by key. One that says something unknown (``Opaque``) carries nothing."""

    def __init__(self, rules: Iterable[Rule] = ()) -> None:
        self.rules: dict[RuleKey, CrossConnect] = {}
        self._onward: dict[ConnectionPoint, list[tuple[CrossConnect, ConnectionPoint]]] = {}
        self._claims: Counter[_Claim] = Counter()
        for rule in rules:
            self.set(rule)

    def set(self, rule: Rule) -> None:
        """Add the cross-connect, in place of the one with its key if there is one. ``TypeError`` for other rules."""
        if not isinstance(rule, CrossConnect):
            raise TypeError(f"an OTN node holds cross-connects only, not {rule}")
        self.remove(key_of(rule))
        self.rules[key_of(rule)] = rule
        self._claims.update(_claims(rule))
        for entered, left in _ways(rule):
            self._onward.setdefault(entered, []).append((rule, left))

    def remove(self, key: RuleKey) -> None:
        """Take the cross-connect away; nothing happens when it is not there."""
        rule = self.rules.pop(key, None)
        if rule is None:
            return
        self._claims.subtract(_claims(rule))
        for entered, left in _ways(rule):
            self._onward[entered].remove((rule, left))

    def apply(self, change: Change) -> None:
        """Make ``change.after`` true."""
        if change.after is None:
            self.remove(key_of(change.rule))
        else:
            self.set(change.after)

    def receive(self, port: int, tributary: Tributary | None) -> ConnectionPoint | None:
        """Where what enters at ``port`` leaves (``tributary``: the ODU it is inside, ``None`` in the clear); ``None``
        when no cross-connect has just this end: it is lost. Raises ``ClaimedTwice``."""
        ways = self._onward.get(ConnectionPoint(port, tributary))
        if not ways:
            return None
        rule, left = ways[0]
        for kind, at, number in _claims(rule):
            if self._claims[kind, at, number] > 1:
                where = f"port {at}" if kind == "client port" else f"{kind} {number} of port {at}"
                raise ClaimedTwice(f"cross-connect {rule.number} is not alone in having {where}")
        return left


def _ways(rule: CrossConnect) -> Iterator[tuple[ConnectionPoint, ConnectionPoint]]:
    """Both ways through a cross-connect: from where to where."""
    a, z = _point(rule, rule.a), _point(rule, rule.z)
    if a is not None and z is not None:
        yield a, z
        yield z, a


def _point(rule: CrossConnect, end: CrossConnectEnd) -> ConnectionPoint | None:
    match end:
        case ClientEnd() if isinstance(rule.odu, OduType):
            return ConnectionPoint(end.port, None)
        case LineEnd() if isinstance(rule.odu, OduType):
            return ConnectionPoint(
                end.port, Tributary(odu=rule.odu, tributary_port=end.tributary_port, slots=end.slots)
            )
        case _:
            return None


def _claims(rule: CrossConnect) -> Iterator[_Claim]:
    """What the ends of a cross-connect have for themselves: (kind, port, number)."""
    for end in (rule.a, rule.z):
        match end:
            case ClientEnd():
                yield "client port", end.port, 0
            case LineEnd():
                yield "tributary port", end.port, end.tributary_port
                yield from (("slot", end.port, slot) for slot in end.slots)
