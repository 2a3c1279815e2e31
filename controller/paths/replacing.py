"""Placing a special line again: one by way of given nodes, or with two routes; plain ones are for the kernels.

A pair is placed again as a pair if there is one, else on a single route: a customer who lost both routes wants to be
connected first, and protected again later. No single route is no pair either.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

from controller.domain.placement import PlacedPath
from controller.domain.topology import PerDirection
from controller.paths.budget import Budget, SearchLimit
from controller.paths.finding import find_paths
from controller.paths.kernels.layout import CUT_OFF, NO_BANDWIDTH, REPLACED, TOO_SLOW, UNPROTECTED, UNPROVED
from controller.paths.network import Network
from controller.paths.request import PathRequest


class Again(NamedTuple):
    """``paths``: where the line goes now, none: nowhere; ``fate``: what has become of it, as in ``kernels.layout``."""

    paths: tuple[PlacedPath, ...]
    fate: int


def place_again(network: Network, request: PathRequest, label_budget: int) -> Again:
    """Routes over what is free: REPLACED, UNPROTECTED, UNPROVED (``label_budget`` is spent), or else CUT_OFF, which
    then only means that there is no route as asked for. Reserves nothing."""
    fate = CUT_OFF
    try:
        paths = find_paths(network, request, Budget(label_budget))
        if paths is not None:
            return Again(paths, REPLACED)
    except SearchLimit:
        fate = UNPROVED
    if request.disjoint is None:
        return Again((), fate)
    single = place_again(network, replace(request, disjoint=None), label_budget)
    return Again(single.paths, UNPROTECTED) if single.paths else single


def fate_of(network: Network, request: PathRequest, label_budget: int) -> Again:
    """As ``place_again``; and of a line that gets no route what is missing: NO_BANDWIDTH, and the single route that it
    would have were there bandwidth; TOO_SLOW, and the route that is best without the bound; or CUT_OFF."""
    again = place_again(network, request, label_budget)
    if again.fate != CUT_OFF:
        return again
    easier = replace(request, disjoint=None, cir_bps=PerDirection.both(0))
    for one, fate in ((easier, NO_BANDWIDTH), (replace(easier, max_delay_ns=None), TOO_SLOW)):
        without = place_again(network, one, label_budget)
        if without.fate != CUT_OFF:
            return Again(without.paths, fate) if without.paths else without
    return without
