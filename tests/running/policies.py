"""Egress policies of the coast (``coast.yaml``)."""

from __future__ import annotations

from pathlib import Path

from controller.domain.egress import EgressPolicy, Sources, TrafficClass

COAST = Path(__file__).parent / "coast.yaml"
GBPS = 10**9


def policy(name, *, source="guangdong", to="north-america", gbps=10, traffic_class="bulk", **more):
    """``gbps``: ``None`` for a demand that is to be measured."""
    return EgressPolicy(
        tenant="backbone",
        name=name,
        sources=Sources(regions=(source,)),
        to_region=to,
        demand_bps=None if gbps is None else int(gbps * GBPS),
        traffic_class=TrafficClass(traffic_class),
        **more,
    )


def left_by(status):
    """Gbit/s by gateway, of the status of a policy."""
    found = {}
    for one in status.assignments:
        found[one.gateway] = found.get(one.gateway, 0) + one.rate_bps / GBPS
    return found
