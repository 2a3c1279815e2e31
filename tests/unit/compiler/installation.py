"""Devices that carry out a plan change by change, in an order of the test's choice; and what customers see meanwhile.

What they should see is told from specifications and routes alone, never from a rule.
"""

from __future__ import annotations

import random
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from customer_frames import forged_frames, plain_frames, service_tagged, tagged_frames, translated, vid_of

from controller.compiler.plan import Plan
from controller.compiler.planner import Planner
from controller.compiler.pools import shim_label
from controller.domain.intents import Attachment, IntentKey
from controller.domain.placement import PlacedLine, PlacedPath, Trunk
from controller.domain.rules import Change, FlowRule, Police, RuleKey, UseGroup, key_of
from controller.domain.topology import Direction, Role, Site, Topology
from controller.forwarding.fabric import Fabric
from controller.forwarding.optical import OpticalNode
from controller.forwarding.switch import Switch

UNUSED_VLAN = 77


def restarted(planner: Planner) -> Planner:
    """A planner that knows what is on disk of another."""
    return Planner(planner.topology, planner.lines.values(), planner.trunks.values(), planner.pairs.values())


class Installation:
    """One switch or OTN node a node, as strict as a real one: a change must find what it expects, and what a flow
    refers to must be there as long as the flow is."""

    def __init__(self, topology: Topology) -> None:
        self.topology = topology
        self.cut: set[str] = set()
        """The links that have no signal at either end."""
        at = {
            (end, port): link.name
            for link in topology.links
            for end, port in ((link.a, link.a_port), (link.z, link.z_port))
        }
        self.switches = {
            node.name: OpticalNode()
            if node.role is Role.OTN
            else Switch(port_up=lambda port, node=node.name: at.get((node, port)) not in self.cut)
            for node in topology.nodes
        }
        self.fabric = Fabric(topology, self.switches, lambda link: link.name not in self.cut)

    def apply(self, device: str, change: Change) -> None:
        switch = self.switches[device]
        key = key_of(change.rule)
        assert switch.rules.get(key) == change.before, f"{device} holds something else than {change.before}"
        switch.apply(change)
        if isinstance(change.rule, FlowRule):
            if change.after is not None:
                assert _references(change.after) <= switch.rules.keys(), f"{change.after} refers to what is not there"
        elif change.after is None:
            assert not any(key in _references(rule) for rule in switch.rules.values()), f"{change.before} is in use"

    def install(self, plan: Plan, rng: random.Random) -> Iterator[tuple[str, Change]]:
        """Carry out the rounds in order, each in a random interleaving of its devices; yields after every change."""
        for part in plan.rounds:
            for device, change in interleaved(part.changes, rng):
                self.apply(device, change)
                yield device, change

    def tables(self) -> dict[str, dict]:
        return {device: dict(switch.rules) for device, switch in self.switches.items()}


def interleaved(changes: Iterable[tuple[str, Iterable[Change]]], rng: random.Random) -> Iterator[tuple[str, Change]]:
    """The changes of all devices in a random order that keeps the order of each device."""
    queues = [(device, list(of_device)) for device, of_device in changes]
    while queues:
        device, queue = rng.choice(queues)
        yield device, queue.pop(0)
        queues = [(name, left) for name, left in queues if left]


def _references(rule) -> set[RuleKey]:
    if not isinstance(rule, FlowRule):
        return set()
    return {
        RuleKey("meter", (action.meter_id,)) if isinstance(action, Police) else RuleKey("group", (action.group_id,))
        for action in rule.actions
        if isinstance(action, (Police, UseGroup))
    }


@dataclass(frozen=True, order=True)
class Delivery:
    """A frame at a customer's port, with the nodes that it crossed and the time that it took."""

    node: str
    port: int
    frame: bytes
    nodes: tuple[str, ...]
    delay_ns: int


def holders(lines: Iterable[PlacedLine], site: Site, sent: bytes) -> set[tuple[IntentKey, Attachment]]:
    """Whose a frame is: the lines that it enters there, each with its end."""
    return {
        (placed.line.key, end)
        for placed in lines
        for end in (placed.line.a, placed.line.z)
        if end.site == site.name and (end.vlan is None or vid_of(sent) == end.vlan)
    }


def delivered(installed: Installation, site: Site, sent: bytes) -> list[Delivery]:
    arrivals = installed.fabric.send(site.node, site.port, sent)
    return sorted(Delivery(at.node, at.port, at.frame, at.nodes, at.delay_ns) for at in arrivals)


def promised(
    topology: Topology, lines: Iterable[PlacedLine], site: Site, sent: bytes, cut: Collection[str] = ()
) -> list[Delivery]:
    """What becomes of a frame when these lines, and no others, are in service, while some links are ``cut``."""
    deliveries = []
    for placed in lines:
        line = placed.line
        for direction, enters, leaves in ((Direction.A_TO_Z, line.a, line.z), (Direction.Z_TO_A, line.z, line.a)):
            if enters.site != site.name or (enters.vlan is not None and vid_of(sent) != enters.vlan):
                continue
            path = _taken(placed, direction, cut)
            if path is None or not cut_free(path, cut):
                continue
            delay_ns = path.delay_ns[direction]
            nodes = path.route.nodes if direction is Direction.A_TO_Z else path.route.reversed.nodes
            out = sent if leaves.vlan is None else translated(sent, leaves.vlan)
            exit_ = topology.site[leaves.site]
            deliveries.append(Delivery(exit_.node, exit_.port, out, nodes, delay_ns))
    return sorted(deliveries)


def _taken(placed: PlacedLine, direction: Direction, cut: Collection[str]) -> PlacedPath | None:
    """The path that the head end sends into: the first one whose first link has a signal, if it has a choice."""
    if len(placed.paths) == 1 or not placed.working.route.links:
        return placed.working
    first = 0 if direction is Direction.A_TO_Z else -1
    return next((path for path in placed.paths if path.route.links[first] not in cut), None)


def cut_free(path: PlacedPath, cut: Collection[str]) -> bool:
    return not any(link in cut for link in path.route.links)


def probes(
    topology: Topology, lines: Iterable[PlacedLine], trunks: Mapping[int, Trunk]
) -> list[tuple[Site, list[bytes]]]:
    """For each site all that a customer might try there: the VLANs of its lines, others, and labels in use."""
    lines = list(lines)
    known = sorted(
        {*trunks, *(both for placed in lines for label in placed.service_label for both in (label, shim_label(label)))}
    )
    few = [*known[:2], *known[-2:]]
    result = []
    for site in topology.sites:
        ends = [end for placed in lines for end in (placed.line.a, placed.line.z) if end.site == site.name]
        vids = sorted({end.vlan for end in ends if end.vlan is not None})
        frames = [*plain_frames(), *forged_frames(few)]
        for vid in (*vids, UNUSED_VLAN):
            frames += [*tagged_frames(vid, few), service_tagged(vid)]
        result.append((site, frames))
    return result
