"""Plans -> ``trunkline.v1`` messages."""

from __future__ import annotations

from controller.compiler.plan import LinkUse, Plan, Verdict
from controller.domain.errors import Refusal
from controller.domain.placement import PlacedPath
from controller.domain.rule_words import rule_words
from controller.domain.rules import Change
from controller.domain.topology import NetconfDevice, Node, Topology
from controller.wire.gen.trunkline.v1 import plan_pb2 as pb


def plan_to_wire(plan: Plan, topology: Topology) -> pb.Plan:
    return pb.Plan(
        topology=plan.topology,
        feasible=plan.feasible,
        intents=map(_verdict, plan.verdicts),
        links=map(_link, plan.links),
        devices=[
            pb.DeviceChanges(device=device, driver=_driver(topology.node[device]), changes=map(_change, changes))
            for device, changes in plan.changes()
        ],
    )


def path_to_wire(path: PlacedPath) -> pb.Path:
    return pb.Path(
        role=path.role,
        nodes=path.route.nodes,
        links=path.route.links,
        delay_ns=pb.DelayNs(a_to_z=path.delay_ns.a_to_z, z_to_a=path.delay_ns.z_to_a),
        reserved_bps=pb.Rates(a_to_z=path.reserved_bps.a_to_z, z_to_a=path.reserved_bps.z_to_a),
    )


def _verdict(verdict: Verdict) -> pb.Verdict:
    return pb.Verdict(
        kind=verdict.key.kind,
        tenant=verdict.key.tenant,
        name=verdict.key.name,
        feasible=verdict.feasible,
        paths=map(path_to_wire, () if verdict.placed is None else verdict.placed.paths),
        reasons=map(refusal_to_wire, verdict.refusals),
    )


def refusal_to_wire(refusal: Refusal) -> pb.Refusal:
    return pb.Refusal(
        reason=refusal.reason,
        message=refusal.message,
        relaxations=[
            pb.Relaxation(field=relaxation.field, value=relaxation.value) for relaxation in refusal.relaxations
        ],
    )


def _link(use: LinkUse) -> pb.LinkUse:
    return pb.LinkUse(
        link=use.link, direction=use.direction, capacity_bps=use.capacity_bps, reserved_bps=use.reserved_bps
    )


def _change(change: Change) -> pb.Change:
    return pb.Change(op=change.op, what=rule_words(change.rule))


def _driver(node: Node) -> str:
    return "netconf" if isinstance(node.device, NetconfDevice) else "openflow"
