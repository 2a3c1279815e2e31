"""Several paths a prefix from one peer (RFC 7911): which of them the prefix is reached by."""

from __future__ import annotations

from controller.domain.prefixes import Prefix
from controller.domain.routes import Path


class TooManyPaths(Exception):
    """A peer says more than is kept."""


class PathsByIdentifier:
    """What a peer says of one IP version. The shortest path counts, of equal ones that of the least identifier: a
    gateway reaches a prefix or does not, and by which of its paths is its own choice. ``most``: so many are kept."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._count = 0
        self._paths: dict[Prefix, dict[int, Path]] = {}

    def announce(self, prefix: Prefix, identifier: int, path: Path) -> Path:
        """The path that counts from now on. ``TooManyPaths`` if there is no room for another one."""
        paths = self._paths.setdefault(prefix, {})
        self._count += identifier not in paths
        if self._count > self._most:
            raise TooManyPaths
        paths[identifier] = path
        return _best(paths)

    def withdraw(self, prefix: Prefix, identifier: int) -> Path | None:
        """The path that counts from now on; ``None``: none is left."""
        paths = self._paths.get(prefix, {})
        if paths.pop(identifier, None) is not None:
            self._count -= 1
        if paths:
            return _best(paths)
        self._paths.pop(prefix, None)
        return None


def _best(paths: dict[int, Path]) -> Path:
    return min(paths.items(), key=lambda one: (one[1].length, one[0]))[1]
