"""Destination groups, and the table that leads prefixes to them.

Prefixes with the same region, the same policies and the same gateways are steered alike. They are divided into parts,
so that most traffic can be divided over gateways without dividing that of any prefix. The part is a hash of the block
of addresses that a prefix is in (a /16, of IPv6 a /32): nothing that comes or goes moves another prefix, and
neighbours, which are often one network, stay together, so that fewer rules say the same. Where one gateway leads,
nothing is divided."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from functools import lru_cache
from hashlib import blake2b
from itertools import count
from typing import Final, NamedTuple

from controller.compiler.steering.destinations import NOWHERE, Destination, Destinations
from controller.compiler.steering.ortc import FewestRules
from controller.domain.egress import EgressPolicy
from controller.domain.intents import IntentKey
from controller.domain.prefixes import ADDRESS_BITS, Prefix
from controller.domain.regions import RegionMap
from controller.domain.routes import Routes
from controller.domain.steering import ELSEWHERE, DestinationGroup, PrefixTable
from controller.domain.topology import Topology

PARTS: Final = 8
BLOCK_LENGTH: Final = {4: 16, 6: 32}
_FEW: Final = 1_000
"""So many prefixes that change are worked out one by one; for more, all are."""


class Share(NamedTuple):
    """What makes a destination group the same group: where it is, and which part of that."""

    destination: Destination
    part: int


def grouped(
    topology: Topology,
    policies: Sequence[EgressPolicy],
    regions: RegionMap,
    routes: Routes | None,
    parts: int = PARTS,
    before: Iterable[DestinationGroup] = (),
    taken: Collection[int] = (),
) -> tuple[tuple[DestinationGroup, ...], PrefixTable]:
    """The destination groups, by number, and the table. ``routes`` ``None``: there is no routing table, and prefixes
    are those of policies and of the region map. Groups of ``before`` keep their numbers, which no other group gets;
    numbers in ``taken`` (those of sites) are not used. 100,000 prefixes over 7 gateways take some seconds; ``Grouping``
    keeps up with changes."""
    grouping = Grouping(topology, policies, regions, routes, parts, before, taken)
    return grouping.groups, grouping.table


class Grouping:
    """Groups and table, kept up as routes change; what comes out is what ``grouped`` would find, but for numbers."""

    def __init__(
        self,
        topology: Topology,
        policies: Sequence[EgressPolicy],
        regions: RegionMap,
        routes: Routes | None,
        parts: int = PARTS,
        before: Iterable[DestinationGroup] = (),
        taken: Collection[int] = (),
    ) -> None:
        before = tuple(before)
        self._parts = parts
        self._taken = frozenset(taken)
        # Two of them may be alike: the one that a table which is still being written leads to, and its successor.
        self._standing = frozenset(group.number for group in before)
        self._destinations = Destinations(topology, policies, regions, routes)
        self._sorted = self._destinations.prefixes()
        self._share: dict[Prefix, Share | None] = {}
        self._members: Counter[Share] = Counter()
        self._numbers = {_share_of(group): group.number for group in before}
        self._rules = FewestRules(ELSEWHERE)
        self._settle(self._destinations.all())
        self._numbers = {share: number for share, number in self._numbers.items() if share in self._members}

    @property
    def groups(self) -> tuple[DestinationGroup, ...]:
        """By number."""
        return tuple(_group(share, number) for share, number in sorted(self._numbers.items(), key=lambda item: item[1]))

    @property
    def table(self) -> PrefixTable:
        return PrefixTable(routes=self._rules.routes)

    def follow(
        self, routes: Routes, touched: Collection[Prefix], standing: Iterable[int] = ()
    ) -> dict[Prefix, int | None]:
        """Take over routes that differ from the ones before in those of the prefixes ``touched``: what changes in the
        table, by prefix (``None``: it is no longer there). There was a routing table before, too. ``standing`` are the
        numbers that devices know; none of these is given to a new group."""
        self._standing = frozenset(standing)
        assert self._destinations.routes is not None, "without a routing table other prefixes are known: begin anew"
        self._destinations.routes = routes
        if len(touched) > _FEW:
            self._sorted = self._destinations.prefixes()
            gone = [prefix for prefix in self._share if not self._destinations.is_known(prefix)]
            return self._settle(self._destinations.all(), gone)
        gone = [prefix for prefix in sorted(touched) if not self._note(prefix)]
        return self._settle(self._below(touched), gone)

    def _note(self, prefix: Prefix) -> bool:
        """See that a prefix is among the sorted ones exactly if anything is said of it; whether there is."""
        place = bisect_left(self._sorted, prefix)
        there = place < len(self._sorted) and self._sorted[place] == prefix
        known = self._destinations.is_known(prefix)
        if known and not there:
            insort(self._sorted, prefix)
        elif there and not known:
            del self._sorted[place]
        return known

    def _below(self, touched: Iterable[Prefix]) -> Iterator[tuple[Prefix, Destination | None]]:
        """What the prefixes are now, and all within them: these have the gateways of the shorter ones, too."""
        covered: Prefix | None = None
        for prefix in sorted(touched):
            if covered is not None and covered.covers(prefix):
                continue
            covered = prefix
            first = bisect_left(self._sorted, prefix)
            last = first
            while last < len(self._sorted) and prefix.covers(self._sorted[last]):
                last += 1
            yield from self._destinations.of(self._sorted[first:last])

    def _settle(
        self, found: Iterable[tuple[Prefix, Destination | None]], gone: Iterable[Prefix] = ()
    ) -> dict[Prefix, int | None]:
        """Note what prefixes are now and number what is new; what changes in the table."""
        changed: dict[Prefix, Share | None] = {}
        for prefix, destination in found:
            share = None
            if destination is not None:
                share = Share(destination, self._part(prefix, destination))
            if prefix not in self._share or self._share[prefix] != share:
                changed[prefix] = share
        left = [self._share.get(prefix) for prefix in changed]
        labels: dict[Prefix, int | None] = {}
        for prefix in gone:
            if prefix in self._share:
                left.append(self._share.pop(prefix))
                labels[prefix] = None
        self._share |= changed
        self._count(left, changed.values())
        for prefix, share in changed.items():
            labels[prefix] = None if share is None else self._numbers.get(share, ELSEWHERE)
        return self._rules.change(labels)

    def _count(self, left: Iterable[Share | None], joined: Iterable[Share | None]) -> None:
        """Count prefixes by group. New groups have the least numbers that nobody has, nor had until now: a packet on
        its way finds under a number what it meant when it was classified. Groups without prefixes are gone."""
        self._members.subtract(_steered(left))
        self._members.update(_steered(joined))
        new = sorted({share for share in _steered(joined) if share not in self._numbers})
        if new:
            used = {ELSEWHERE, *self._taken, *self._standing, *self._numbers.values()}
            free = (number for number in count(1) if number not in used)
            self._numbers |= dict(zip(new, free, strict=False))
        for share in set(_steered(left)):
            if not self._members[share]:
                del self._members[share], self._numbers[share]

    def _part(self, prefix: Prefix, destination: Destination) -> int:
        return 0 if len(destination.gateways) < 2 else _block_hash(_block(prefix)) % self._parts


def _steered(shares: Iterable[Share | None]) -> Iterator[Share]:
    return (share for share in shares if share is not None and share.destination != NOWHERE)


def _block(prefix: Prefix) -> Prefix:
    length = BLOCK_LENGTH[prefix.version]
    if prefix.length <= length:
        return prefix
    rest = ADDRESS_BITS[prefix.version] - length
    return Prefix(prefix.version, prefix.bits >> rest << rest, length)


@lru_cache(maxsize=100_000)
def _block_hash(block: Prefix) -> int:
    """The same on every machine and in every version: ``hash`` promises neither."""
    text = f"{block.version} {block.bits:x} {block.length}"
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big")


def _group(share: Share, number: int) -> DestinationGroup:
    region, policies, gateways = share.destination.region, share.destination.policies, share.destination.gateways
    first: IntentKey | None = policies[0] if policies else None
    return DestinationGroup(
        number=number, region=region, gateways=gateways, policy=first, part=share.part, behind=policies[1:]
    )


def _share_of(group: DestinationGroup) -> Share:
    return Share(Destination(group.region, group.policies, group.gateways), group.part)
