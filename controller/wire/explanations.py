"""Explanations and descriptions -> ``trunkline.v1`` messages."""

from __future__ import annotations

from controller.compiler.description import Description, HopUse
from controller.compiler.explanation import Explanation, PolicyExplanation
from controller.compiler.plan import Verdict
from controller.domain.placement import Circuit
from controller.domain.rule_words import rule_words
from controller.paths.alternatives import Candidate
from controller.service.outcomes import Described
from controller.wire.gen.trunkline.v1 import describe_pb2, explain_pb2, intent_pb2
from controller.wire.history import history_to_wire
from controller.wire.intents import view_to_wire
from controller.wire.plans import delays_to_wire, path_to_wire, rates_to_wire, verdict_to_wire


def explanation_to_wire(explanation: Explanation | PolicyExplanation) -> explain_pb2.Explanation:
    if isinstance(explanation, PolicyExplanation):
        return explain_pb2.Explanation(
            verdict=verdict_to_wire(explanation.verdict),
            carried=explanation.carried,
            max_delay_ns=explanation.policy.max_delay_ns,
            max_loss_ppm=explanation.policy.max_loss_ppm,
        )
    line = explanation.line
    verdict = Verdict(key=line.key, refusals=explanation.refusals)
    message = verdict_to_wire(verdict)
    message.paths.extend(map(path_to_wire, explanation.paths))
    return explain_pb2.Explanation(
        verdict=message,
        carried=explanation.carried,
        candidates=map(_candidate, explanation.candidates),
        max_delay_ns=line.max_delay_ns,
        objective=line.objective,
    )


def described_to_wire(described: Described) -> intent_pb2.DescribeResponse:
    description = described.description
    message = describe_pb2.Description() if description is None else _description(description)
    message.history.extend(history_to_wire(described.history))
    return intent_pb2.DescribeResponse(intent=view_to_wire(described.view), description=message)


def _circuit(circuit: Circuit) -> describe_pb2.CircuitUse:
    return describe_pb2.CircuitUse(
        number=circuit.number,
        odu=circuit.odu,
        nodes=circuit.nodes,
        entry=circuit.entry,
        exit=circuit.exit,
        slots=[
            describe_pb2.SlotUse(link=use.link, tributary_port=use.tributary_port, slots=use.slots)
            for use in circuit.slots
        ],
    )


def _candidate(candidate: Candidate) -> explain_pb2.Candidate:
    return explain_pb2.Candidate(
        path=path_to_wire(candidate.path),
        cost=candidate.cost,
        standing=explain_pb2.Candidate.Standing.Value(candidate.standing),
        message=candidate.message,
        lacks=[explain_pb2.Lack(reason=lack.reason, message=lack.message, link=lack.link) for lack in candidate.lacks],
    )


def _description(description: Description) -> describe_pb2.Description:
    placed = description.placed
    return describe_pb2.Description(
        paths=[
            describe_pb2.PathUse(role=use.path.role, nodes=use.path.route.nodes, hops=map(_hop, use.hops))
            for use in description.paths
        ],
        trunks=[
            describe_pb2.TrunkUse(
                role=use.role,
                direction=use.direction,
                label=use.trunk.label,
                group_id=use.trunk.group_id,
                nodes=use.trunk.route.nodes,
                lines=use.lines,
            )
            for use in description.trunks
        ],
        pairs=[
            describe_pb2.PairUse(
                head=pair.head, working_label=pair.working, protect_label=pair.protect, group_id=pair.group_id
            )
            for pair in description.pairs
        ],
        circuits=map(_circuit, placed.circuits),
        devices=[
            describe_pb2.DeviceRules(
                device=part.device,
                rules=map(rule_words, (*part.own, *part.of_trunks)),
                own=len(part.own),
            )
            for part in description.devices
        ],
        numbers=describe_pb2.Numbers(
            line=placed.number,
            service_label_a_to_z=placed.service_label.a_to_z,
            service_label_z_to_a=placed.service_label.z_to_a,
            meter_id_a_to_z=placed.meter_id.a_to_z,
            meter_id_z_to_a=placed.meter_id.z_to_a,
        ),
    )


def _hop(hop: HopUse) -> describe_pb2.HopUse:
    return describe_pb2.HopUse(
        link=hop.link,
        delay_ns=delays_to_wire(hop.delay_ns),
        capacity_bps=rates_to_wire(hop.capacity_bps),
        reserved_bps=rates_to_wire(hop.reserved_bps),
        free_bps=rates_to_wire(hop.free_bps),
        srlgs=hop.srlgs,
    )
