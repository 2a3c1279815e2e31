"""Switches and OTN nodes joined by links: where a frame that a customer sends comes out, unchanged or not, and when."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial

from controller.domain.otn import slots_taken
from controller.domain.rules import FlowRule
from controller.domain.topology import Direction, Link, Topology
from controller.forwarding.optical import OpticalNode, Tributary
from controller.forwarding.switch import Switch

MOST_HOPS = 255
"""Longer than any route: who crosses more nodes goes round in circles, though the frame may change each time."""


class ForwardingLoop(Exception):
    """A frame came back to where it had been, as it had been, or never ends its way."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """A frame that left the network at a port without a link. ``nodes`` are those crossed, in order."""

    node: str
    port: int
    frame: bytes
    delay_ns: int
    nodes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Moving:
    node: str
    port: int
    frame: bytes
    tributary: Tributary | None
    delay_ns: int
    nodes: tuple[str, ...]


class Fabric:
    """What forwards at each node of a topology: a switch, or cross-connects. ``link_up`` says which links carry frames
    now, ``delay_ns`` what a link takes in a direction (as declared, unless told otherwise); to that comes what the hop
    and the OTN nodes add (``Topology.crossing_ns``). ``on_told`` is told what the controller is: at which node and port
    a frame came in, which flow tells of it, and the frame."""

    def __init__(
        self,
        topology: Topology,
        nodes: Mapping[str, Switch | OpticalNode],
        link_up: Callable[[Link], bool] = lambda link: True,
        delay_ns: Callable[[Link, Direction], int] = lambda link, direction: link.delay_ns[direction],
        on_told: Callable[[str, int, FlowRule, bytes], None] | None = None,
    ) -> None:
        self._nodes = nodes
        self._link_up = link_up
        self._delay_ns = delay_ns
        self._on_told = on_told
        self._crossing_ns = {link.name: topology.crossing_ns(link) for link in topology.links}
        self._links = {
            (link.ends(direction)[0], link.ports(direction)[0]): (link, direction)
            for link in topology.links
            for direction in Direction
        }

    def send(
        self,
        node: str,
        port: int,
        frame: bytes,
        now_ns: int | None = None,
        on_match: Callable[[str, FlowRule, int], None] | None = None,
    ) -> list[Arrival]:
        """Inject ``frame`` at a customer's port and follow it until nothing moves. ``on_match`` is told each flow that
        it meets, at which node, and of how many bytes it is there. Raises ``ForwardingLoop``, ``AmbiguousMatch`` and
        ``ClaimedTwice``."""
        arrivals: list[Arrival] = []
        moving = [_Moving(node, port, frame, None, 0, ())]
        been: set[tuple[str, int, bytes, Tributary | None]] = set()
        while moving:
            at = moving.pop()
            place = (at.node, at.port, at.frame, at.tributary)
            if place in been:
                raise ForwardingLoop(f"{at.node} port {at.port} sees the same frame again, after {'-'.join(at.nodes)}")
            been.add(place)
            if len(at.nodes) >= MOST_HOPS:
                raise ForwardingLoop(f"a frame has crossed {MOST_HOPS} nodes, the last of them {at.node}")
            nodes = (*at.nodes, at.node)
            entered_ns = None if now_ns is None else now_ns + at.delay_ns
            for out, sent, tributary in self._leaving(at, entered_ns, on_match):
                onward = self._links.get((at.node, out))
                if onward is None:
                    if tributary is None:
                        arrivals.append(Arrival(node=at.node, port=out, frame=sent, delay_ns=at.delay_ns, nodes=nodes))
                    continue
                link, direction = onward
                if _fits(tributary, link) and self._link_up(link):
                    delay_ns = at.delay_ns + self._delay_ns(link, direction) + self._crossing_ns[link.name]
                    far, entered = link.ends(direction)[1], link.ports(direction)[1]
                    moving.append(_Moving(far, entered, sent, tributary, delay_ns, nodes))
        return arrivals

    def _leaving(
        self, at: _Moving, entered_ns: int | None, on_match: Callable[[str, FlowRule, int], None] | None
    ) -> Iterator[tuple[int, bytes, Tributary | None]]:
        """(port, frame, ODU around it) of all that leaves the node."""
        node = self._nodes[at.node]
        if isinstance(node, OpticalNode):
            left = node.receive(at.port, at.tributary)
            if left is not None:
                yield left.port, at.frame, left.tributary
        else:
            here = None if on_match is None else partial(on_match, at.node)
            told = None if self._on_told is None else partial(self._on_told, at.node, at.port)
            for sent in node.receive(at.port, at.frame, entered_ns, here, told):
                yield sent.port, sent.frame, None


def _fits(tributary: Tributary | None, link: Link) -> bool:
    """Whether a link can carry it: Ethernet only where no OTN node expects ODUs, and an ODU only between OTN nodes, in
    as many slots as it takes there, which the link must have."""
    if tributary is None or link.odu is None:
        return tributary is None and link.odu is None
    taken = slots_taken(tributary.odu, link.odu)
    return len(set(tributary.slots)) == taken and all(1 <= slot <= link.slots for slot in tributary.slots)
