"""What one route of a pair takes from the other: links, inner nodes, or all that shares a risk with it."""

from __future__ import annotations

from collections.abc import Iterable

from controller.domain.intents import Disjointness
from controller.paths.network import Network


class Risks:
    """Links by number. ``kind`` says what the two routes must not have in common, besides links."""

    def __init__(self, network: Network, kind: Disjointness) -> None:
        self.kind = kind
        self._network = network
        self._mirror = network.mirror
        self._mates: dict[int, frozenset[int]] = {}

    @property
    def nodes_apart(self) -> bool:
        return self.kind is Disjointness.NODE

    def barred(self, links: Iterable[int], inner_nodes: Iterable[int]) -> set[int]:
        """What the other route must not use when one uses these links and passes these nodes."""
        barred = set(links)
        if self.kind is Disjointness.NODE:
            for node in inner_nodes:
                barred.update(self._mirror.links_at(node))
        elif self.kind is Disjointness.SRLG:
            for link in tuple(barred):
                barred |= self.mates(link)
        return barred

    def mates(self, link: int) -> frozenset[int]:
        """The links that share an SRLG with this one."""
        if link not in self._mates:
            self._mates[link] = frozenset().union(*map(self._of_srlg, self._mirror.links[link].srlgs))
        return self._mates[link]

    def in_common(self, links: Iterable[int], others: Iterable[int]) -> set[int]:
        """Links of which one of two routes apart uses none: a risk that these two have in common; empty if they have
        none. Nodes are not looked at."""
        taken = set(others)
        for link in links:
            if link in taken:
                return {link}
            for srlg in self._mirror.links[link].srlgs if self.kind is Disjointness.SRLG else ():
                group = self._of_srlg(srlg)
                if not group.isdisjoint(taken):
                    return group
        return set()

    def _of_srlg(self, srlg: str) -> set[int]:
        return {self._mirror.link_number[link.name] for link in self._network.links_of_srlg(srlg)}
