"""What commands print, as plain data in the shape that scripts rely on (``plan -o json`` is a contract)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from controller.cli.policy_views import assignments_json, policy_spec_json, policy_status_json
from controller.wire.gen.trunkline.v1 import intent_pb2, plan_pb2
from controller.wire.intents import body_of, key_of

Json = dict[str, Any]


def plan_json(plan: plan_pb2.Plan) -> Json:
    """Delays are microseconds, ``hopDelay`` included; rates are integer bits per second; every link is listed. The id
    of a plan that is kept comes first."""
    kept: Json = {}
    if plan.plan_id:
        kept = {"plan": plan.plan_id, "expires": plan.expire_time.ToJsonString()}
    if plan.HasField("hold_expire_time"):
        kept["holdExpires"] = plan.hold_expire_time.ToJsonString()
    return kept | {
        "topology": plan.topology,
        "feasible": plan.feasible,
        "intents": [verdict_json(verdict) for verdict in plan.intents],
        "links": [
            {
                "link": use.link,
                "direction": use.direction,
                "capacityBps": use.capacity_bps,
                "reservedBps": use.reserved_bps,
                "egressBps": use.egress_bps,
                "layer": use.layer,
                "slotsUsed": use.slots_used,
            }
            for use in plan.links
        ],
        "devices": [
            {
                "device": device.device,
                "driver": device.driver,
                "changes": [{"op": change.op, "what": change.what} for change in device.changes],
            }
            for device in plan.devices
        ],
        "rounds": [
            {"round": part.kind, "devices": list(part.devices), "changes": part.changes} for part in plan.rounds
        ],
    }


def intent_json(intent: intent_pb2.Intent) -> Json:
    """An intent with its state and what the network carries of it; of one that is gone, what is left to tell."""
    body = body_of(intent)
    metadata = body.metadata
    shown: Json = {"kind": key_of(intent).kind, "metadata": {"tenant": metadata.tenant, "name": metadata.name}}
    if not body.HasField("spec"):
        shown["metadata"]["revision"] = metadata.revision
        return shown | {"status": {"state": intent_pb2.State.Name(body.status.state)}}
    shown["metadata"] |= {
        "etag": metadata.etag,
        "generation": metadata.generation,
        "revision": metadata.revision,
        "createTime": metadata.create_time.ToJsonString(),
        "updateTime": metadata.update_time.ToJsonString(),
    }
    if intent.HasField("egress_policy"):
        policy = intent.egress_policy
        return shown | {"spec": policy_spec_json(policy.spec), "status": policy_status_json(policy.status)}
    line = intent.private_line
    return shown | {"spec": _spec_json(line.spec), "status": status_json(line.status)}


def status_json(status: intent_pb2.PrivateLineStatus) -> Json:
    shown: Json = {"state": intent_pb2.State.Name(status.state)}
    if status.reason:
        shown |= {"reason": status.reason, "message": status.message}
    if status.assurance:
        shown["assurance"] = intent_pb2.Assurance.Name(status.assurance)
    return shown | {"paths": paths_json(status.paths)}


def paths_json(paths: Iterable[plan_pb2.Path]) -> list[Json]:
    return [
        {
            "role": path.role,
            "nodes": list(path.nodes),
            "links": list(path.links),
            "delayUs": {"aToZ": path.delay_ns.a_to_z / 1000, "zToA": path.delay_ns.z_to_a / 1000},
            "reservedBps": {"aToZ": path.reserved_bps.a_to_z, "zToA": path.reserved_bps.z_to_a},
        }
        for path in paths
    ]


def verdict_json(verdict: plan_pb2.Verdict) -> Json:
    shown: Json = {
        "kind": verdict.kind,
        "tenant": verdict.tenant,
        "name": verdict.name,
        "feasible": verdict.feasible,
    }
    if verdict.kind == "EgressPolicy":
        shown["assignments"] = assignments_json(verdict.assignments)
        if verdict.feasible:
            return shown
    if verdict.feasible:
        return shown | {"paths": paths_json(verdict.paths)}
    return shown | {
        "reasons": [
            {
                "reason": refusal.reason,
                "message": refusal.message,
                "relaxations": [{"field": one.field, "value": one.value} for one in refusal.relaxations],
                "binding": binding_json(refusal.binding),
            }
            for refusal in verdict.reasons
        ]
    }


def binding_json(binding: plan_pb2.Binding) -> Json:
    """Always the three lists; the least delay only where delay binds."""
    shown: Json = {
        "links": [
            {"link": one.link, "freeBps": {"aToZ": one.free_bps.a_to_z, "zToA": one.free_bps.z_to_a}}
            for one in binding.links
        ],
        "nodes": list(binding.nodes),
        "srlgs": list(binding.srlgs),
    }
    if binding.HasField("least_delay_ns"):
        shown["leastDelayUs"] = binding.least_delay_ns / 1000
    if binding.HasField("least_loss_ppm"):
        shown["leastLossPpm"] = binding.least_loss_ppm
    return shown


def _spec_json(spec: intent_pb2.PrivateLineSpec) -> Json:
    shown: Json = {
        "a": _attachment_json(spec.a),
        "z": _attachment_json(spec.z),
        "bandwidthBps": {"aToZ": spec.bandwidth.a_to_z_bps, "zToA": spec.bandwidth.z_to_a_bps},
        "mtu": spec.mtu,
        "protection": spec.protection,
        "disjoint": spec.disjoint,
        "avoid": {
            "nodes": list(spec.avoid.nodes),
            "links": list(spec.avoid.links),
            "srlgs": list(spec.avoid.srlgs),
            "regions": list(spec.avoid.regions),
        },
        "via": {"nodes": list(spec.via.nodes)},
        "objective": spec.objective,
        "priority": spec.priority,
        "layer": spec.layer,
        "isolation": spec.isolation,
    }
    if spec.HasField("max_delay"):
        shown["maxDelayUs"] = spec.max_delay.ToNanoseconds() / 1000
    return shown


def _attachment_json(attachment: intent_pb2.Attachment) -> Json:
    return {"site": attachment.site} | ({"vlan": attachment.vlan} if attachment.HasField("vlan") else {})
