"""How much is sent from where to where in which class: by a demand matrix where there is one, else as policies declare.

A row of a matrix is all traffic of a class from a node to a region. Where one policy is for that, the row is its rate,
whatever the policy declares. Where several share it, told apart by prefixes, those with prefixes keep what they declare
and the one for the whole region has the rest of the row. A row that no policy is for is an aggregate of its own.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from controller.domain.egress import EgressPolicy, TrafficClass
from controller.domain.errors import Fault, Reason
from controller.domain.topology import Topology
from controller.domain.units import format_rate

Flow = tuple[str, str, TrafficClass]
"""A source node, a destination region, a class."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DemandRow:
    """What a matrix says of one node, one region abroad and one class; there is one row for each."""

    source: str
    to_region: str
    traffic_class: TrafficClass
    rate_bps: int

    @property
    def flow(self) -> Flow:
        return (self.source, self.to_region, self.traffic_class)


@dataclass(frozen=True, slots=True, kw_only=True)
class Aggregate:
    """Traffic that gateways are chosen for. ``policy``: by index, the one whose constraints hold; ``None``: there are
    none. ``from_matrix``: a matrix gives the rate."""

    source: str
    to_region: str
    traffic_class: TrafficClass
    rate_bps: int
    policy: int | None
    from_matrix: bool = False


def aggregates_of(
    policies: Sequence[EgressPolicy], rows: Sequence[DemandRow], topology: Topology
) -> tuple[Aggregate, ...]:
    """By policy and source, then the rows that no policy is for; what is 0 is left out. ``check_rows`` has passed."""
    row_of = {row.flow: row for row in rows}
    declared = [_declared(policy, topology) for policy in policies]
    claims = _claims(policies, declared)
    found: list[Aggregate] = []
    for index, policy in enumerate(policies):
        for source, declared_bps in declared[index].items():
            flow = (source, policy.to_region, policy.traffic_class)
            row = row_of.get(flow)
            rate_bps = declared_bps
            if row is not None and len(claims[flow]) == 1:
                rate_bps = row.rate_bps
            elif row is not None and not policy.prefixes:
                rate_bps = row.rate_bps - _for_prefixes(claims[flow], policies, declared, source)
            if rate_bps:
                found.append(_aggregate(flow, rate_bps, index, row is not None))
    found += [_aggregate(row.flow, row.rate_bps, None, True) for row in rows if row.flow not in claims and row.rate_bps]
    return tuple(found)


def measured(policies: Sequence[EgressPolicy], rows: Sequence[DemandRow], topology: Topology) -> frozenset[int]:
    """The policies, by index, whose demand is known: declared, or given by a row for any of their sources."""
    flows = {row.flow for row in rows}
    return frozenset(
        index
        for index, policy in enumerate(policies)
        if policy.demand_bps is not None
        or any(
            (source, policy.to_region, policy.traffic_class) in flows for source in policy.sources.resolved(topology)
        )
    )


def check_rows(rows: Sequence[DemandRow], policies: Sequence[EgressPolicy], topology: Topology) -> Iterator[Fault]:
    """Rows of which it cannot be told how much is whose; ``Fault.document`` is the index of the row."""
    declared = [_declared(policy, topology) for policy in policies]
    claims = _claims(policies, declared)
    for index, row in enumerate(rows):
        claimed = [policies[number] for number in claims.get(row.flow, ())]
        if len(claimed) < 2:
            continue
        narrow = [policy for policy in claimed if policy.prefixes]
        names = ", ".join(f"{policy.tenant}/{policy.name}" for policy in narrow)
        message = ""
        if any(policy.demand_bps is None for policy in narrow):
            message = f"{names} are for some of this by prefix, and a row does not tell how much: declare their demand"
        elif len(narrow) == len(claimed):
            message = (
                f"{names} share this by prefix, and a row does not tell how much is whose: leave the row out, "
                "or write a policy for the whole region"
            )
        else:
            taken_bps = _for_prefixes(claims[row.flow], policies, declared, row.source)
            if taken_bps > row.rate_bps:
                message = (
                    f"{format_rate(row.rate_bps)} is less than what {names} declare for prefixes of it, "
                    f"{format_rate(taken_bps)}: the row is for all traffic to the region"
                )
        if message:
            yield Fault(reason=Reason.INVALID_VALUE, message=message, field="rate", document=index)


def scaled(aggregates: Sequence[Aggregate], factor: Fraction) -> tuple[Aggregate, ...]:
    """With every rate so many times what it was, rounded down; what is then 0 is left out."""
    grown = (replace(one, rate_bps=one.rate_bps * factor.numerator // factor.denominator) for one in aggregates)
    return tuple(one for one in grown if one.rate_bps)


def equal_parts(rate_bps: int, among: Sequence[str]) -> dict[str, int]:
    """A rate in equal parts, to the last bit: the first ones have what does not divide."""
    share, rest = divmod(rate_bps, len(among))
    return {name: share + (position < rest) for position, name in enumerate(among)}


def _aggregate(flow: Flow, rate_bps: int, policy: int | None, from_matrix: bool) -> Aggregate:
    source, to_region, traffic_class = flow
    return Aggregate(
        source=source,
        to_region=to_region,
        traffic_class=traffic_class,
        rate_bps=rate_bps,
        policy=policy,
        from_matrix=from_matrix,
    )


def _claims(policies: Sequence[EgressPolicy], declared: Sequence[Mapping[str, int]]) -> Mapping[Flow, list[int]]:
    """Which policies, by index, are for a flow."""
    found: defaultdict[Flow, list[int]] = defaultdict(list)
    for index, policy in enumerate(policies):
        for source in declared[index]:
            found[source, policy.to_region, policy.traffic_class].append(index)
    return dict(found)


def _declared(policy: EgressPolicy, topology: Topology) -> dict[str, int]:
    """By source; nothing is known to come from any if the demand is measured."""
    return equal_parts(policy.demand_bps if policy.demand_bps is not None else 0, policy.sources.resolved(topology))


def _for_prefixes(
    claimed: Sequence[int], policies: Sequence[EgressPolicy], declared: Sequence[Mapping[str, int]], source: str
) -> int:
    """What policies with prefixes declare, together, for one source."""
    return sum(declared[index][source] for index in claimed if policies[index].prefixes)
