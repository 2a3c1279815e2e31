"""Switches joined by links: where a frame that a customer sends comes out, unchanged or not, and when."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from controller.domain.topology import Direction, Link, Topology
from controller.forwarding.switch import Switch

MOST_HOPS = 255
"""Longer than any route: who crosses more switches goes round in circles, though the frame may change each time."""


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
    delay_ns: int
    nodes: tuple[str, ...]


class Fabric:
    """The switches of a topology, by node. ``link_up`` says which links carry frames now, ``delay_ns`` what a
    link takes in a direction (as declared, unless told otherwise); ``hopDelay`` is added for each link."""

    def __init__(
        self,
        topology: Topology,
        switches: Mapping[str, Switch],
        link_up: Callable[[Link], bool] = lambda link: True,
        delay_ns: Callable[[Link, Direction], int] = lambda link, direction: link.delay_ns[direction],
    ) -> None:
        self._switches = switches
        self._link_up = link_up
        self._delay_ns = delay_ns
        self._hop_delay_ns = topology.hop_delay_ns
        self._links = {
            (link.ends(direction)[0], link.ports(direction)[0]): (link, direction)
            for link in topology.links
            for direction in Direction
        }

    def send(self, node: str, port: int, frame: bytes, now_ns: int | None = None) -> list[Arrival]:
        """Inject ``frame`` at a customer's port and follow it until nothing moves. Raises ``ForwardingLoop``."""
        arrivals: list[Arrival] = []
        moving = [_Moving(node, port, frame, 0, ())]
        been: set[tuple[str, int, bytes]] = set()
        while moving:
            at = moving.pop()
            place = (at.node, at.port, at.frame)
            if place in been:
                raise ForwardingLoop(f"{at.node} port {at.port} sees the same frame again, after {'-'.join(at.nodes)}")
            been.add(place)
            if len(at.nodes) >= MOST_HOPS:
                raise ForwardingLoop(f"a frame has crossed {MOST_HOPS} switches, the last of them {at.node}")
            nodes = (*at.nodes, at.node)
            entered_ns = None if now_ns is None else now_ns + at.delay_ns
            for sent in self._switches[at.node].receive(at.port, at.frame, entered_ns):
                onward = self._links.get((at.node, sent.port))
                if onward is None:
                    arrivals.append(
                        Arrival(node=at.node, port=sent.port, frame=sent.frame, delay_ns=at.delay_ns, nodes=nodes)
                    )
                    continue
                link, direction = onward
                if self._link_up(link):
                    delay_ns = at.delay_ns + self._delay_ns(link, direction) + self._hop_delay_ns
                    moving.append(
                        _Moving(link.ends(direction)[1], link.ports(direction)[1], sent.frame, delay_ns, nodes)
                    )
        return arrivals
