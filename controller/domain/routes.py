"""Which prefixes abroad each gateway has a route to: what its router says it can reach, as a table that is kept up."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import NamedTuple
from weakref import WeakValueDictionary

from controller.domain.prefixes import ADDRESS_BITS, Prefix


@dataclass(frozen=True, slots=True, weakref_slot=True)
class Path:
    """What a gateway says of a way abroad; many prefixes have the same. ``origin_as`` is the autonomous system at its
    end, ``None`` if that is not one (an AS_SET, RFC 4271 5.1.2, or the peer's own, empty path); ``length`` counts
    systems, a set as one (RFC 4271 9.1.2.2); ``communities`` are RFC 1997's, as numbers of 32 bits, sorted."""

    gateway: str
    origin_as: int | None
    length: int
    communities: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Route:
    """That a prefix is reached by a path."""

    prefix: Prefix
    path: Path


class Feed(NamedTuple):
    """Where routes come from: what a gateway's router says of one IP version. Each comes and goes by itself."""

    gateway: str
    version: int


Paths = tuple[Path, ...]
"""Those to one prefix, one a gateway, by its name."""


@dataclass(frozen=True, slots=True)
class Routes:
    """All routes at one moment; nothing changes them any more."""

    paths: Mapping[Prefix, Paths]

    def gateways(self, prefix: Prefix) -> tuple[str, ...]:
        """Those with a route to this very prefix."""
        return tuple(path.gateway for path in self.paths.get(prefix, ()))

    def covering(self, prefix: Prefix) -> Iterator[tuple[Prefix, Paths]]:
        """The routes that hold for all addresses of the prefix, the most specific first."""
        width = ADDRESS_BITS[prefix.version]
        for length in range(prefix.length, -1, -1):
            above = Prefix(prefix.version, prefix.bits >> width - length << width - length, length)
            paths = self.paths.get(above)
            if paths is not None:
                yield above, paths


class RouteTable:
    """Routes as they come and go. ``touched`` collects the prefixes whose routes are others than they were.

    A million prefixes take about 300 MB: paths that are equal are the same value.
    """

    def __init__(self) -> None:
        self._paths: dict[Prefix, Paths] = {}
        self._known: WeakValueDictionary[Path, Path] = WeakValueDictionary()
        self._count: dict[Feed, int] = {}
        self._touched: set[Prefix] = set()

    def __len__(self) -> int:
        return len(self._paths)

    def count(self, feed: Feed) -> int:
        """How many routes came of it that are there."""
        return self._count.get(feed, 0)

    def announce(self, prefix: Prefix, path: Path) -> bool:
        """Note that the path's gateway reaches the prefix by it, whatever it said before; whether that is new."""
        before = self._paths.get(prefix, ())
        if path in before:
            return False
        path = self._known.setdefault(path, path)
        others = [other for other in before if other.gateway != path.gateway]
        if len(others) == len(before):
            feed = Feed(path.gateway, prefix.version)
            self._count[feed] = self._count.get(feed, 0) + 1
        self._paths[prefix] = tuple(sorted((*others, path), key=_by_gateway)) if others else (path,)
        self._touched.add(prefix)
        return True

    def withdraw(self, prefix: Prefix, gateway: str) -> bool:
        """Note that the gateway no longer reaches the prefix; whether it did."""
        before = self._paths.get(prefix, ())
        left = tuple(path for path in before if path.gateway != gateway)
        if len(left) == len(before):
            return False
        if left:
            self._paths[prefix] = left
        else:
            del self._paths[prefix]
        self._count[Feed(gateway, prefix.version)] -= 1
        self._touched.add(prefix)
        return True

    def has(self, prefix: Prefix, gateway: str) -> bool:
        """Whether the gateway has a route to this very prefix."""
        return any(path.gateway == gateway for path in self._paths.get(prefix, ()))

    def prefixes_of(self, feed: Feed) -> set[Prefix]:
        """All that a gateway reaches of an IP version."""
        gateway, version = feed
        return {
            prefix
            for prefix, paths in self._paths.items()
            if prefix.version == version and any(path.gateway == gateway for path in paths)
        }

    def forget(self, feed: Feed) -> int:
        """Withdraw all that a gateway reaches of an IP version; how many routes that were."""
        lost = self.prefixes_of(feed)
        for prefix in lost:
            self.withdraw(prefix, feed.gateway)
        return len(lost)

    def snapshot(self) -> Routes:
        """The routes as they are now; some milliseconds for 100,000 prefixes."""
        return Routes(MappingProxyType(self._paths.copy()))

    def touched(self) -> frozenset[Prefix]:
        """The prefixes whose routes have changed since this was last asked."""
        found, self._touched = frozenset(self._touched), set()
        return found


def _by_gateway(path: Path) -> str:
    return path.gateway
