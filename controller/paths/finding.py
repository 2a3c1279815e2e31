"""Whatever is asked for, one route or a pair, by way of nodes or not: one door for those who ask if there is any.

What compiles kernels is imported when it is called for: most requests want one route, and start sooner without it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from controller.domain.placement import PlacedPath
from controller.paths.budget import Budget
from controller.paths.network import Network
from controller.paths.request import PathRequest
from controller.paths.single import fastest, find


def find_paths(network: Network, request: PathRequest, budget: Budget) -> tuple[PlacedPath, ...] | None:
    """The best path, or working and protect path if ``disjoint`` is given; ``None``: proved that there is none.

    Raises ``SearchLimit``.
    """
    if request.disjoint is None:
        path = find_path(network, request, budget)
        return None if path is None else (path,)
    if request.via:
        from controller.paths.via_pairs import find_via_pair

        return find_via_pair(network, request, budget)
    from controller.paths.disjoint import find_pair

    return find_pair(network, request, budget)


def find_path(network: Network, request: PathRequest, budget: Budget) -> PlacedPath | None:
    """The best single path, by way of nodes or not, as ``single.find``."""
    if request.via:
        from controller.paths.via import find_via

        return find_via(network, request, budget)
    return find(network, request, budget)


def feasible(network: Network, request: PathRequest, budget: Budget) -> bool:
    """Whether there is what is asked for; raises ``SearchLimit`` if neither is proved."""
    return find_paths(network, request, budget) is not None


def least_bound_ns(network: Network, request: PathRequest, budget: Budget) -> int | None:
    """The least ``max_delay_ns`` with which there is what is asked for, whatever it is now; ``None``: there is none.

    Raises ``SearchLimit``.
    """
    if request.disjoint is None and not request.via:
        quick = fastest(network, request, budget)
        return None if quick is None else max(quick.delay_ns)
    return least_bound_found_ns(request, lambda asked: find_paths(network, asked, budget))


def least_bound_found_ns(
    request: PathRequest, find: Callable[[PathRequest], tuple[PlacedPath, ...] | None]
) -> int | None:
    """As ``least_bound_ns``, of what ``find`` finds."""
    without = find(replace(request, max_delay_ns=None))
    if without is None:
        return None
    enough = _slowest(without)
    too_little = -1
    while enough - too_little > 1:
        middle = (enough + too_little) // 2
        within = find(replace(request, max_delay_ns=middle))
        if within is None:
            too_little = middle
        else:
            enough = _slowest(within)
    return enough


def _slowest(paths: tuple[PlacedPath, ...]) -> int:
    return max(delay_ns for path in paths for delay_ns in path.delay_ns)
