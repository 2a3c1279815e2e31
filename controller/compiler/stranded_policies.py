"""Which policies in force a topology has no meaning for: asked before a topology file that has changed is used.

A policy is stranded when a region, node or gateway that it names is gone. That a gateway has become smaller, or that
less of a policy's traffic can be carried, is no reason: what is carried is found anew all the time.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from controller.domain.egress import EgressPolicy
from controller.domain.egress_validation import check_policy_references
from controller.domain.errors import Refusal
from controller.domain.topology import Topology


@dataclass(frozen=True, slots=True, kw_only=True)
class StrandedPolicy:
    """A policy, and everything that stands against it; never empty."""

    policy: EgressPolicy
    refusals: tuple[Refusal, ...]


def stranded_policies(topology: Topology, policies: Iterable[EgressPolicy]) -> tuple[StrandedPolicy, ...]:
    """The policies that name what is not there, sorted by key."""
    found = []
    for policy in sorted(policies, key=lambda one: one.key):
        faults = check_policy_references(policy, topology)
        refusals = tuple(Refusal(reason=fault.reason, message=f"{fault.field}: {fault.message}") for fault in faults)
        if refusals:
            found.append(StrandedPolicy(policy=policy, refusals=refusals))
    return tuple(found)
