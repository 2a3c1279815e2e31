"""What prefixes abroad are to the steering: in which region they are, whose policies' they are, which gateways lead
there.

Each holds for all addresses of a prefix until a longer prefix says otherwise, so that one pass over the sorted
prefixes, with those that cover it at hand, tells it of each.

* A policy's prefix has the policy's region. Else the most specific prefix of the region map counts, else the system
  that the most specific route ends in. A system that is not in the map is nowhere; nothing is guessed from shorter
  prefixes.
* A gateway leads to all addresses of the prefixes that it has a route to, also where others have longer ones: its
  router forwards by the shorter one. Default routes lead nowhere: they say what to try, not what can be reached. Of the
  gateways that lead there, those count that declare a delay to the region; without it nobody could say what choosing
  them means.
* Without any routing table all gateways of a region lead to all of it.
* Our own prefixes are not abroad, whatever somebody out there announces.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

from controller.domain.egress import EgressPolicy
from controller.domain.intents import IntentKey
from controller.domain.prefixes import ADDRESS_BITS, Prefix, parse_prefix
from controller.domain.regions import RegionMap
from controller.domain.routes import Paths, Routes
from controller.domain.topology import Topology


@dataclass(frozen=True, slots=True, order=True)
class Destination:
    """``policies``: those whose prefixes hold, the most specific first. ``gateways`` has one name at least."""

    region: str
    policies: tuple[IntentKey, ...]
    gateways: tuple[str, ...]


NOWHERE = Destination("", (), ())
"""Of prefixes that are not steered: their region is not known, or no gateway leads there."""


@dataclass(frozen=True, slots=True)
class _Standing:
    """What is known of a prefix. ``claimed`` and ``mapped`` are regions, by policies and by the region map; ``origin``
    the region of the system that its route ends in; ``leading`` has a bit for each gateway."""

    claimed: str | None
    policies: tuple[IntentKey, ...]
    mapped: str | None
    origin: str | None
    leading: int
    own: bool


class Destinations:
    """Those of all prefixes of a network's policies, region map and routes; ``routes`` ``None``: there is no table."""

    def __init__(
        self, topology: Topology, policies: Sequence[EgressPolicy], regions: RegionMap, routes: Routes | None
    ) -> None:
        self.routes = routes
        self._regions = regions
        self._claims = _claims(policies)
        self._own = {parse_prefix(prefix) for site in topology.sites for prefix in site.prefixes}
        self._gateways = sorted(gateway.name for gateway in topology.gateways)
        self._bit = {name: 1 << place for place, name in enumerate(self._gateways)}
        self._serving: dict[str, int] = {}
        for gateway in topology.gateways:
            for region, _ in gateway.delays_ns:
                self._serving[region] = self._serving.get(region, 0) | self._bit[gateway.name]
        everywhere = sum(self._bit.values()) if routes is None else 0
        self._outside = _Standing(None, (), None, None, everywhere, own=False)
        self._known: dict[tuple[str, tuple[IntentKey, ...], int], Destination] = {}

    def prefixes(self) -> list[Prefix]:
        """All prefixes that something is said of, sorted."""
        routes: Iterable[Prefix] = () if self.routes is None else self.routes.paths
        return sorted({*routes, *self._claims, *self._regions.by_prefix, *self._own})

    def is_known(self, prefix: Prefix) -> bool:
        """Whether anything is said of this very prefix."""
        return (
            prefix in self._claims
            or prefix in self._regions.by_prefix
            or prefix in self._own
            or (self.routes is not None and prefix in self.routes.paths)
        )

    def all(self) -> Iterator[tuple[Prefix, Destination | None]]:
        """What each of ``prefixes`` is; ``None`` for those of our own, and within these."""
        return self._pass(self.prefixes(), self._outside)

    def of(self, prefixes: Sequence[Prefix]) -> Iterator[tuple[Prefix, Destination | None]]:
        """The same of some: sorted ones that the first one covers."""
        return self._pass(prefixes, self._standing(prefixes[0])) if prefixes else iter(())

    def _pass(self, prefixes: Iterable[Prefix], outside: _Standing) -> Iterator[tuple[Prefix, Destination | None]]:
        above: list[tuple[Prefix, _Standing]] = []
        for prefix in prefixes:
            while above and not above[-1][0].covers(prefix):
                above.pop()
            standing = self._within(above[-1][1] if above else outside, prefix)
            above.append((prefix, standing))
            yield prefix, None if standing.own else self._destination(standing)

    def _standing(self, prefix: Prefix) -> _Standing:
        """Worked out by all prefixes that cover it."""
        standing = self._outside
        width = ADDRESS_BITS[prefix.version]
        for length in range(prefix.length + 1):
            above = Prefix(prefix.version, prefix.bits >> width - length << width - length, length)
            standing = self._within(standing, above)
        return standing

    def _within(self, above: _Standing, prefix: Prefix) -> _Standing:
        """What a prefix is in one that is above it."""
        claim = self._claims.get(prefix)
        mapped = self._regions.by_prefix.get(prefix)
        paths = None if self.routes is None or not prefix.length else self.routes.paths.get(prefix)
        own = prefix in self._own
        if claim is None and mapped is None and paths is None and not own:
            return above
        claimed, policies = above.claimed, above.policies
        if claim is not None:
            claimed, here = claim
            policies = (*here, *(key for key in policies if key not in here))
        origin, leading = above.origin, above.leading
        if paths is not None:
            origin = self._origin(paths)
            for path in paths:
                leading |= self._bit.get(path.gateway, 0)
        mapped = above.mapped if mapped is None else mapped
        return _Standing(claimed, policies, mapped, origin, leading, own=own or above.own)

    def _origin(self, paths: Paths) -> str | None:
        """The region of the system that the shortest path ends in; of equal ones, and those whose system is in no
        region come last, the first gateway's."""
        regions = self._regions.by_as
        if not regions:
            return None
        found: tuple[int, str] | None = None
        for path in paths:
            region = None if path.origin_as is None else regions.get(path.origin_as)
            if region is not None and (found is None or path.length < found[0]):
                found = (path.length, region)
        return None if found is None else found[1]

    def _destination(self, standing: _Standing) -> Destination:
        region = standing.claimed
        if region is None:
            region = standing.mapped if standing.mapped is not None else standing.origin
        if region is None:
            return NOWHERE
        leading = standing.leading & self._serving.get(region, 0)
        if not leading:
            return NOWHERE
        key = (region, standing.policies, leading)
        found = self._known.get(key)
        if found is None:
            names = tuple(name for name in self._gateways if leading & self._bit[name])
            found = self._known[key] = Destination(region, standing.policies, names)
        return found


def _claims(policies: Sequence[EgressPolicy]) -> Mapping[Prefix, tuple[str, tuple[IntentKey, ...]]]:
    """By prefix: the policies that name it, by key, and the region: of several the first one's."""
    found: dict[Prefix, tuple[str, tuple[IntentKey, ...]]] = {}
    for policy in sorted(policies, key=lambda one: one.key):
        for prefix in map(parse_prefix, policy.prefixes):
            region, keys = found.get(prefix, (policy.to_region, ()))
            found[prefix] = (region, tuple(dict.fromkeys(chain(keys, (policy.key,)))))
    return found
