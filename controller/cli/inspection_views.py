"""What ``explain`` and ``describe`` print for scripts: delays are microseconds, rates integer bits per second."""

from __future__ import annotations

from controller.cli.views import Json, intent_json, paths_json, verdict_json
from controller.wire.gen.trunkline.v1 import describe_pb2, explain_pb2, intent_pb2, plan_pb2


def explanation_json(explanation: explain_pb2.Explanation) -> Json:
    """The verdict as in ``plan``, and the routes around the chosen one."""
    shown = verdict_json(explanation.verdict) | {"carried": explanation.carried, "objective": explanation.objective}
    if explanation.HasField("max_delay_ns"):
        shown["maxDelayUs"] = explanation.max_delay_ns / 1000
    if explanation.HasField("max_loss_ppm"):
        shown["maxLossPpm"] = explanation.max_loss_ppm
    return shown | {"candidates": [_candidate_json(candidate) for candidate in explanation.candidates]}


def description_json(answer: intent_pb2.DescribeResponse) -> Json:
    """The intent as in ``get``, and what it holds."""
    description = answer.description
    shown = intent_json(answer.intent) | {
        "routes": [_path_use_json(use) for use in description.paths],
        "trunks": [
            {
                "role": trunk.role,
                "direction": trunk.direction,
                "label": trunk.label,
                "groupId": trunk.group_id,
                "nodes": list(trunk.nodes),
                "lines": trunk.lines,
            }
            for trunk in description.trunks
        ],
        "circuits": [_circuit_json(circuit) for circuit in description.circuits],
        "pairs": [
            {
                "head": pair.head,
                "workingLabel": pair.working_label,
                "protectLabel": pair.protect_label,
                "groupId": pair.group_id,
            }
            for pair in description.pairs
        ],
        "devices": [
            {"device": part.device, "rules": list(part.rules[: part.own]), "trunkRules": list(part.rules[part.own :])}
            for part in description.devices
        ],
    }
    if description.HasField("numbers"):
        numbers = description.numbers
        shown["numbers"] = {
            "line": numbers.line,
            "serviceLabel": {"aToZ": numbers.service_label_a_to_z, "zToA": numbers.service_label_z_to_a},
            "meterId": {"aToZ": numbers.meter_id_a_to_z, "zToA": numbers.meter_id_z_to_a},
        }
    return shown | {"history": [entry_json(entry) for entry in description.history]}


def _candidate_json(candidate: explain_pb2.Candidate) -> Json:
    path = paths_json([candidate.path])[0]
    return {
        "standing": explain_pb2.Candidate.Standing.Name(candidate.standing),
        "message": candidate.message,
        "nodes": path["nodes"],
        "links": path["links"],
        "delayUs": path["delayUs"],
        "cost": candidate.cost,
        "lacks": [
            {"reason": lack.reason, "message": lack.message} | ({"link": lack.link} if lack.link else {})
            for lack in candidate.lacks
        ],
    }


def _circuit_json(circuit: describe_pb2.CircuitUse) -> Json:
    return {
        "number": circuit.number,
        "odu": circuit.odu,
        "nodes": list(circuit.nodes),
        "entry": circuit.entry,
        "exit": circuit.exit,
        "slots": [
            {"link": use.link, "tributaryPort": use.tributary_port, "slots": list(use.slots)} for use in circuit.slots
        ],
    }


def _path_use_json(use: describe_pb2.PathUse) -> Json:
    return {
        "role": use.role,
        "nodes": list(use.nodes),
        "hops": [
            {
                "link": hop.link,
                "delayUs": {"aToZ": hop.delay_ns.a_to_z / 1000, "zToA": hop.delay_ns.z_to_a / 1000},
                "capacityBps": _rates_json(hop.capacity_bps),
                "reservedBps": _rates_json(hop.reserved_bps),
                "freeBps": _rates_json(hop.free_bps),
                "srlgs": list(hop.srlgs),
            }
            for hop in use.hops
        ],
    }


def _rates_json(rates: plan_pb2.Rates) -> Json:
    return {"aToZ": rates.a_to_z, "zToA": rates.z_to_a}


def entry_json(entry: describe_pb2.HistoryEntry) -> Json:
    """Who asked is empty where it is not known; ``changes`` stand where a generation begins."""
    shown: Json = {
        "revision": entry.revision,
        "time": entry.time.ToJsonString(),
        "state": entry.state,
        "generation": entry.generation,
        "requestId": entry.request_id,
        "caller": entry.caller,
        "changes": [{"field": one.field, "before": one.before, "after": one.after} for one in entry.changes],
    }
    return shown | ({"reason": entry.reason, "message": entry.message} if entry.reason else {})
