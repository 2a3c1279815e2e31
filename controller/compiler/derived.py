"""The rules that follow from what is placed: what a movement brings to devices and takes away, in which rounds."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import NamedTuple

from controller.compiler.flips import order_flips
from controller.compiler.inventory import Inventory
from controller.compiler.plan import LinkUse, Movement, Round
from controller.compiler.rounds import diff, in_rounds
from controller.compiler.rules import DeviceRule, circuit_rules, line_rules, pair_rules, trunk_rules
from controller.compiler.steering.changing import NO_STEERING, SteeringFlips, order_steering
from controller.compiler.steering.inputs import Flow
from controller.compiler.steering.resources import Exceeded, Resource
from controller.compiler.steering.rules import steering_rules
from controller.domain.placement import PlacedLine, Trunk, TrunkPair
from controller.domain.prefixes import Prefix
from controller.domain.steering import PrefixTable, Steering
from controller.domain.topology import Topology
from controller.domain.usable import usable_bps

NO_PREFIXES = PrefixTable()
NOTHING_MEASURED: Mapping[Flow, Sequence[int]] = MappingProxyType({})


class Ordered(NamedTuple):
    """``exceeded``: of what internet traffic moves over, what gets more than its room on the way."""

    rounds: tuple[Round, ...]
    exceeded: tuple[Exceeded, ...]


def ordered_rounds(
    inventory: Inventory,
    movement: Movement,
    before: Iterable[LinkUse],
    after: Iterable[LinkUse],
    measured: Mapping[Flow, Sequence[int]] = NOTHING_MEASURED,
) -> Ordered:
    """What changes on devices, in order; ``before`` and ``after``: what lines reserve. ``measured``: bps of slices of
    what is steered."""
    after = tuple(after)
    flips = order_flips(inventory.topology, movement.lines_out, movement.lines_in, after)
    steering = NO_STEERING
    if movement.steering_out is not None and movement.steering_in is not None:
        steering = _ordered(
            inventory, movement, movement.steering_out, movement.steering_in, (*before, *after), measured
        )
    shorter = _prefixes_that_differ(movement)
    changes = diff(rules_out(inventory, shorter), rules_in(inventory, shorter))
    return Ordered(in_rounds(changes, flips, steering), steering.exceeded)


def _prefixes_that_differ(movement: Movement) -> Movement:
    """Tables have 100,000 prefixes, on each of many nodes, of which a few change, and on nodes that have the others
    already. Those of all addresses stay, as there are rules of our own where a table has none."""
    before, after = movement.prefixes_out, movement.prefixes_in
    steering = (movement.steering_out, movement.steering_in)
    same_nodes = steering[0] is not None and steering[1] is not None and steering[0].edges == steering[1].edges
    if before is None or after is None or not same_nodes:
        return movement
    tables = (frozenset(before.routes), frozenset(after.routes))

    def without_common(table: PrefixTable, other: frozenset[tuple[Prefix, int]]) -> PrefixTable:
        return PrefixTable(routes=tuple(one for one in table.routes if one not in other or not one[0].length))

    return replace(
        movement, prefixes_out=without_common(before, tables[1]), prefixes_in=without_common(after, tables[0])
    )


def _ordered(
    inventory: Inventory,
    movement: Movement,
    before: Steering,
    after: Steering,
    links: Sequence[LinkUse],
    measured: Mapping[Flow, Sequence[int]],
) -> SteeringFlips:
    """In steps within what may be planned for; if there are none, and there are some within all there is, in those:
    what is kept free for bursts is there for exchanging traffic, too."""
    topology, trunks = inventory.topology, _trunks(inventory, movement)
    ordered = order_steering(topology, before, after, trunks, _room_bps(topology, links, usable_bps), measured)
    if not ordered.exceeded:
        return ordered
    wider = order_steering(topology, before, after, trunks, _room_bps(topology, links, int), measured)
    return ordered if wider.exceeded else wider


def _room_bps(topology: Topology, links: Iterable[LinkUse], usable: Callable[[int], int]) -> dict[Resource, int]:
    """What there is for internet traffic while a change goes on: a link named twice has the less of both."""
    found: dict[Resource, int] = {(gateway.name, None): usable(gateway.capacity_bps) for gateway in topology.gateways}
    for use in links:
        room = max(0, usable(use.capacity_bps) - use.reserved_bps)
        found[use.link, use.direction] = min(room, found.get((use.link, use.direction), room))
    return found


def rules_in(inventory: Inventory, movement: Movement) -> Iterator[DeviceRule]:
    """What devices need for what enters."""
    yield from _rules(inventory, movement, movement.lines_in, movement.trunks_in, movement.pairs_in)
    yield from _steering_rules(inventory, movement, movement.steering_in, movement.prefixes_in)


def rules_out(inventory: Inventory, movement: Movement) -> Iterator[DeviceRule]:
    """What devices hold for what leaves."""
    yield from _rules(inventory, movement, movement.lines_out, movement.trunks_out, movement.pairs_out)
    yield from _steering_rules(inventory, movement, movement.steering_out, movement.prefixes_out)


def _rules(
    inventory: Inventory,
    movement: Movement,
    lines: Iterable[PlacedLine],
    trunks: Iterable[Trunk],
    pairs: Iterable[TrunkPair],
) -> Iterator[DeviceRule]:
    topology = inventory.topology
    known_trunks = _trunks(inventory, movement)
    known_pairs = {**inventory.pairs, **{pair.key: pair for pair in movement.pairs_in}}
    for trunk in trunks:
        yield from trunk_rules(topology, trunk)
    for pair in pairs:
        yield from pair_rules(topology, pair, known_trunks)
    for placed in lines:
        yield from line_rules(topology, placed, known_trunks, known_pairs)
        yield from circuit_rules(topology, placed)


def _steering_rules(
    inventory: Inventory, movement: Movement, steering: Steering | None, prefixes: PrefixTable | None
) -> Iterator[DeviceRule]:
    """A table of prefixes that does not change is left out on both sides: it is long."""
    if steering is None:
        return
    table = NO_PREFIXES if prefixes is None else prefixes
    yield from steering_rules(inventory.topology, steering, table, _trunks(inventory, movement))


def _trunks(inventory: Inventory, movement: Movement) -> dict[int, Trunk]:
    """Those before and after."""
    return {**inventory.trunks, **{trunk.label: trunk for trunk in movement.trunks_in}}
