"""Plans -> ``trunkline.v1`` messages."""

from __future__ import annotations

from collections import Counter

from controller.compiler.plan import EgressAssignment, LinkUse, Plan, Verdict
from controller.domain.errors import Binding, Refusal
from controller.domain.placement import PlacedPath
from controller.domain.rule_words import rule_words
from controller.domain.rules import Change
from controller.domain.topology import Direction, NetconfDevice, Node, PerDirection, Topology
from controller.wire.gen.trunkline.v1 import plan_pb2 as pb


def plan_to_wire(plan: Plan, topology: Topology) -> pb.Plan:
    of_plan: Counter[tuple[str, Direction]] = Counter()
    for verdict in plan.verdicts:
        for held in () if verdict.placed is None else verdict.placed.reservations(topology):
            of_plan[held.link, held.direction] += held.bps
    return pb.Plan(
        topology=plan.topology,
        feasible=plan.feasible,
        intents=map(verdict_to_wire, plan.verdicts),
        links=[_link(use, of_plan[use.link, use.direction]) for use in plan.links],
        devices=[
            pb.DeviceChanges(device=device, driver=_driver(topology.node[device]), changes=map(_change, changes))
            for device, changes in plan.changes()
        ],
        rounds=[
            pb.Round(
                kind=part.kind,
                devices=[device for device, _ in part.changes],
                changes=sum(len(changes) for _, changes in part.changes),
            )
            for part in plan.rounds
        ],
    )


def path_to_wire(path: PlacedPath) -> pb.Path:
    return pb.Path(
        role=path.role,
        nodes=path.route.nodes,
        links=path.route.links,
        delay_ns=delays_to_wire(path.delay_ns),
        reserved_bps=rates_to_wire(path.reserved_bps),
    )


def verdict_to_wire(verdict: Verdict) -> pb.Verdict:
    return pb.Verdict(
        kind=verdict.key.kind,
        tenant=verdict.key.tenant,
        name=verdict.key.name,
        feasible=verdict.feasible,
        paths=map(path_to_wire, () if verdict.placed is None else verdict.placed.paths),
        reasons=map(refusal_to_wire, verdict.refusals),
        assignments=map(assignment_to_wire, verdict.assignments),
    )


def assignment_to_wire(assignment: EgressAssignment) -> pb.Assignment:
    return pb.Assignment(
        source=assignment.source,
        gateway=assignment.gateway,
        traffic_class=assignment.traffic_class,
        rate_bps=assignment.rate_bps,
        delay_ns=assignment.delay_ns,
        nodes=assignment.nodes,
        links=assignment.links,
    )


def refusal_to_wire(refusal: Refusal) -> pb.Refusal:
    return pb.Refusal(
        reason=refusal.reason,
        message=refusal.message,
        relaxations=[
            pb.Relaxation(field=relaxation.field, value=relaxation.value) for relaxation in refusal.relaxations
        ],
        binding=_binding(refusal.binding),
    )


def _binding(binding: Binding) -> pb.Binding:
    return pb.Binding(
        links=[pb.BindingLink(link=one.link, free_bps=rates_to_wire(one.free_bps)) for one in binding.links],
        nodes=binding.nodes,
        srlgs=binding.srlgs,
        least_delay_ns=binding.least_delay_ns,
        least_loss_ppm=binding.least_loss_ppm,
    )


def rates_to_wire(rates: PerDirection[int]) -> pb.Rates:
    return pb.Rates(a_to_z=rates.a_to_z, z_to_a=rates.z_to_a)


def delays_to_wire(delays_ns: PerDirection[int]) -> pb.DelayNs:
    return pb.DelayNs(a_to_z=delays_ns.a_to_z, z_to_a=delays_ns.z_to_a)


def _link(use: LinkUse, plan_bps: int) -> pb.LinkUse:
    return pb.LinkUse(
        link=use.link,
        direction=use.direction,
        capacity_bps=use.capacity_bps,
        reserved_bps=use.reserved_bps,
        layer=use.layer,
        slots_used=use.slots_used,
        slots=use.slots,
        egress_bps=use.egress_bps,
        plan_bps=plan_bps,
    )


def _change(change: Change) -> pb.Change:
    return pb.Change(op=change.op, what=rule_words(change.rule))


def _driver(node: Node) -> str:
    return "netconf" if isinstance(node.device, NetconfDevice) else "openflow"
