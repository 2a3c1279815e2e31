"""The links of the virtual network as they are now (up or down, how slow, how lossy), and who is at its edge. Pure but
for its own dice.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable

from controller.domain.topology import Direction, Link, PerDirection, Topology


class Links:
    """Begins as declared: all up, declared delays, no loss. The dice are seeded: same frames, same losses.
    ``before_change`` is called before a link or port goes down or comes up."""

    def __init__(self, topology: Topology, seed: int = 0, before_change: Callable[[], None] = lambda: None) -> None:
        self._before_change = before_change
        self._by_end = {
            (link.ends(direction)[0], link.ports(direction)[0]): link
            for link in topology.links
            for direction in Direction
        }
        self._down: set[str] = set()
        self._unplugged: set[tuple[str, int]] = set()
        self._dark: set[str] = set()
        self._delay_ns = {link.name: link.delay_ns for link in topology.links}
        self._loss = {link.name: 0.0 for link in topology.links}
        self._dice = random.Random(seed)

    def neighbours(self, node: str) -> Iterable[tuple[str, int]]:
        """(node, port) at the far end of each link of a node."""
        for (near, _), link in self._by_end.items():
            if near == node:
                direction = link.direction_from(node)
                yield link.ends(direction)[1], link.ports(direction)[1]

    def ends(self, name: str) -> Iterable[tuple[str, int]]:
        """(node, port) at either end of a link."""
        return (end for end, link in self._by_end.items() if link.name == name)

    def set_up(self, name: str, up: bool) -> bool:
        """Repair or cut a link; whether that changed anything."""
        if up is (name not in self._down):
            return False
        self._before_change()
        (self._down.discard if up else self._down.add)(name)
        return True

    def plug(self, node: str, port: int, plugged: bool) -> bool:
        """Whoever is outside the network at a port without a link goes, or comes back; whether that changed anything.
        ``ValueError`` when there is a link."""
        if (node, port) in self._by_end:
            raise ValueError(f"{node} port {port} is an end of link {self._by_end[node, port].name}: cut that")
        if plugged is ((node, port) not in self._unplugged):
            return False
        self._before_change()
        (self._unplugged.discard if plugged else self._unplugged.add)((node, port))
        return True

    def set_power(self, node: str, on: bool) -> None:
        """Links to a node without power carry nothing and have no signal at the other end."""
        self._before_change()
        (self._dark.discard if on else self._dark.add)(node)

    def set_delay(self, name: str, delay_ns: PerDirection[int]) -> None:
        if min(delay_ns) < 0:
            raise ValueError(f"link {name}: a delay of {min(delay_ns)} ns")
        self._delay_ns[name] = delay_ns

    def set_loss(self, name: str, share: float) -> None:
        """Each frame that crosses the link is lost with this probability, in either direction."""
        if not 0 <= share <= 1:
            raise ValueError(f"link {name}: a loss of {share} is not within 0..1")
        self._loss[name] = share

    def port_up(self, node: str, port: int) -> bool:
        """Whether a port has a signal."""
        link = self._by_end.get((node, port))
        return (node, port) not in self._unplugged if link is None else self.has_signal(link)

    def carries(self, link: Link) -> bool:
        """Whether the frame that is about to cross the link gets over. Asked once for every frame."""
        if not self.has_signal(link):
            return False
        loss = self._loss[link.name]
        return loss == 0 or self._dice.random() >= loss

    def delay_ns(self, link: Link, direction: Direction) -> int:
        return self._delay_ns[link.name][direction]

    def has_signal(self, link: Link) -> bool:
        return link.name not in self._down and link.a not in self._dark and link.z not in self._dark
