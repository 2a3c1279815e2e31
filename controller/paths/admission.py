"""Admission of one route: the best one there is, or a refusal that proves there is none."""

from __future__ import annotations

from controller.domain.errors import Reason, Refusal
from controller.domain.placement import PlacedPath
from controller.paths.explain import explain
from controller.paths.network import Network
from controller.paths.request import PathRequest
from controller.paths.search import LABEL_BUDGET, Budget, SearchLimit, find


def least(network: Network, request: PathRequest, label_budget: int = LABEL_BUDGET) -> PlacedPath | Refusal:
    """The simple route that is least by the request's objective and that both directions can share, or why none is.

    Reserves nothing. Ties: fewest links, then the smallest sequence of link names, read from a to z.
    """
    try:
        found = find(network, request, Budget(label_budget))
    except SearchLimit:
        return Refusal(
            reason=Reason.SEARCH_LIMIT,
            message=f"the search from {request.a} to {request.z} ended after {label_budget} labels without a proof "
            "either way; raise maxDelay, or leave it out, to make the search easier",
        )
    return explain(network, request, Budget(label_budget)) if found is None else found
