"""What leaves where on a server -> ``trunkline.v1`` messages."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Sequence

from controller.compiler.egress_comparison import compared
from controller.compiler.egress_use import FlowUse, flow_uses
from controller.domain.egress import TrafficClass
from controller.domain.steering import ELSEWHERE, SLICES, Entry, Steering
from controller.domain.topology import Topology
from controller.service.egress.billed import Bill
from controller.service.egress.showing import Picture
from controller.wire.egress import cycle_to_wire, held_to_wire
from controller.wire.egress_comparison import outcome_to_wire
from controller.wire.egress_view import flow_to_wire, rates_to_wire, view_to_wire
from controller.wire.gen.trunkline.v1 import egress_pb2 as pb
from controller.wire.intents import timestamp
from controller.wire.spec_reader import duration_to_wire


class Wanted:
    """Which flows and entries are told: from these sources, to this region, of this class. Empty or ``None``: all."""

    def __init__(self, sources: Collection[str], destination: str, traffic_class: TrafficClass | None) -> None:
        self._sources = frozenset(sources)
        self._destination = destination
        self._traffic_class = traffic_class

    def has(self, source: str, destination: str, traffic_class: TrafficClass) -> bool:
        return (
            (not self._sources or source in self._sources)
            and self._destination in ("", destination)
            and self._traffic_class in (None, traffic_class)
        )


def picture_to_wire(
    topology: Topology, picture: Picture, wanted: Wanted | None, *, comparison: bool
) -> pb.GetAssignmentsResponse:
    """``wanted``: ``None`` for no flow and no entry. With ``comparison`` this takes about as long as to decide."""
    plan, losses = picture.plan, picture.losses
    drained = {name for name, _ in picture.drained}
    steered_bps = _steered_bps(picture.steering.entries)
    solved = plan.solved
    outcomes = [outcome_to_wire(one, solved) for one in compared(solved)] if comparison and solved is not None else []
    return pb.GetAssignmentsResponse(
        topology=topology.name,
        mode=picture.mode,
        waits=picture.waits,
        decided=view_to_wire(plan),
        flows=[]
        if wanted is None or solved is None
        else [
            _flow(one)
            for one in flow_uses(solved)
            if wanted.has(one.aggregate.source, one.aggregate.to_region, one.aggregate.traffic_class)
        ],
        steered=rates_to_wire((gateway.name, steered_bps[gateway.name]) for gateway in topology.gateways),
        entries=[] if wanted is None else list(_entries(picture.steering, wanted)),
        drained=[
            pb.DrainedGateway(gateway=name, reason=one.reason, since=timestamp(one.since))
            for name, one in picture.drained
        ],
        gateways_down=sorted(losses.gateways - drained),
        links_down=sorted(losses.links),
        unreachable=sorted(losses.unreachable),
        held=map(held_to_wire, picture.measured.held),
        last_cycle=None if picture.latest is None else cycle_to_wire(picture.latest),
        outcomes=outcomes,
        to_move_bps=plan.moved_bps,
        elsewhere=rates_to_wire(sorted(plan.taken.gateways.items())),
        regions_without_prefixes=sorted(
            {one.to_region for one in (() if solved is None else solved.asked.aggregates)}
            - {group.region for group in picture.steering.groups}
        ),
        bills=map(_bill, picture.bills),
    )


def _flow(one: FlowUse) -> pb.FlowAssignment:
    return pb.FlowAssignment(
        flow=flow_to_wire(one.aggregate, one.policy),
        demand_bps=one.aggregate.rate_bps,
        measured=one.aggregate.from_matrix,
        gateways=[
            pb.GatewayShare(gateway=gateway, rate_bps=bps, delay_ns=delay_ns) for gateway, bps, delay_ns in one.shares
        ],
    )


def _bill(one: Bill) -> pb.GatewayBill:
    return pb.GatewayBill(
        gateway=one.gateway,
        month=one.month,
        committed_bps=one.committed_bps,
        billed_bps=one.billed_bps,
        free_slots=one.free_slots,
        free_slots_left=one.free_slots_left,
        known_slots=one.known_slots,
        unknown_slots=one.unknown_slots,
        slot_bps=one.slot_bps,
        slot_known=duration_to_wire(round(one.slot_s * 1e9)),
    )


def _steered_bps(entries: Sequence[Entry]) -> Counter[str]:
    """By gateway, of what is planned: that is compared with what is carried."""
    found: Counter[str] = Counter()
    for entry in entries:
        if entry.group != ELSEWHERE:
            found.update(entry.bps())
    return found


def _entries(steering: Steering, wanted: Wanted) -> Iterator[pb.SteeredEntry]:
    region_of = {group.number: group.region for group in steering.groups}
    for entry in steering.entries:
        destination = region_of.get(entry.group, "")
        if wanted.has(entry.source, destination, entry.traffic_class):
            yield pb.SteeredEntry(
                source=entry.source,
                group=entry.group,
                destination=destination,
                traffic_class=entry.traffic_class,
                gateways=_shares(entry),
            )


def _shares(entry: Entry) -> list[pb.SteeredShare]:
    bps = entry.bps()
    per_gateway = Counter(entry.gateways)
    # One name stands for all slices.
    slices = SLICES // len(entry.gateways)
    return [
        pb.SteeredShare(gateway=name, slices=count * slices, rate_bps=bps[name])
        for name, count in sorted(per_gateway.items())
    ]
