"""The rules that an egress policy must keep to be planned at all: values, references, conflicts with other policies."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from ipaddress import ip_network
from itertools import pairwise
from typing import Final

from controller.domain.egress import EgressPolicy
from controller.domain.errors import Fault, Reason
from controller.domain.intents import IntentKey
from controller.domain.prefixes import parse_prefix
from controller.domain.topology import Role, Topology
from controller.domain.units import ALL_PPM, MAX_DELAY_NS, format_delay, format_loss, format_rate
from controller.domain.validation import MOST_NAMES, name_problem, unknown

MAX_DEMAND_BPS: Final = 10**13
"""Of one policy: more than any network sends abroad, and so a slip of the pen."""
MOST_AT_A_TIME: Final = 64
"""As many gateways as there can be (``egress.instance.MOST_GATEWAYS``)."""
MOST_PREFIXES: Final = 10_000
"""Of one policy."""


def check_policies(
    policies: Sequence[EgressPolicy], topology: Topology, place: Callable[[int], str] | None = None
) -> list[Fault]:
    """All that is wrong with policies that are asked for together; ``Fault.document`` is the index."""
    faults = [
        Fault(reason=fault.reason, message=fault.message, field=fault.field, document=index)
        for index, policy in enumerate(policies)
        for fault in (
            *check_policy_values(policy),
            *check_policy_references(policy, topology),
            *_check_abroad(policy, topology),
        )
    ]
    faults += _names(policies, place)
    faults += check_overlaps(policies, topology)
    return sorted(faults, key=lambda fault: fault.document)


def check_policy_values(policy: EgressPolicy) -> Iterator[Fault]:
    """What is wrong with a policy in any network."""

    def refused(field: str, message: str) -> Fault:
        return Fault(reason=Reason.INVALID_VALUE, message=message, field=field)

    for field, name in (("metadata.tenant", policy.tenant), ("metadata.name", policy.name)):
        problem = name_problem(name)
        if problem is not None:
            yield refused(field, problem)
    if not policy.sources.regions and not policy.sources.nodes:
        yield refused("spec.from", "names nobody: write regions or nodes")
    if policy.demand_bps is not None and not 0 < policy.demand_bps <= MAX_DEMAND_BPS:
        most = format_rate(MAX_DEMAND_BPS)
        yield refused(
            "spec.demand", f"{policy.demand_bps}bps is no demand: it must be more than 0bps and at most {most}"
        )
    if policy.max_delay_ns is not None and not 0 < policy.max_delay_ns <= MAX_DELAY_NS:
        most = format_delay(MAX_DELAY_NS)
        yield refused("spec.maxDelay", f"{policy.max_delay_ns}ns is no bound: it must be more than 0ns, at most {most}")
    if policy.max_loss_ppm is not None and not 0 <= policy.max_loss_ppm < ALL_PPM:
        told = format_loss(policy.max_loss_ppm)
        yield refused("spec.maxLoss", f"{told} is no bound: it must be at least 0%, and less than 100%")
    choice = policy.gateways
    if choice.allow and not set(choice.allow) - set(choice.deny):
        yield refused("spec.gateways.deny", "denies every gateway that is allowed")
    if choice.at_most is not None and not 1 <= choice.at_most <= MOST_AT_A_TIME:
        yield refused("spec.gateways.atMost", f"{choice.at_most} is no number of gateways: 1 to {MOST_AT_A_TIME}")
    for field, named, limit in _lists(policy):
        if len(named) > limit:
            yield refused(field, f"has {len(named)} names: at most {limit} are taken")
    for index, gateway in enumerate(choice.prefer[:MOST_NAMES]):
        if not choice.admits(gateway):
            yield refused(f"spec.gateways.prefer[{index}]", f"{gateway[:80]} is preferred, but not allowed")
    seen: set[str] = set()
    for index, prefix in enumerate(policy.prefixes[:MOST_PREFIXES]):
        if prefix in seen:
            yield refused(f"spec.to.prefixes[{index}]", f"{prefix} is named before")
        seen.add(prefix)


def check_policy_references(policy: EgressPolicy, topology: Topology) -> Iterator[Fault]:
    """Every name in a policy that the topology does not know."""
    pes = {node.name for node in topology.nodes if node.role is not Role.OTN}
    abroad = {region for gateway in topology.gateways for region, _ in gateway.delays_ns}
    gateways = [gateway.name for gateway in topology.gateways]
    choice = policy.gateways
    for field, what, names, known in (
        ("spec.from.regions", "region", policy.sources.regions, topology.regions),
        ("spec.from.nodes", "node", policy.sources.nodes, pes),
        ("spec.gateways.allow", "gateway", choice.allow, gateways),
        ("spec.gateways.deny", "gateway", choice.deny, gateways),
        ("spec.gateways.prefer", "gateway", choice.prefer, gateways),
    ):
        for index, name in enumerate(names[:MOST_NAMES]):
            if name not in known:
                yield unknown(f"{field}[{index}]", what, name, known)
    if policy.to_region not in abroad:
        yield unknown("spec.to.region", "region that a gateway serves", policy.to_region, abroad)
    if not policy.sources.resolved(topology) and set(policy.sources.regions) <= topology.regions:
        message = f"no PE is in {', '.join(policy.sources.regions)}: nobody sends from there"
        yield Fault(reason=Reason.INVALID_VALUE, message=message, field="spec.from.regions")


def _check_abroad(policy: EgressPolicy, topology: Topology) -> Iterator[Fault]:
    """What a site of ours has is never abroad, whoever says so: what is for it goes there, and by no gateway."""
    ours = [(parse_prefix(prefix), site.name) for site in topology.sites for prefix in site.prefixes]
    for index, written in enumerate(policy.prefixes[:MOST_PREFIXES]):
        named = parse_prefix(written)
        within = next((f"{prefix} of site {name}" for prefix, name in ours if prefix.covers(named)), None)
        if within is not None:
            message = f"{written} is in {within}, and not abroad: no gateway leads there"
            yield Fault(reason=Reason.INVALID_VALUE, message=message, field=f"spec.to.prefixes[{index}]")


def _lists(policy: EgressPolicy) -> tuple[tuple[str, tuple[str, ...], int], ...]:
    """(field, what it names, how much it may)."""
    return (
        ("spec.from.regions", policy.sources.regions, MOST_NAMES),
        ("spec.from.nodes", policy.sources.nodes, MOST_NAMES),
        ("spec.gateways.allow", policy.gateways.allow, MOST_NAMES),
        ("spec.gateways.deny", policy.gateways.deny, MOST_NAMES),
        ("spec.gateways.prefer", policy.gateways.prefer, MOST_NAMES),
        ("spec.to.prefixes", policy.prefixes, MOST_PREFIXES),
    )


def _names(policies: Sequence[EgressPolicy], place: Callable[[int], str] | None) -> Iterator[Fault]:
    first: dict[IntentKey, int] = {}
    for index, policy in enumerate(policies):
        before = first.setdefault(policy.key, index)
        if before != index:
            there = f" ({place(before)})" if place is not None else ""
            message = f"there is an {policy.key} before this one{there}: names are unique within a tenant"
            yield Fault(reason=Reason.NAME_TAKEN, message=message, field="metadata.name", document=index)


def check_overlaps(
    policies: Sequence[EgressPolicy], topology: Topology, *, standing: Sequence[EgressPolicy] = ()
) -> list[Fault]:
    """Of policies for the same sender and class, the one with the most specific prefix counts, and one for a whole
    region behind all of these. Two that are equally specific would both count: refused, also beside ``standing`` ones.
    So is a prefix that others, whoever sends, have in another region: it is in one.
    ``Fault.document`` is the index in ``policies``."""
    everyone = (*standing, *policies)
    claims: dict[tuple[str, str, str], list[tuple[int, str]]] = {}
    for index, policy in enumerate(everyone):
        for source in policy.sources.resolved(topology):
            for what in policy.prefixes or (f"region {policy.to_region}",):
                claims.setdefault((source, policy.traffic_class, _canonical(what)), []).append((index, what))
    told: set[tuple[int, int]] = set()
    faults = list(_two_regions(policies, standing))
    for (source, traffic_class, _), claimed in claims.items():
        for (first, _), (second, what) in pairwise(claimed):
            if first == second or (first, second) in told or second < len(standing):
                continue
            told.add((first, second))
            message = f"{traffic_class} traffic from {source} to {what} is what {everyone[first].key} is for, too"
            asked = second - len(standing)
            faults.append(Fault(reason=Reason.INVALID_VALUE, message=message, field="spec.to", document=asked))
    return faults


def _two_regions(policies: Sequence[EgressPolicy], standing: Sequence[EgressPolicy]) -> Iterator[Fault]:
    first: dict[str, EgressPolicy] = {}
    for index, policy in enumerate((*standing, *policies), start=-len(standing)):
        for number, prefix in enumerate(policy.prefixes):
            other = first.setdefault(_canonical(prefix), policy)
            if index >= 0 and other.to_region != policy.to_region:
                message = f"{prefix} is in {other.to_region} as {other.key} has it, and in one region only"
                yield Fault(
                    reason=Reason.INVALID_VALUE,
                    message=message,
                    field=f"spec.to.prefixes[{number}]",
                    document=index,
                )


def _canonical(what: str) -> str:
    return what if what.startswith("region ") else str(ip_network(what))
