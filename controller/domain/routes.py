"""Which prefixes abroad each gateway has a route to: what its router says it can reach, as a table that is kept up."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
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
        self._count: dict[str, int] = {}
        self._touched: set[Prefix] = set()

    def __len__(self) -> int:
        return len(self._paths)

    @property
    def counts(self) -> Mapping[str, int]:
        """How many routes each gateway has that ever had one."""
        return MappingProxyType(self._count)

    def announce(self, prefix: Prefix, path: Path) -> bool:
        """Note that the path's gateway reaches the prefix by it, whatever it said before; whether that is new."""
        before = self._paths.get(prefix, ())
        if path in before:
            return False
        path = self._known.setdefault(path, path)
        others = [other for other in before if other.gateway != path.gateway]
        if len(others) == len(before):
            self._count[path.gateway] = self._count.get(path.gateway, 0) + 1
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
        self._count[gateway] -= 1
        self._touched.add(prefix)
        return True

    def forget(self, gateway: str) -> int:
        """Withdraw all that a gateway reaches; how many routes that were."""
        lost = [prefix for prefix, paths in self._paths.items() if any(path.gateway == gateway for path in paths)]
        for prefix in lost:
            self.withdraw(prefix, gateway)
        return len(lost)

    def prefixes_of(self, gateway: str) -> set[Prefix]:
        """All that a gateway reaches."""
        return {prefix for prefix, paths in self._paths.items() if any(path.gateway == gateway for path in paths)}

    def snapshot(self) -> Routes:
        """The routes as they are now; some milliseconds for 100,000 prefixes."""
        return Routes(MappingProxyType(self._paths.copy()))

    def touched(self) -> frozenset[Prefix]:
        """The prefixes whose routes have changed since this was last asked."""
        found, self._touched = frozenset(self._touched), set()
        return found


def _by_gateway(path: Path) -> str:
    return path.gateway
