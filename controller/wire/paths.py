"""Path queries and their answers <-> ``trunkline.v1.PathService`` messages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from controller.domain.errors import Fault, InvalidInput, Reason, Refusal
from controller.domain.intents import Avoid, Disjointness, Objective
from controller.domain.path_query import Endpoint, PathQuery
from controller.domain.topology import PerDirection
from controller.paths.queries import Answer
from controller.wire.errors import message_field
from controller.wire.gen.trunkline.v1 import path_pb2 as pb
from controller.wire.plans import path_to_wire, refusal_to_wire
from controller.wire.spec_reader import SpecReader


def queries_from_wire(queries: Sequence[pb.PathQuery]) -> list[PathQuery]:
    """Raises ``InvalidInput`` with every fault of every query; ``Fault.document`` is the index."""
    faults: list[Fault] = []
    read = [_query(SpecReader(index, faults), query) for index, query in enumerate(queries)]
    if faults:
        raise InvalidInput(tuple(faults))
    return read


def answer_to_wire(answer: Answer) -> pb.PathAnswer:
    if isinstance(answer, Refusal):
        return pb.PathAnswer(feasible=False, reasons=[refusal_to_wire(answer)])
    return pb.PathAnswer(feasible=True, paths=map(path_to_wire, answer))


def in_queries(error: InvalidInput) -> InvalidInput:
    """The same faults with fields as paths from the request: ``queries[2].max_delay``."""
    return InvalidInput(tuple(map(_in_query, error.faults)))


def _in_query(fault: Fault) -> Fault:
    if not fault.field.startswith("spec."):
        return fault
    field = message_field(fault.field.removeprefix("spec."))
    return replace(fault, field=f"queries[{fault.document}].{field}")


def _query(reader: SpecReader, query: pb.PathQuery) -> PathQuery:
    disjoint = None
    if query.WhichOneof("routes") == "disjoint":
        reader.require("spec.disjoint", query.disjoint)
        disjoint = reader.choice("spec.disjoint", query.disjoint, Disjointness, Disjointness.LINK)
    return PathQuery(
        a=_endpoint(reader, "spec.a", query.a),
        z=_endpoint(reader, "spec.z", query.z),
        cir_bps=_bandwidth(reader, query),
        max_delay_ns=reader.delay_ns("spec.maxDelay", query.max_delay) if query.HasField("max_delay") else None,
        mtu_bytes=query.mtu if query.HasField("mtu") else 1500,
        tagged=query.tagged,
        objective=reader.choice("spec.objective", query.objective, Objective, Objective.DELAY),
        avoid=Avoid(
            nodes=tuple(query.avoid.nodes),
            links=tuple(query.avoid.links),
            srlgs=tuple(query.avoid.srlgs),
            regions=tuple(query.avoid.regions),
        ),
        via=tuple(query.via.nodes),
        disjoint=disjoint,
        k=query.k if query.WhichOneof("routes") == "k" else None,
    )


def _bandwidth(reader: SpecReader, query: pb.PathQuery) -> PerDirection[int]:
    if not query.HasField("bandwidth"):
        reader.fault(
            Reason.MISSING_PROPERTY, "spec.bandwidth", "is missing: set both rates, in bits per second; 0 asks for none"
        )
    return PerDirection(query.bandwidth.a_to_z_bps, query.bandwidth.z_to_a_bps)


def _endpoint(reader: SpecReader, field: str, endpoint: pb.Endpoint) -> Endpoint:
    kind = endpoint.WhichOneof("at")
    if kind is None:
        reader.fault(Reason.MISSING_PROPERTY, field, "is missing: set site or node")
        return Endpoint(kind="node", name="")
    name = endpoint.site if kind == "site" else endpoint.node
    reader.require(f"{field}.{kind}", name)
    return Endpoint(kind=kind, name=name)
