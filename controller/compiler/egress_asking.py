"""What the optimiser is asked: aggregates, gateways and the network that lines leave, as arrays; and the way back from
its numbers to names.

Lines come first: of a link, egress gets a share of the capacity less what lines reserve. Traffic follows the route of
least delay from its source to the gateway, which is found once and does not depend on how full links are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import pairwise

import numpy as np

from controller.compiler.egress_conditions import AS_DECLARED, Arc, Conditions
from controller.compiler.egress_routes import EgressRoutes
from controller.compiler.plan import LinkUse
from controller.domain.egress import EgressPolicy, GatewayChoice, TrafficClass
from controller.domain.egress_demand import Aggregate
from controller.domain.gateway_quality import with_measured
from controller.domain.placement import PlacedPath
from controller.domain.topology import CostModel, Gateway, Topology
from controller.egress.billing import NS_PER_PRICE
from controller.egress.instance import (
    ALL_GATEWAYS,
    ANY_DELAY,
    ANY_LOSS,
    CLASSES,
    NOWHERE,
    UNKNOWN_LOSS,
    UNREACHABLE,
    Demand,
    Exits,
    Inside,
    Instance,
    Int32s,
    shares_of,
)

ANY_GATEWAY = GatewayChoice()


class Asked:
    """The instance of some aggregates. ``arcs`` names the links of the instance, by number; ``gateways`` has the delay
    and loss that count under the ``conditions``."""

    def __init__(
        self,
        routes: EgressRoutes,
        links: Iterable[LinkUse],
        policies: Sequence[EgressPolicy],
        aggregates: Sequence[Aggregate],
        conditions: Conditions = AS_DECLARED,
    ) -> None:
        self.topology: Topology = routes.network.topology
        self.policies = policies
        self.aggregates = aggregates
        self.conditions = conditions
        self.gateways = with_measured(self.topology.gateways, conditions.quality)
        self.serves = [self._served(gateway) for gateway in self.gateways]
        """By gateway: the delay beyond it to each region that it serves."""
        self.losses_ppm = [dict(gateway.losses_ppm) for gateway in self.gateways]
        """By gateway: the loss beyond it to each region that anything is known of."""
        self._sources = sorted({one.source for one in aggregates})
        self._groups = sorted({one.to_region for one in aggregates})
        self._routes = {
            (source, gateway.name): routes.find(source, gateway.node)
            for source in self._sources
            for gateway in self.gateways
        }
        use = {(one.link, one.direction): one for one in links}
        self.arcs: tuple[Arc, ...] = tuple(use)
        self.instance = Instance(demand=self._demand(), exits=self._exits(), inside=self._inside(use))

    def policy_of(self, aggregate: Aggregate) -> EgressPolicy | None:
        """Whose constraints hold for it."""
        return None if aggregate.policy is None else self.policies[aggregate.policy]

    def _served(self, gateway: Gateway) -> dict[str, int]:
        return {} if gateway.name in self.conditions.closed else dict(gateway.delays_ns)

    def route(self, source: str, gateway: Gateway) -> PlacedPath | None:
        """From a source of some aggregate to a gateway's node."""
        return self._routes[source, gateway.name]

    def crossed(self, path: PlacedPath) -> list[Arc]:
        """The links of a route."""
        return arcs(self.topology, path.route.nodes, path.route.links)

    def _inside(self, use: Mapping[Arc, LinkUse]) -> Inside:
        number = {arc: index for index, arc in enumerate(use)}
        delays = np.full((len(self._sources), len(self.gateways)), UNREACHABLE, np.int64)
        starts, crossed = [0], []
        for row, source in enumerate(self._sources):
            for column, gateway in enumerate(self.gateways):
                path = self.route(source, gateway)
                if path is not None:
                    delays[row, column] = path.delay_ns.a_to_z
                    crossed += [number[arc] for arc in self.crossed(path)]
                starts.append(len(crossed))
        shares = shares_of(np.array([one.capacity_bps for one in use.values()], np.int64))
        gone = [one.reserved_bps + self.conditions.taken.links.get(arc, 0) for arc, one in use.items()]
        return Inside(
            delay_ns=delays,
            starts=np.array(starts, np.int32),
            links=np.array(crossed, np.int32),
            usable_bps=np.maximum(shares - np.array(gone, np.int64), 0),
        )

    def _exits(self) -> Exits:
        capacity = np.array([gateway.capacity_bps for gateway in self.gateways], np.int64)
        beyond = [[serves.get(group, UNREACHABLE) for group in self._groups] for serves in self.serves]
        usable = shares_of(capacity)
        fees = [int(gateway.cost.per_mbps * NS_PER_PRICE) for gateway in self.gateways]
        free = [self._free_bps(*one) for one in zip(self.gateways, usable.tolist(), strict=True)]
        gone = np.array([self.conditions.taken.gateways.get(gateway.name, 0) for gateway in self.gateways], np.int64)
        return Exits(
            capacity_bps=capacity,
            usable_bps=np.maximum(usable - gone, 0),
            beyond_ns=np.array(beyond, np.int64).reshape(len(self.gateways), len(self._groups)),
            fee_ns=np.array(fees, np.int64),
            free_bps=np.maximum(np.array(free, np.int64) - gone, 0),
            loss_ppm=self._losses(),
        )

    def _losses(self) -> Int32s | None:
        if not any(self.losses_ppm):
            return None
        found = [[known.get(group, UNKNOWN_LOSS) for group in self._groups] for known in self.losses_ppm]
        return np.array(found, np.int32).reshape(len(self.gateways), len(self._groups))

    def _free_bps(self, gateway: Gateway, usable_bps: int) -> int:
        if gateway.cost.model is not CostModel.PERCENTILE_95:
            return 0
        month = self.conditions.months.get(gateway.name)
        return min(gateway.cost.committed_bps, usable_bps) if month is None else month.free_bps(usable_bps)

    def _demand(self) -> Demand:
        source_number = {source: number for number, source in enumerate(self._sources)}
        group_number = {group: number for number, group in enumerate(self._groups)}
        class_number = {TrafficClass(name): number for number, name in enumerate(CLASSES)}
        allowed = [self._mask(policy.gateways.admits) for policy in self.policies]
        preferred = [
            self._mask(policy.gateways.prefer.__contains__) if policy.gateways.prefer else int(ALL_GATEWAYS)
            for policy in self.policies
        ]
        bounds = [ANY_DELAY if policy.max_delay_ns is None else policy.max_delay_ns for policy in self.policies]
        losses = [ANY_LOSS if policy.max_loss_ppm is None else policy.max_loss_ppm for policy in self.policies]
        limits = [0 if policy.gateways.at_most is None else policy.gateways.at_most for policy in self.policies]
        # Behind the policies' constraints, those of what no policy is for: none.
        allowed.append(self._mask(ANY_GATEWAY.admits))
        preferred.append(int(ALL_GATEWAYS))
        bounds.append(ANY_DELAY)
        losses.append(ANY_LOSS)
        limits.append(0)
        ruled = np.array(
            [len(self.policies) if one.policy is None else one.policy for one in self.aggregates], np.int64
        )
        count = len(self.aggregates)
        at_most = np.array(limits, np.int64)[ruled]
        return Demand(
            source=np.array([source_number[one.source] for one in self.aggregates], np.int32),
            group=np.array([group_number[one.to_region] for one in self.aggregates], np.int32),
            service_class=np.array([class_number[one.traffic_class] for one in self.aggregates], np.int8),
            rate_bps=np.array([one.rate_bps for one in self.aggregates], np.int64),
            max_delay_ns=np.array(bounds, np.int64)[ruled],
            allowed=np.array(allowed, np.uint64)[ruled],
            preferred=np.array(preferred, np.uint64)[ruled],
            previous=np.full(count, NOWHERE, np.int32),
            whole=at_most == 1,
            most_gateways=np.where(at_most == 1, 0, at_most).astype(np.int8),
            max_loss_ppm=np.array(losses, np.int32)[ruled] if min(losses) < ANY_LOSS else None,
        )

    def _mask(self, admits: Callable[[str], bool]) -> int:
        return sum(1 << number for number, gateway in enumerate(self.gateways) if admits(gateway.name))


def arcs(topology: Topology, nodes: Sequence[str], links: Sequence[str]) -> list[Arc]:
    """The direction of each link in which a route crosses it."""
    hops = zip(links, pairwise(nodes), strict=True)
    return [(name, topology.link[name].direction_from(tail)) for name, (tail, _) in hops]


assert tuple(TrafficClass) == CLASSES, "both list the classes in the order in which they are carried"
