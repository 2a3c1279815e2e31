"""By which gateways the traffic of egress policies leaves: what devices are told; where they are not, what is planned,
and why so."""

from __future__ import annotations

from controller.compiler.planner import Planner
from controller.domain.intents import IntentKey
from controller.service.outcomes import Leaving

_UNKNOWN = "no prefix is known to be where it goes (spec.to.prefixes, serve --regions with --rib or --bmp)"
"""No rule can tell what is for there from what is for elsewhere."""


def leaving_of(planner: Planner, why_not_steered: str) -> dict[IntentKey, Leaving]:
    """Of each policy in force. ``why_not_steered``: in words, why devices may not have been told of one. On the
    planner's thread."""
    assigned, decided = planner.assignments(), planner.decided_policies
    known = {group.region for group in planner.steering.groups}
    found = {}
    for key, assignments in assigned.items():
        told = planner.policies[key].to_region in known
        why_not = why_not_steered if key not in decided else "" if told else _UNKNOWN
        found[key] = Leaving(assignments=assignments, steered=not why_not, why_not_steered=why_not)
    return found
