"""The rules that follow from what is placed: what a movement brings to devices and takes away, in which rounds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from controller.compiler.flips import order_flips
from controller.compiler.inventory import Inventory
from controller.compiler.plan import LinkUse, Movement, Round
from controller.compiler.rounds import diff, in_rounds
from controller.compiler.rules import DeviceRule, circuit_rules, line_rules, pair_rules, trunk_rules
from controller.compiler.steering.rules import steering_rules
from controller.domain.placement import PlacedLine, Trunk, TrunkPair
from controller.domain.steering import PrefixTable, Steering

NO_PREFIXES = PrefixTable()


def rounds(inventory: Inventory, movement: Movement, after: Iterable[LinkUse]) -> tuple[Round, ...]:
    """What changes on devices, in order; ``after``: what lines reserve in the end."""
    flips = order_flips(inventory.topology, movement.lines_out, movement.lines_in, after)
    return in_rounds(diff(rules_out(inventory, movement), rules_in(inventory, movement)), flips)


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
    known_trunks = {**inventory.trunks, **{trunk.label: trunk for trunk in movement.trunks_in}}
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
    trunks = {**inventory.trunks, **{trunk.label: trunk for trunk in movement.trunks_in}}
    yield from steering_rules(inventory.topology, steering, NO_PREFIXES if prefixes is None else prefixes, trunks)
