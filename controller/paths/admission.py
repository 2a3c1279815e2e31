"""Admission of one route or of a pair: the best there is, or a refusal that proves there is none. Reserves nothing."""

from __future__ import annotations

from controller.domain.errors import Reason, Refusal
from controller.domain.placement import PlacedPath
from controller.paths.budget import LABEL_BUDGET, Budget, SearchLimit
from controller.paths.explain import explain
from controller.paths.explain_more import explain_more
from controller.paths.finding import find_path, find_paths
from controller.paths.network import Network
from controller.paths.request import PathRequest


def least(network: Network, request: PathRequest, label_budget: int = LABEL_BUDGET) -> PlacedPath | Refusal:
    """The simple route that is least by the request's objective and that both directions can share, or why none is.

    It passes the nodes of ``via`` in their order. Ties: fewest links, then the smallest sequence of link names, read
    from a to z.
    """
    try:
        found = find_path(network, request, Budget(label_budget))
    except SearchLimit:
        return undecided(request, label_budget)
    if found is not None:
        return found
    return (explain_more if request.via else explain)(network, request, Budget(label_budget))


def least_pair(
    network: Network, request: PathRequest, label_budget: int = LABEL_BUDGET
) -> tuple[PlacedPath, PlacedPath] | Refusal:
    """(working, protect): the two routes apart, as ``disjoint`` says, whose total is least by the objective.

    Both keep the bound, have the rates, avoid and pass what the request says; working is the shorter one. Ties: fewest
    links together, then the smallest sequence of link names, of working first. ``ValueError`` without ``disjoint``.
    """
    if request.disjoint is None:
        raise ValueError("a request for a pair says what the two routes must not have in common")
    try:
        found = find_paths(network, request, Budget(label_budget))
    except SearchLimit:
        return undecided(request, label_budget)
    if found is None:
        return explain_more(network, request, Budget(label_budget))
    working, protect = found
    return working, protect


def undecided(request: PathRequest, label_budget: int) -> Refusal:
    """What to say when a search reached its limit."""
    easier = "raise maxDelay, or leave it out"
    if request.via:
        easier += ", or name fewer nodes in via"
    if request.disjoint is not None:
        easier += ", or ask for routes that have only links not in common"
    return Refusal(
        reason=Reason.SEARCH_LIMIT,
        message=f"the search from {request.a} to {request.z} ended after {label_budget} labels without a proof either "
        f"way; {easier}, to make the search easier",
    )
