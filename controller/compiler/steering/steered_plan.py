"""From what a decision about internet traffic starts from to a plan that can be carried out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from controller.compiler.derived import ordered_rounds
from controller.compiler.inventory import Inventory, only_in
from controller.compiler.plan import LinkUse, Plan
from controller.compiler.steering.inputs import SteeringInputs, SteeringPlan
from controller.compiler.steering.moved import moved_bps
from controller.compiler.steering.steerer import Steerer
from controller.paths.network import Network


def steering_plan(
    network: Network, inventory: Inventory, steerer: Steerer, links: Sequence[LinkUse], inputs: SteeringInputs
) -> SteeringPlan:
    """By which ways internet traffic is to leave beside what lines reserve (``links``), and the changes that lead
    there. Leaves everything as it was; but where nothing changes, what is decided is what is steered."""
    from controller.compiler.held_words import held_words  # knows the optimiser, as what is steered does

    before, trunks_before = inventory.steering, dict(inventory.trunks)
    with network.trial(), inventory.trial():
        found = steerer.next(links, inputs)
        steered = steerer.movement(before, found)
        for trunk in inventory.idle_trunks():
            inventory.drop_trunk(trunk)
        trunks_after = dict(inventory.trunks)
    movement = replace(
        steered, trunks_out=only_in(trunks_before, trunks_after), trunks_in=only_in(trunks_after, trunks_before)
    )
    ordered = ordered_rounds(inventory, movement, links, links, inputs.measured)
    plan = Plan(
        topology=network.topology.name,
        verdicts=(),
        movement=movement,
        links=found.egress.over(links),
        rounds=ordered.rounds,
        exceeded=ordered.exceeded,
        steered=None if movement.steering_in is None else found.assignments,
    )
    if not plan.changes_something:
        steerer.stays(found)
    return SteeringPlan(
        plan=plan,
        egress=found.egress,
        moved_bps=moved_bps(before, found.steering),
        held=tuple(map(held_words, found.egress.held)),
        memory=found.egress.memory,
        nodes_away=inputs.nodes_away,
        prefixes_left=found.prefixes_left,
    )
