"""Egress policies against the network that lines leave: what the optimiser is asked, and what its answer means.

Lines come first: of a link, egress gets a share of the capacity less what lines reserve. Traffic follows the route of
least delay from its source to the gateway, which is found once and does not depend on how full links are.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from controller.compiler.plan import EgressAssignment, LinkUse, Plan, Verdict
from controller.domain.egress import EgressPolicy, TrafficClass
from controller.domain.errors import Binding, Reason, Refusal, Relaxation
from controller.domain.placement import PlacedPath
from controller.domain.topology import Direction, Gateway, PerDirection, Topology
from controller.domain.units import format_delay, format_rate
from controller.egress.answer import Answer
from controller.egress.certificate import Certificate, certify
from controller.egress.instance import (
    ALL_GATEWAYS,
    ANY_DELAY,
    CLASSES,
    NOWHERE,
    UNREACHABLE,
    Demand,
    Exits,
    Inside,
    Instance,
    shares_of,
)
from controller.egress.solving import solve
from controller.paths.budget import Budget
from controller.paths.finding import find_path
from controller.paths.network import Network
from controller.paths.request import PathRequest

Arc = tuple[str, Direction]
MOST_GATEWAYS_NAMED = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class EgressPlan:
    """``verdicts`` in the order of the policies; ``bps`` what goes over each direction of a link; ``price_ns`` of the
    gateways that have one: by how much faster a bit would be if they had room for one more."""

    verdicts: tuple[Verdict, ...]
    bps: Mapping[Arc, int]
    price_ns: Mapping[str, float]
    certificate: Certificate | None

    def added_to(self, plan: Plan) -> Plan:
        """The plan of lines, with the policies behind them and with what they send over links."""
        links = tuple(replace(use, egress_bps=self.bps.get((use.link, use.direction), 0)) for use in plan.links)
        return replace(plan, verdicts=(*plan.verdicts, *self.verdicts), links=links)


def plan_egress(network: Network, links: Iterable[LinkUse], policies: Sequence[EgressPolicy]) -> EgressPlan:
    """Choose gateways for what the policies ask. ``links`` says what lines have reserved, both directions of each."""
    known = [policy for policy in policies if policy.demand_bps is not None]
    if not known:
        return EgressPlan(verdicts=tuple(map(_unmeasured, policies)), bps={}, price_ns={}, certificate=None)
    asked = _Asked(network, links, known)
    answer = solve(asked.instance)
    certificate = certify(asked.instance, answer)
    verdicts = {verdict.key: verdict for verdict in asked.verdicts(answer)}
    bps: Counter[Arc] = Counter()
    for verdict in verdicts.values():
        for assignment in verdict.assignments:
            for arc in _arcs(network.topology, assignment.nodes, assignment.links):
                bps[arc] += assignment.rate_bps
    return EgressPlan(
        verdicts=tuple(verdicts.get(policy.key) or _unmeasured(policy) for policy in policies),
        bps=bps,
        price_ns=asked.prices(answer),
        certificate=certificate,
    )


def _unmeasured(policy: EgressPolicy) -> Verdict:
    message = f"the demand of {policy.tenant}/{policy.name} is to be measured, and nothing has been measured yet"
    refusal = Refusal(
        reason=Reason.INVALID_VALUE,
        message=f"{message}: declare a rate",
        relaxations=(Relaxation(field="spec.demand", value="a rate"),),
    )
    return Verdict(key=policy.key, refusals=(refusal,))


class _Asked:
    """The instance of some policies, and the way back from its numbers to names."""

    def __init__(self, network: Network, links: Iterable[LinkUse], policies: Sequence[EgressPolicy]) -> None:
        self._network = network
        self._topology = network.topology
        self._policies = policies
        self._gateways = self._topology.gateways
        self._sources = sorted({node for policy in policies for node in policy.sources.resolved(self._topology)})
        self._groups = sorted({policy.to_region for policy in policies})
        self._routes = {
            (source, gateway.name): self._route(source, gateway)
            for source in self._sources
            for gateway in self._gateways
        }
        self._of: list[tuple[int, str]] = []
        """Of each aggregate: its policy by number, and its source."""
        self._serves = [dict(gateway.delays_ns) for gateway in self._gateways]
        inside = self._inside({(use.link, use.direction): use for use in links})
        self.instance = Instance(demand=self._demand(), exits=self._exits(), inside=inside)

    def _route(self, source: str, gateway: Gateway) -> PlacedPath | None:
        request = PathRequest(a=source, z=gateway.node, cir_bps=PerDirection.both(0))
        return find_path(self._network, request, Budget())

    def _inside(self, use: Mapping[Arc, LinkUse]) -> Inside:
        number = {arc: index for index, arc in enumerate(use)}
        delays = np.full((len(self._sources), len(self._gateways)), UNREACHABLE, np.int64)
        starts, crossed = [0], []
        for row, source in enumerate(self._sources):
            for column, gateway in enumerate(self._gateways):
                path = self._routes[source, gateway.name]
                if path is not None:
                    delays[row, column] = path.delay_ns.a_to_z
                    crossed += [number[arc] for arc in _arcs(self._topology, path.route.nodes, path.route.links)]
                starts.append(len(crossed))
        shares = shares_of(np.array([one.capacity_bps for one in use.values()], np.int64))
        reserved = np.array([one.reserved_bps for one in use.values()], np.int64)
        return Inside(
            delay_ns=delays,
            starts=np.array(starts, np.int32),
            links=np.array(crossed, np.int32),
            usable_bps=np.maximum(shares - reserved, 0),
        )

    def _exits(self) -> Exits:
        capacity = np.array([gateway.capacity_bps for gateway in self._gateways], np.int64)
        beyond = [[serves.get(group, UNREACHABLE) for group in self._groups] for serves in self._serves]
        return Exits(
            capacity_bps=capacity,
            usable_bps=shares_of(capacity),
            beyond_ns=np.array(beyond, np.int64).reshape(len(self._gateways), len(self._groups)),
            fee_ns=np.zeros(len(self._gateways), np.int64),
        )

    def _demand(self) -> Demand:
        rates: list[int] = []
        for index, policy in enumerate(self._policies):
            assert policy.demand_bps is not None
            sources = policy.sources.resolved(self._topology)
            share, rest = divmod(policy.demand_bps, len(sources))
            for position, source in enumerate(sources):
                self._of.append((index, source))
                rates.append(share + (position < rest))
        policies = [self._policies[index] for index, _ in self._of]
        bounds = [ANY_DELAY if policy.max_delay_ns is None else policy.max_delay_ns for policy in policies]
        return Demand(
            source=np.array([self._sources.index(source) for _, source in self._of], np.int32),
            group=np.array([self._groups.index(policy.to_region) for policy in policies], np.int32),
            service_class=np.array([CLASSES.index(policy.traffic_class) for policy in policies], np.int8),
            rate_bps=np.array(rates, np.int64),
            max_delay_ns=np.array(bounds, np.int64),
            allowed=np.array([self._mask(policy.gateways.admits) for policy in policies], np.uint64),
            preferred=np.array(
                [
                    self._mask(policy.gateways.prefer.__contains__) if policy.gateways.prefer else ALL_GATEWAYS
                    for policy in policies
                ],
                np.uint64,
            ),
            previous=np.full(len(rates), NOWHERE, np.int32),
            whole=np.zeros(len(rates), np.bool_),
        )

    def _mask(self, admits: Callable[[str], bool]) -> int:
        return sum(1 << number for number, gateway in enumerate(self._gateways) if admits(gateway.name))

    def prices(self, answer: Answer) -> dict[str, float]:
        found = zip(self._gateways, answer.prices.gateway.tolist(), strict=True)
        return {gateway.name: price_ns for gateway, price_ns in found if price_ns > 0}

    def verdicts(self, answer: Answer) -> Iterable[Verdict]:
        carried: defaultdict[int, list[EgressAssignment]] = defaultdict(list)
        shares = answer.shares
        columns = (shares.aggregate.tolist(), shares.gateway.tolist(), shares.rate_bps.tolist())
        for aggregate, gateway, rate_bps in zip(*columns, strict=True):
            index, source = self._of[aggregate]
            carried[index].append(self._assignment(self._policies[index], source, self._gateways[gateway], rate_bps))
        for index, policy in enumerate(self._policies):
            yield self._verdict(policy, carried[index])

    def _assignment(self, policy: EgressPolicy, source: str, gateway: Gateway, rate_bps: int) -> EgressAssignment:
        path = self._routes[source, gateway.name]
        assert path is not None, "traffic was sent where no route leads"
        return EgressAssignment(
            source=source,
            gateway=gateway.name,
            traffic_class=policy.traffic_class,
            rate_bps=rate_bps,
            delay_ns=path.delay_ns.a_to_z + dict(gateway.delays_ns)[policy.to_region],
            nodes=path.route.nodes,
            links=path.route.links,
        )

    def _verdict(self, policy: EgressPolicy, carried: list[EgressAssignment]) -> Verdict:
        assert policy.demand_bps is not None
        missing_bps = policy.demand_bps - sum(assignment.rate_bps for assignment in carried)
        refusals = (self._refusal(policy, missing_bps),) if missing_bps else ()
        return Verdict(key=policy.key, refusals=refusals, assignments=tuple(carried))

    def _refusal(self, policy: EgressPolicy, missing_bps: int) -> Refusal:
        """Why so much of a policy's demand is not carried: the first of no gateway, too far, no room that some of its
        sources meet."""
        group = policy.to_region
        serving = [gateway for gateway in self._gateways if group in dict(gateway.delays_ns)]
        eligible = [gateway for gateway in serving if policy.gateways.admits(gateway.name)]
        if not eligible:
            names = ", ".join(gateway.name for gateway in serving[:MOST_GATEWAYS_NAMED])
            message = f"no gateway that may be used serves {group}; {names} do, and are not allowed, or denied"
            return Refusal(reason=Reason.NO_ELIGIBLE_GATEWAY, message=message)
        sources = policy.sources.resolved(self._topology)
        least = {source: self._least(source, eligible, group) for source in sources}
        cut_off = [source for source, one in least.items() if one is None]
        if cut_off:
            message = f"no route in service leads from {', '.join(cut_off)} to a gateway that serves {group}"
            return Refusal(reason=Reason.NO_ELIGIBLE_GATEWAY, message=message, binding=Binding(nodes=tuple(cut_off)))
        slowest_ns = max(one for one in least.values() if one is not None)
        if policy.max_delay_ns is not None and slowest_ns > policy.max_delay_ns:
            message = (
                f"{format_rate(missing_bps)} cannot be within {format_delay(policy.max_delay_ns)}: "
                f"the least delay to {group} is {format_delay(slowest_ns)}"
            )
            return Refusal(
                reason=Reason.DELAY_BOUND_UNREACHABLE,
                message=message,
                relaxations=(Relaxation(field="spec.maxDelay", value=format_delay(slowest_ns)),),
                binding=Binding(least_delay_ns=slowest_ns),
            )
        assert policy.demand_bps is not None
        room = ", ".join(f"{gateway.name} {format_rate(gateway.capacity_bps)}" for gateway in eligible)
        message = (
            f"{format_rate(missing_bps)} of {format_rate(policy.demand_bps)} are not carried: 95% of the gateways that "
            f"may be used ({room}), and of the links that lead there, are taken by what goes first"
        )
        carried_bps = policy.demand_bps - missing_bps
        would_do = (Relaxation(field="spec.demand", value=format_rate(carried_bps)),) if carried_bps else ()
        return Refusal(reason=Reason.GATEWAY_CAPACITY, message=message, relaxations=would_do)

    def _least(self, source: str, eligible: Iterable[Gateway], group: str) -> int | None:
        found = (
            path.delay_ns.a_to_z + dict(gateway.delays_ns)[group]
            for gateway in eligible
            if (path := self._routes[source, gateway.name]) is not None
        )
        return min(found, default=None)


def _arcs(topology: Topology, nodes: Sequence[str], links: Sequence[str]) -> list[Arc]:
    """The direction of each link in which a route crosses it."""
    hops = zip(links, pairwise(nodes), strict=True)
    return [(name, topology.link[name].direction_from(tail)) for name, (tail, _) in hops]


assert tuple(TrafficClass) == CLASSES, "both list the classes in the order in which they are carried"
