"""Egress planned: policies and a demand matrix to who leaves by which gateway, and why not."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from controller.compiler.egress_asking import Asked, arcs
from controller.compiler.egress_conditions import AS_DECLARED, NOTHING_TAKEN, Arc, Conditions, Taken
from controller.compiler.egress_damping import UNDAMPED, Before, Damping, FlowKey, HeldMove, Memory, damp, leaving
from controller.compiler.egress_refusals import refusal, unmeasured
from controller.compiler.egress_routes import EgressRoutes
from controller.compiler.plan import EgressAssignment, LinkUse, Plan, Verdict
from controller.domain.egress import EgressPolicy, is_carried
from controller.domain.egress_demand import Aggregate, DemandRow, aggregates_of, measured, scaled
from controller.domain.errors import Fault, InvalidInput, Reason, Refusal
from controller.domain.topology import Topology
from controller.egress.answer import Answer
from controller.egress.certificate import Certificate, certify
from controller.egress.damping import USUAL_LIMITS, Limits
from controller.egress.instance import MOST_AGGREGATES, MOST_GATEWAYS
from controller.egress.solving import solve


@dataclass(frozen=True, slots=True, kw_only=True)
class Unpoliced:
    """Traffic of a demand matrix that no policy is for: where it leaves, without constraints, and why not all of it."""

    aggregate: Aggregate
    assignments: tuple[EgressAssignment, ...]
    refusal: Refusal | None

    @property
    def carried_bps(self) -> int:
        return sum(one.rate_bps for one in self.assignments)


@dataclass(frozen=True, slots=True, kw_only=True)
class Solved:
    """What was asked and answered, for those who want to know why; the certificate is of the two."""

    asked: Asked
    answer: Answer
    certificate: Certificate


@dataclass(frozen=True, slots=True, kw_only=True)
class EgressPlan:
    """``verdicts`` in the order of the policies, ``unpoliced`` in that of the matrix; ``bps`` what goes over each
    direction of a link, with what is ``taken`` there; ``price_ns`` of the gateways that have one: by how much faster a
    bit would be if they had room for one more. ``solved``: ``None`` if no traffic is known.

    Where it is known how traffic left before, ``solved`` is what leaves where in this cycle; ``optimum``, what would be
    if moving cost nothing, and ``damping``, what moves and what is held back, are beside it. The certificate is then
    that of a network in which what could not be moved yet has room where it is."""

    verdicts: tuple[Verdict, ...]
    unpoliced: tuple[Unpoliced, ...] = ()
    bps: Mapping[Arc, int]
    price_ns: Mapping[str, float]
    solved: Solved | None
    optimum: Solved | None = None
    damping: Damping = UNDAMPED
    taken: Taken = NOTHING_TAKEN

    @property
    def moved_bps(self) -> int:
        return self.damping.moved_bps

    @property
    def held(self) -> tuple[HeldMove, ...]:
        return self.damping.held

    @property
    def memory(self) -> Memory:
        """What the next cycle is to be told of this one, beside ``leaving``."""
        return self.damping.memory

    @property
    def leaving(self) -> dict[FlowKey, dict[str, int]]:
        """Bits a second by flow and gateway: the next cycle's ``before``."""
        return {} if self.solved is None else leaving(self.solved.asked, self.solved.answer.shares)

    @property
    def missing_bps(self) -> dict[int, int]:
        """By index: what is asked for and not carried, of policies whose demand is known."""
        asked: Counter[int] = Counter()
        for one in self.solved.asked.aggregates if self.solved is not None else ():
            if one.policy is not None:
                asked[one.policy] += one.rate_bps
        return {
            index: bps - sum(one.rate_bps for one in self.verdicts[index].assignments) for index, bps in asked.items()
        }

    @property
    def certificate(self) -> Certificate | None:
        return None if self.solved is None else self.solved.certificate

    def added_to(self, plan: Plan) -> Plan:
        """The plan of lines, with the policies behind them and with what they send over links."""
        return replace(plan, verdicts=(*plan.verdicts, *self.verdicts), links=self.over(plan.links))

    def over(self, links: Iterable[LinkUse]) -> tuple[LinkUse, ...]:
        """The links, with what is sent over them."""
        return tuple(replace(use, egress_bps=self.bps.get((use.link, use.direction), 0)) for use in links)


def plan_egress(
    routes: EgressRoutes,
    links: Iterable[LinkUse],
    policies: Sequence[EgressPolicy],
    rows: Sequence[DemandRow] = (),
    scale: Fraction = Fraction(1),
    *,
    before: Before | None = None,
    limits: Limits = USUAL_LIMITS,
    memory: Memory | None = None,
    urgent: bool = False,
    conditions: Conditions = AS_DECLARED,
) -> EgressPlan:
    """Choose gateways for what policies and the ``rows`` of a demand matrix ask, or ``scale`` times that. ``links``
    says what lines have reserved, both directions of each; ``routes``: where traffic goes inside the network.
    ``InvalidInput``: there are more gateways or aggregates than can be planned for.

    ``before``: how traffic leaves now (``EgressPlan.leaving`` of the cycle before). Then only what the ``limits`` allow
    moves; ``memory`` is that of the plan before, and ``urgent``: only what is needed moves, at once, however much it
    is. Without ``before`` everything is as if nothing had left yet."""
    topology, taken = routes.network.topology, conditions.taken
    known = measured(policies, rows, topology)
    aggregates = scaled(aggregates_of(policies, rows, topology), scale)
    if not aggregates:
        verdicts = _verdicts(policies, known, {}, None)
        return EgressPlan(verdicts=verdicts, bps=taken.links, price_ns={}, solved=None, taken=taken)
    _must_be_askable(topology, aggregates)
    asked = Asked(routes, links, policies, aggregates, conditions)
    answer = solve(asked.instance)
    optimum = solved = Solved(asked=asked, answer=answer, certificate=certify(asked.instance, answer))
    damping = UNDAMPED
    if before is not None:
        damping, answer, within = damp(asked, answer, before, limits, {} if memory is None else memory, urgent=urgent)
        solved = Solved(asked=asked, answer=answer, certificate=certify(within, answer))
    carried = _carried(asked, answer)
    verdicts = _verdicts(policies, known, carried, asked)
    unpoliced = tuple(
        _unpoliced(asked, aggregate, carried.get(number, []))
        for number, aggregate in enumerate(aggregates)
        if aggregate.policy is None
    )
    bps: Counter[Arc] = Counter(taken.links)
    for assignments in carried.values():
        for one in assignments:
            for arc in arcs(topology, one.nodes, one.links):
                bps[arc] += one.rate_bps
    prices = zip(asked.gateways, answer.prices.gateway.tolist(), strict=True)
    return EgressPlan(
        verdicts=verdicts,
        unpoliced=unpoliced,
        bps=bps,
        price_ns={gateway.name: price_ns for gateway, price_ns in prices if price_ns > 0},
        solved=solved,
        optimum=optimum,
        damping=damping,
        taken=taken,
    )


def _must_be_askable(topology: Topology, aggregates: Sequence[Aggregate]) -> None:
    """``InvalidInput`` beyond the limits of the optimiser."""
    for what, count, most in (
        ("gateways", len(topology.gateways), MOST_GATEWAYS),
        ("aggregates", len(aggregates), MOST_AGGREGATES),
    ):
        if count > most:
            message = f"{count} {what} are more than egress is planned for: at most {most}"
            raise InvalidInput((Fault(reason=Reason.INVALID_VALUE, message=message),))


def _carried(asked: Asked, answer: Answer) -> dict[int, list[EgressAssignment]]:
    """The assignments of each aggregate, by number, that has any."""
    found: defaultdict[int, list[EgressAssignment]] = defaultdict(list)
    shares = answer.shares
    columns = (shares.aggregate.tolist(), shares.gateway.tolist(), shares.rate_bps.tolist())
    for number, gateway, rate_bps in zip(*columns, strict=True):
        found[number].append(_assignment(asked, asked.aggregates[number], gateway, rate_bps))
    return dict(found)


def _assignment(asked: Asked, aggregate: Aggregate, number: int, rate_bps: int) -> EgressAssignment:
    gateway = asked.gateways[number]
    path = asked.route(aggregate.source, gateway)
    assert path is not None, "traffic was sent where no route leads"
    return EgressAssignment(
        source=aggregate.source,
        gateway=gateway.name,
        traffic_class=aggregate.traffic_class,
        rate_bps=rate_bps,
        delay_ns=path.delay_ns.a_to_z + asked.serves[number][aggregate.to_region],
        nodes=path.route.nodes,
        links=path.route.links,
    )


def _verdicts(
    policies: Sequence[EgressPolicy],
    known: frozenset[int],
    carried: Mapping[int, Sequence[EgressAssignment]],
    asked: Asked | None,
) -> tuple[Verdict, ...]:
    members: defaultdict[int, list[int]] = defaultdict(list)
    for number, aggregate in enumerate(asked.aggregates if asked is not None else ()):
        if aggregate.policy is not None:
            members[aggregate.policy].append(number)
    found: list[Verdict] = []
    for index, policy in enumerate(policies):
        if index not in known:
            found.append(Verdict(key=policy.key, refusals=(unmeasured(policy),)))
        elif asked is None:  # a matrix says that there is nothing to carry
            found.append(Verdict(key=policy.key))
        else:
            found.append(_verdict(asked, policy, members[index], carried))
    return tuple(found)


def _verdict(
    asked: Asked, policy: EgressPolicy, members: Sequence[int], carried: Mapping[int, Sequence[EgressAssignment]]
) -> Verdict:
    assignments = tuple(one for number in members for one in carried.get(number, ()))
    aggregates = [asked.aggregates[number] for number in members]
    demand_bps = sum(one.rate_bps for one in aggregates)
    carried_bps = sum(one.rate_bps for one in assignments)
    if is_carried(demand_bps, carried_bps):
        return Verdict(key=policy.key, assignments=assignments)
    declared = not any(one.from_matrix for one in aggregates)
    sources = [one.source for one in aggregates]
    why = refusal(asked, policy, policy.to_region, sources, demand_bps, carried_bps, declared=declared)
    return Verdict(key=policy.key, refusals=(why,), assignments=assignments)


def _unpoliced(asked: Asked, aggregate: Aggregate, assignments: Sequence[EgressAssignment]) -> Unpoliced:
    carried_bps = sum(one.rate_bps for one in assignments)
    why = None
    if not is_carried(aggregate.rate_bps, carried_bps):
        sources = [aggregate.source]
        why = refusal(asked, None, aggregate.to_region, sources, aggregate.rate_bps, carried_bps, declared=False)
    return Unpoliced(aggregate=aggregate, assignments=tuple(assignments), refusal=why)
