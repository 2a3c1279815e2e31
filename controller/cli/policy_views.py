"""Egress policies as plain data, in the shape that scripts rely on. Delays are microseconds, rates bits per second."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from controller.wire.gen.trunkline.v1 import egress_policy_pb2 as pb
from controller.wire.gen.trunkline.v1 import metadata_pb2, plan_pb2

Json = dict[str, Any]


def policy_spec_json(spec: pb.EgressPolicySpec) -> Json:
    """``demandBps`` is null where the demand is to be measured."""
    shown: Json = {
        "from": {"regions": list(spec.sources.regions), "nodes": list(spec.sources.nodes)},
        "to": {"region": spec.destination.region, "prefixes": list(spec.destination.prefixes)},
        "demandBps": None if spec.measured else spec.demand_bps,
        "gateways": {
            "allow": list(spec.gateways.allow),
            "deny": list(spec.gateways.deny),
            "prefer": list(spec.gateways.prefer),
            "atMost": spec.gateways.at_most if spec.gateways.HasField("at_most") else None,
        },
        "class": spec.traffic_class,
    }
    if spec.HasField("max_delay"):
        shown["maxDelayUs"] = spec.max_delay.ToNanoseconds() / 1000
    if spec.HasField("max_loss_ppm"):
        shown["maxLossPpm"] = spec.max_loss_ppm
    return shown


def policy_status_json(status: pb.EgressPolicyStatus) -> Json:
    shown: Json = {"state": metadata_pb2.State.Name(status.state)}
    if status.reason:
        shown |= {"reason": status.reason, "message": status.message}
    shown |= {"assignments": assignments_json(status.assignments), "steered": status.steered}
    return shown | ({"whyNotSteered": status.why_not_steered} if status.why_not_steered else {})


def assignments_json(assignments: Iterable[plan_pb2.Assignment]) -> list[Json]:
    return [
        {
            "from": one.source,
            "gateway": one.gateway,
            "class": one.traffic_class,
            "rateBps": one.rate_bps,
            "delayUs": one.delay_ns / 1000,
            "nodes": list(one.nodes),
            "links": list(one.links),
        }
        for one in assignments
    ]
