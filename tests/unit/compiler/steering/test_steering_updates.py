"""One steering becomes another, change by change in any order that rounds allow: no packet is lost, goes round or
leaves by a gateway that is neither its old nor its new one, and nothing gets more than its room. Loads are measured:
each slice of each flow is sent through the tables as a packet, and what it is for counts wherever that packet goes."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, replace

from hypothesis import event, given, settings
from hypothesis import strategies as st
from packets import packet
from steered_networks import (
    ABROAD,
    ABROAD_MAC,
    GATEWAY_PORT,
    GBPS,
    SITE_PORT,
    entry,
    everything,
    group,
    legs,
    network,
    steered,
)

from controller.compiler.derived import ordered_rounds
from controller.compiler.inventory import Inventory
from controller.compiler.plan import LinkUse, Movement, RoundKind
from controller.compiler.rounds import diff, in_rounds
from controller.compiler.steering.changing import order_steering
from controller.compiler.steering.rules import VIRTUAL_MAC
from controller.compiler.steering.slices import as_few, spread
from controller.domain.egress import TrafficClass
from controller.domain.rules import FlowRule, Table, key_of
from controller.domain.steering import SLICES, PacketClass, PrefixTable
from controller.domain.topology import Direction, PerDirection
from controller.forwarding.fabric import Fabric
from controller.forwarding.switch import Switch

TOPOLOGY = network()
GATEWAYS = tuple(sorted(gateway.name for gateway in TOPOLOGY.gateways))
GATEWAY_AT = {gateway.node: gateway.name for gateway in TOPOLOGY.gateways}
ARC = {link.ends(direction): (link.name, direction) for link in TOPOLOGY.links for direction in Direction}
SOURCES = ("gd", "zj")
CLASSES = {TrafficClass.GOLD: 46, TrafficClass.BULK: 0}
# Two places abroad: the first may come to another group, the second stays in its own.
PLACES = {"198.51.100.9": ABROAD[0], "203.0.113.9": ABROAD[1]}
RESOURCES = [*((name, None) for name in GATEWAYS), *ARC.values()]


@dataclass(frozen=True)
class Side:
    """A steering with all that goes with it. ``group_of`` is by address, ``gateways`` by flow."""

    steering: object
    trunks: dict
    table: PrefixTable
    group_of: dict

    def gateways(self, source, address, traffic_class):
        (one,) = (
            one
            for one in self.steering.entries
            if (one.source, one.group, one.traffic_class) == (source, self.group_of[address], traffic_class)
        )
        return spread(one.gateways)

    def rate(self, source, address, traffic_class):
        return next(
            one.rate_bps
            for one in self.steering.entries
            if (one.source, one.group, one.traffic_class) == (source, self.group_of[address], traffic_class)
        )

    def rules(self):
        return everything(TOPOLOGY, self.steering, self.table, self.trunks)


choices = st.one_of(
    st.sampled_from(GATEWAYS).map(lambda name: (name,)),
    st.lists(st.sampled_from(GATEWAYS), min_size=SLICES, max_size=SLICES).map(as_few),
)


@st.composite
def updates(draw):
    """(before, after): entries change, perhaps also the routes of all trunks, and the group of a prefix."""
    regroups, turns = draw(st.booleans()), draw(st.integers(0, 3)) == 0
    rates = {}

    def side(first, first_label, clockwise):
        entries = []
        for source in SOURCES:
            for place, number in (("first", first), ("second", 2)):
                for traffic_class in CLASSES:
                    key = (source, place, traffic_class)
                    rate = rates.setdefault(key, draw(st.integers(1, 10)) * GBPS)
                    one = entry(source, *draw(choices), number=number, rate_bps=rate, traffic_class=traffic_class)
                    entries.append(one)
        steering, trunks = steered(TOPOLOGY, entries, [group(first), group(2)], clockwise=clockwise)
        found, trunks = legs(TOPOLOGY, first_label, clockwise)
        group_of = dict(zip(PLACES, (first, 2), strict=True))
        table = PrefixTable(routes=tuple((prefix, group_of[address]) for address, prefix in PLACES.items()))
        return Side(replace(steering, legs=tuple(found)), trunks, table, group_of)

    return side(1, 2_000, True), side(3 if regroups else 1, 3_000 if turns else 2_000, not turns)


def resources_of(arrival):
    """What a packet that came out took on its way."""
    return {
        (GATEWAY_AT[arrival.node], None),
        *(ARC[pair] for pair in zip(arrival.nodes, arrival.nodes[1:], strict=False)),
    }


class Measured:
    """Switches that hold what they hold, and where each slice of each flow goes now. What it took since a step began
    counts, too: packets may be under way there until the pause before the next one."""

    def __init__(self, before, after):
        self.before, self.after = before, after
        self.switches = {node.name: Switch() for node in TOPOLOGY.nodes}
        for device, rule in before.rules():
            self.switches[device].set(rule)
        self.fabric = Fabric(TOPOLOGY, self.switches)
        self.takes, self.took = {}, {}
        self.load = Counter()
        self.step = 0
        self.probe_all()

    def begin(self, part):
        """A round. A pause comes before each step: all that was under way is through."""
        if part.kind is not RoundKind.FLIP or part.step == self.step:
            return
        self.step = part.step
        for place, took in self.took.items():
            share, takes = self.share(place), self.takes[place]
            self.load.subtract(dict.fromkeys(took - takes, share))
            self.took[place] = takes

    def share(self, place):
        *flow, part = place
        rate = self.after.rate(*flow)
        return rate * (part + 1) // SLICES - rate * part // SLICES

    def apply(self, device, change):
        """Make a change, and see where the packets go that it may be about; of others, a few."""
        assert self.switches[device].rules.get(key_of(change.rule)) == change.before
        self.switches[device].apply(change)
        match = change.rule.match if isinstance(change.rule, FlowRule) else None
        if match is None or change.rule.table is not Table.STEER:
            self.probe_all(parts=(5,))
        elif device in SOURCES and match.ip_dst.version == 4 and match.traffic_class is not None:
            for address in PLACES:
                if match.group in (self.before.group_of[address], self.after.group_of[address]):
                    source = match.source
                    parts = [
                        part for part in range(SLICES) if source is None or part % (1 << source.width) == source.value
                    ]
                    for traffic_class in CLASSES:
                        if PacketClass.of(traffic_class) == match.traffic_class:
                            self.probe(device, address, traffic_class, parts)

    def probe_all(self, parts=range(SLICES)):
        for source in SOURCES:
            for address in PLACES:
                for traffic_class in CLASSES:
                    self.probe(source, address, traffic_class, parts)

    def probe(self, source, address, traffic_class, parts):
        old, new = (side.gateways(source, address, traffic_class) for side in (self.before, self.after))
        dscp = CLASSES[traffic_class]
        for part in parts:
            host = f"10.44.0.{16 + part}"
            (arrival,) = self.fabric.send(source, SITE_PORT, packet(host, address, dscp=dscp))
            assert arrival.port == GATEWAY_PORT
            assert GATEWAY_AT[arrival.node] in (old[part], new[part])
            macs = (VIRTUAL_MAC, ABROAD_MAC[arrival.node])
            assert arrival.frame == packet(host, address, dscp=dscp, ttl=63, macs=macs)
            place = (source, address, traffic_class, part)
            self.takes[place] = takes = resources_of(arrival)
            took = self.took.get(place, set())
            self.load.update(dict.fromkeys(takes - took, self.share(place)))
            self.took[place] = took | takes


def ends(before, after):
    """Loads before and after."""
    return tuple(Measured(side, with_rates_of(after, side)).load for side in (before, after))


def with_rates_of(rates, side):
    """A side, with the rates of another."""
    newest = {(one.source, one.traffic_class, one.group == 2): one.rate_bps for one in rates.steering.entries}
    entries = tuple(
        replace(one, rate_bps=newest[one.source, one.traffic_class, one.group == 2]) for one in side.steering.entries
    )
    return replace(side, steering=replace(side.steering, entries=entries))


def any_order(part, rng):
    """A round's changes as they may come: those of flows in any order at all, others in that of each device."""
    changes = [(device, change) for device, of_device in part.changes for change in of_device]
    if all(isinstance(one.rule, FlowRule) and one.rule.table is Table.STEER for _, one in changes):
        rng.shuffle(changes)
        return changes
    queues = [[(device, change) for change in of_device] for device, of_device in part.changes]
    found = []
    while queues:
        queue = rng.choice(queues)
        found.append(queue.pop(0))
        queues = [one for one in queues if one]
    return found


@settings(max_examples=settings.default.max_examples // 6)
@given(updates(), st.floats(0, 0.5), st.integers(0, 2**32 - 1))
def test_no_packet_is_lost_and_no_room_exceeded_whatever_is_done_first(update, slack, seed):
    before, after = update
    rng = random.Random(seed)
    was, will = ends(before, after)
    room = {resource: int(max(was[resource], will[resource]) * (1 + slack)) for resource in RESOURCES}
    flips = order_steering(TOPOLOGY, before.steering, after.steering, {**before.trunks, **after.trunks}, room, {})
    limit = room | {one.resource: one.most_bps for one in flips.exceeded}
    event("exceeded" if flips.exceeded else "within")
    event(f"{min(flips.count // 3, 5)} steps")
    network = Measured(before, after)
    for part in in_rounds(diff(before.rules(), after.rules()), steering=flips):
        network.begin(part)
        for device, change in any_order(part, rng):
            network.apply(device, change)
            over = {resource: most for resource, most in limit.items() if network.load[resource] > most}
            assert not over
        network.probe_all()
    assert {device: switch.rules for device, switch in network.switches.items()} == {
        device: switch.rules for device, switch in Measured(after, after).switches.items()
    }


def most_of_any_mixture(order, before, after):
    """The most that each resource gets while two devices change in either order."""
    found = Counter()
    for first in SOURCES:
        network = Measured(before, after)
        for part in order:
            network.begin(part)
            for device, change in sorted(
                ((device, change) for device, changes in part.changes for change in changes),
                key=lambda one: one[0] != first,
            ):
                network.apply(device, change)
                found |= network.load
    return found


def exchanged(rate_bps):
    """Before and after: two flows of this rate by one gateway change places with two by another."""
    sides = []
    for gd, zj in (("igw-sh", "igw-bj"), ("igw-bj", "igw-sh")):
        entries = [
            entry(source, gateway, number=number, rate_bps=rate_bps if number == 1 else 0, traffic_class=traffic_class)
            for source, gateway in (("gd", gd), ("zj", zj))
            for number in (1, 2)
            for traffic_class in CLASSES
        ]
        steering, trunks = steered(TOPOLOGY, entries, [group(1), group(2)])
        group_of = dict(zip(PLACES, (1, 2), strict=True))
        table = PrefixTable(routes=tuple((prefix, group_of[address]) for address, prefix in PLACES.items()))
        sides.append(Side(steering, trunks, table, group_of))
    return sides


def test_all_at_once_exceeds_what_steps_do_not():
    before, after = exchanged(4 * GBPS)
    room = {("igw-sh", None): 9 * GBPS, ("igw-bj", None): 9 * GBPS}
    flips = order_steering(TOPOLOGY, before.steering, after.steering, before.trunks, room, {})
    changes = diff(before.rules(), after.rules())
    assert not flips.exceeded
    stepped = most_of_any_mixture(in_rounds(changes, steering=flips), before, after)
    at_once = most_of_any_mixture(in_rounds(changes), before, after)
    for gateway, most in room.items():
        assert stepped[gateway] <= most < at_once[gateway]


def in_order(before, after):
    """The rounds of a change in a network whose links have more than enough room."""
    wide = replace(
        TOPOLOGY,
        links=tuple(replace(link, capacity_bps=PerDirection.both(100 * GBPS)) for link in TOPOLOGY.links),
    )
    inventory = Inventory(wide, (), before.trunks.values(), ())
    links = [
        LinkUse(link=link.name, direction=direction, capacity_bps=100 * GBPS, reserved_bps=0)
        for link in wide.links
        for direction in Direction
    ]
    movement = Movement(steering_out=before.steering, steering_in=after.steering)
    return ordered_rounds(inventory, movement, links, links)


def test_what_is_kept_free_for_bursts_is_there_for_exchanging_traffic():
    """Both gateways are as full as may be planned for: 95 % of 10 Gbps."""
    before, after = exchanged(4_750_000_000)
    ordered = in_order(before, after)
    assert not ordered.exceeded
    most = most_of_any_mixture(ordered.rounds, before, after)
    for gateway in ("igw-sh", "igw-bj"):
        assert 9_500_000_000 < most[gateway, None] <= 10 * GBPS


def test_an_exchange_of_full_gateways_says_which_gets_how_much_too_much():
    before, after = exchanged(5 * GBPS)
    ordered = in_order(before, after)
    most = most_of_any_mixture(ordered.rounds, before, after)
    assert {one.resource for one in ordered.exceeded} == {("igw-sh", None), ("igw-bj", None)}
    assert any(one.by_the_change for one in ordered.exceeded)
    for one in ordered.exceeded:
        assert (one.room_bps, one.before_bps) == (9_500_000_000, 10 * GBPS)
        assert most[one.resource] <= one.most_bps
