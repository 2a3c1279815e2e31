"""What a cycle is told of gateways and links -> what egress is planned with."""

from __future__ import annotations

from fractions import Fraction

from controller.compiler.egress_conditions import Conditions
from controller.compiler.egress_elsewhere import measured_elsewhere
from controller.compiler.egress_routes import EgressRoutes
from controller.compiler.steering.edges import without_next_hop
from controller.compiler.steering.inputs import SteeringInputs
from controller.domain.steering import Steering


def conditions_of(
    routes: EgressRoutes, steering: Steering, inputs: SteeringInputs, scale: Fraction = Fraction(1)
) -> Conditions:
    """``steering``: how traffic leaves now. ``scale``: of the traffic to addresses that no prefix is known for so many
    times what is measured is expected."""
    return Conditions(
        closed=inputs.gateways_away | without_next_hop(routes.network.topology),
        months=inputs.months,
        quality=inputs.quality,
        taken=measured_elsewhere(routes, steering, inputs, scale),
    )
