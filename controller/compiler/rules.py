"""Which rules a trunk, a pair of trunks, a line and its circuits need on which device. Everything on a device
follows from these."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import ceil

from controller.compiler.pools import shim_label
from controller.domain.intents import Attachment, PrivateLine
from controller.domain.placement import PairKey, PlacedLine, SlotUse, Trunk, TrunkPair
from controller.domain.qos import LINE_TC
from controller.domain.rules import (
    Action,
    Bucket,
    ClientEnd,
    CrossConnect,
    FlowRule,
    GoTo,
    GroupKind,
    GroupRule,
    LineEnd,
    Match,
    MeterRule,
    Output,
    Owner,
    Police,
    PopTrunk,
    Rule,
    SetTrunk,
    SetVlan,
    Table,
    Unwrap,
    UseGroup,
    Wrap,
    cookie,
)
from controller.domain.topology import Direction, Link, Role, Topology
from controller.paths.request import WRAP_BYTES

# Apart, so that of a port's rule and a VLAN's, which stand beside each other while a port changes from one kind of
# line to the other, it is never in doubt which a frame meets.
PORT_PRIORITY = 100
VLAN_PRIORITY = 200
# How far a line's rules for frames that are MPLS themselves stand above its rule for all others; less than the gap.
MPLS_ABOVE = 50
MPLS_ETHERTYPES = (0x8847, 0x8848)  # unicast and multicast, RFC 5332
TRUNK_PRIORITY = 300
DELIVER_PRIORITY = 200

# A TCP sender starves behind a shallow policer: below half a second of the rate, throughput falls to a tenth.
BURST_SECONDS = 0.5

DeviceRule = tuple[str, Rule]


def trunk_rules(topology: Topology, trunk: Trunk) -> Iterator[DeviceRule]:
    """The group at the head end, a switching rule in every transit node, the end's rule that pops the label.
    A trunk's frames are accepted only from the link they must come from, so a label that a customer forges,
    or that goes astray, meets no rule."""
    hops = list(trunk.route.hops(topology))
    into_trunk = Bucket(actions=_into_trunk(topology, trunk))
    nodes, owner = trunk.route.nodes, cookie(Owner.TRUNK, trunk.label)
    yield nodes[0], GroupRule(group_id=trunk.group_id, kind=GroupKind.INDIRECT, buckets=(into_trunk,))
    for position, (link, direction) in enumerate(hops):
        if topology.node[nodes[position + 1]].role is Role.OTN:
            continue  # light, not frames: the line's circuit leads through
        onward: tuple[Action, ...] = (PopTrunk(), GoTo(Table.DELIVER))
        if position + 1 < len(hops):
            next_link, next_direction = hops[position + 1]
            onward = (Output(next_link.ports(next_direction)[0]),)
        yield (
            nodes[position + 1],
            FlowRule(
                cookie=owner,
                table=Table.CLASSIFY,
                priority=TRUNK_PRIORITY,
                match=Match(in_port=link.ports(direction)[1], mpls_label=trunk.label),
                actions=onward,
            ),
        )


def pair_rules(topology: Topology, pair: TrunkPair, trunks: Mapping[int, Trunk]) -> Iterator[DeviceRule]:
    """The group at the head end: into the working trunk while that is alive, else into the protect trunk. The trunks'
    own rules do the rest; at the far end a frame of either meets the same service label.

    A trunk counts as alive while its first link has a signal. What fails further on is seen only by somebody who
    watches the trunk as a whole: its port will take the place of the first link's here (``_watched_port``).
    ``KeyError`` when a trunk of the pair is not among ``trunks``."""
    buckets = tuple(
        Bucket(actions=_into_trunk(topology, trunk), watch_port=_watched_port(topology, trunk))
        for trunk in (trunks[pair.working], trunks[pair.protect])
    )
    yield pair.head, GroupRule(group_id=pair.group_id, kind=GroupKind.FAST_FAILOVER, buckets=buckets)


def _into_trunk(topology: Topology, trunk: Trunk) -> tuple[Action, ...]:
    return (SetTrunk(trunk.label), Output(_first_port(topology, trunk)))


def _watched_port(topology: Topology, trunk: Trunk) -> int:
    """The port whose state tells the head end whether the trunk is alive."""
    return _first_port(topology, trunk)


def _first_port(topology: Topology, trunk: Trunk) -> int:
    link, direction = next(trunk.route.hops(topology))
    return link.ports(direction)[0]


def line_rules(
    topology: Topology, placed: PlacedLine, trunks: Mapping[int, Trunk], pairs: Mapping[PairKey, TrunkPair]
) -> Iterator[DeviceRule]:
    """Both directions: police, translate, wrap and send at the PE where it enters; unwrap where it leaves. Frames that
    are MPLS themselves are wrapped with a shim and bear the shim label.
    ``KeyError`` when a trunk or pair that the line rides is not among ``trunks`` and ``pairs``."""
    line = placed.line
    for direction, enters, leaves in (
        (Direction.A_TO_Z, line.a, line.z),
        (Direction.Z_TO_A, line.z, line.a),
    ):
        group_id = None if not placed.working.route.links else _group_of(placed, direction, trunks, pairs)
        yield from _direction_rules(topology, placed, group_id, direction, enters, leaves)


def _group_of(
    placed: PlacedLine, direction: Direction, trunks: Mapping[int, Trunk], pairs: Mapping[PairKey, TrunkPair]
) -> int:
    working, protect = placed.trunk_label[direction], placed.protect_label[direction]
    return pairs[working, protect].group_id if protect else trunks[working].group_id


def _direction_rules(
    topology: Topology,
    placed: PlacedLine,
    group_id: int | None,
    direction: Direction,
    enters: Attachment,
    leaves: Attachment,
) -> Iterator[DeviceRule]:
    owner = cookie(Owner.LINE, placed.number)
    entry, exit_ = topology.site[enters.site], topology.site[leaves.site]
    meter = line_meter(placed.line, direction, placed.meter_id[direction])
    yield entry.node, meter
    before: list[Action] = [Police(meter.meter_id)]
    if leaves.vlan is not None and leaves.vlan != enters.vlan:
        before.append(SetVlan(leaves.vlan))

    def classify(onward: tuple[Action, ...], ethertype: int | None = None) -> DeviceRule:
        priority = PORT_PRIORITY if enters.vlan is None else VLAN_PRIORITY
        return entry.node, FlowRule(
            cookie=owner,
            table=Table.CLASSIFY,
            priority=priority if ethertype is None else priority + MPLS_ABOVE,
            match=Match(in_port=entry.port, ethertype=ethertype, vlan=enters.vlan),
            actions=(*before, *onward),
        )

    def deliver(label: int, unwrap: Unwrap) -> DeviceRule:
        return exit_.node, FlowRule(
            cookie=owner,
            table=Table.DELIVER,
            priority=DELIVER_PRIORITY,
            match=Match(mpls_label=label),
            actions=(unwrap, Output(exit_.port)),
        )

    if group_id is None:  # both sites on one PE
        yield classify((Output(exit_.port),))
        return
    into_trunk = UseGroup(group_id)
    label = placed.service_label[direction]
    yield deliver(label, Unwrap())
    yield deliver(shim_label(label), Unwrap(shim=True))
    yield classify((Wrap(label, tc=LINE_TC), into_trunk))
    for ethertype in MPLS_ETHERTYPES:
        yield classify((Wrap(shim_label(label), shim=True, tc=LINE_TC), into_trunk), ethertype)


def circuit_rules(topology: Topology, placed: PlacedLine) -> Iterator[DeviceRule]:
    """A cross-connect in each OTN node on the line's way: from the client port, or from the slots of one link, to those
    of the next."""
    owner = cookie(Owner.LINE, placed.number)
    for circuit in placed.circuits:
        entry, exit_ = topology.link[circuit.entry], topology.link[circuit.exit]
        for position, node in enumerate(circuit.nodes):
            yield (
                node,
                CrossConnect(
                    cookie=owner,
                    number=circuit.number,
                    odu=circuit.odu,
                    a=_line_end(topology, node, circuit.slots[position - 1])
                    if position
                    else ClientEnd(port=_port_at(entry, node)),
                    z=_line_end(topology, node, circuit.slots[position])
                    if position < len(circuit.slots)
                    else ClientEnd(port=_port_at(exit_, node)),
                ),
            )


def _line_end(topology: Topology, node: str, use: SlotUse) -> LineEnd:
    port = _port_at(topology.link[use.link], node)
    return LineEnd(port=port, tributary_port=use.tributary_port, slots=use.slots)


def _port_at(link: Link, node: str) -> int:
    return link.a_port if link.a == node else link.z_port


def line_meter(line: PrivateLine, direction: Direction, meter_id: int) -> MeterRule:
    """What polices one direction of a line to its CIR."""
    rate_kbps = ceil(line.cir_bps[direction] / 1000)
    two_frames_kbits = ceil(2 * 8 * (line.mtu_bytes + WRAP_BYTES) / 1000)
    return MeterRule(
        meter_id=meter_id,
        rate_kbps=rate_kbps,
        burst_kbits=max(ceil(rate_kbps * BURST_SECONDS), two_frames_kbits),
    )
