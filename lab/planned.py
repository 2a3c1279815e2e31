"""What a controller says that the network carries: what measurements are held against."""

from __future__ import annotations

from collections.abc import Iterable

from controller.compiler.rules import line_meter
from controller.domain.topology import Direction, PerDirection, SiteService, Topology
from controller.wire.gen.trunkline.v1 import intent_pb2 as pb
from controller.wire.gen.trunkline.v1 import plan_pb2
from controller.wire.intents import line_from_wire
from lab.measure.expectation import ExpectedLab, ExpectedLine, ProtectRoute


def planned(topology: Topology, intents: Iterable[pb.Intent]) -> ExpectedLab:
    """All sites of the topology that lines can end at, and those lines that are ACTIVE as the server told of them."""
    lines = tuple(_line(intent) for intent in intents if intent.private_line.status.state == pb.ACTIVE)
    return ExpectedLab(sites=tuple(site.name for site in topology.sites if site.service is SiteService.L2), lines=lines)


def _line(intent: pb.Intent) -> ExpectedLine:
    line = line_from_wire(intent)
    working, *others = intent.private_line.status.paths
    bursts = [line_meter(line, direction, 0).burst_kbits * 1000 for direction in Direction]
    return ExpectedLine(
        tenant=line.tenant,
        name=line.name,
        a=line.a,
        z=line.z,
        cir_bps=line.cir_bps,
        burst_bits=PerDirection(*bursts),
        delay_ns=PerDirection(working.delay_ns.a_to_z, working.delay_ns.z_to_a),
        mtu_bytes=line.mtu_bytes,
        route=tuple(working.nodes),
        links=tuple(working.links),
        protect=next(map(_protect, others), None),
    )


def _protect(path: plan_pb2.Path) -> ProtectRoute:
    return ProtectRoute(
        delay_ns=PerDirection(path.delay_ns.a_to_z, path.delay_ns.z_to_a),
        route=tuple(path.nodes),
        links=tuple(path.links),
    )
