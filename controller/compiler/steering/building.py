"""What a steering is made of, beside what the optimiser says: which groups traffic is for, and where the rest goes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING

from controller.compiler.plan import EgressAssignment, Verdict
from controller.compiler.steering.dividing import Assigned
from controller.compiler.steering.edges import edges_of
from controller.compiler.steering.inputs import Flow
from controller.domain.egress import EgressPolicy, TrafficClass
from controller.domain.gateway_quality import Way
from controller.domain.intents import IntentKey
from controller.domain.steering import ELSEWHERE, DestinationGroup, EdgeKind, Entry
from controller.domain.topology import Topology

if TYPE_CHECKING:
    from controller.compiler.egress import Unpoliced

InsideNs = Mapping[tuple[str, str], int]
"""Delay from a source node to a gateway inside the network; what is not there cannot be reached."""
NOTHING_MEASURED: Mapping[Flow, Sequence[int]] = MappingProxyType({})
NOTHING_LOST: Mapping[Way, int] = MappingProxyType({})


def sources_of(topology: Topology) -> tuple[str, ...]:
    """The nodes at which internet traffic enters from our side, by name."""
    return tuple(sorted({edge.node for edge in edges_of(topology) if edge.kind is EdgeKind.SITE}))


def assigned_of(
    topology: Topology,
    groups: Sequence[DestinationGroup],
    policies: Sequence[EgressPolicy],
    verdicts: Sequence[Verdict],
    unpoliced: Iterable[Unpoliced] = (),
) -> tuple[Assigned, ...]:
    """What an egress plan carries, with the groups that it is for; ``verdicts`` in the order of ``policies``. A source
    without internet sites is left out: nothing enters there that could be steered."""
    sources = frozenset(sources_of(topology))
    for_groups = GroupsOf(topology, groups, policies)
    found: list[Assigned] = []
    for policy, verdict in zip(policies, verdicts, strict=True):
        of_policy: defaultdict[str, list[EgressAssignment]] = defaultdict(list)
        for one in verdict.assignments:
            of_policy[one.source].append(one)
        for source, assignments in of_policy.items():
            numbers = for_groups.of(source, policy.to_region, policy.traffic_class, policy)
            found.append(_assigned(source, policy.traffic_class, numbers, assignments))
    for rest in unpoliced:
        one_of = rest.aggregate
        numbers = for_groups.of(one_of.source, one_of.to_region, one_of.traffic_class, None)
        found.append(_assigned(one_of.source, one_of.traffic_class, numbers, rest.assignments))
    return tuple(one for one in found if one.source in sources and one.groups and one.bps)


def completed(
    topology: Topology,
    groups: Iterable[DestinationGroup],
    entries: Sequence[Entry],
    inside_ns: InsideNs,
    usable: Collection[str],
    admits: Callable[[Flow, str], bool] = lambda key, gateway: True,
    measured: Mapping[Flow, Sequence[int]] = NOTHING_MEASURED,
    lost_ns: Mapping[Way, int] = NOTHING_LOST,
) -> tuple[Entry, ...]:
    """``entries`` and, for each source, group and class without one, an entry by the gateway with the least delay
    inside and beyond, of those that lead to the group, are ``usable`` and that policies admit; for addresses that
    nothing is known of, by the nearest, at the rate that is ``measured`` (bps by slice). A gateway whose delay to the
    region is not known comes after all those whose delay is; ``lost_ns``, what loss beyond a gateway weighs, is added
    to its delay. Where there is no gateway, there is no entry, and what is sent is dropped. Sorted."""
    beyond_ns = {
        (gateway.name, region): ns + lost_ns.get((gateway.name, region), 0)
        for gateway in topology.gateways
        for region, ns in gateway.delays_ns
    }
    there = {flow_of(entry) for entry in entries}
    of_groups = {group.number: group for group in groups}
    added: list[Entry] = []
    for source in sources_of(topology):
        reached = [(name, inside_ns[source, name]) for name in sorted(usable) if (source, name) in inside_ns]
        for number in sorted({ELSEWHERE, *of_groups}):
            ranked = list(_ranked(reached, of_groups.get(number), beyond_ns))
            for traffic_class in TrafficClass:
                key = (source, number, traffic_class)
                if key in there:
                    continue
                nearest = next((name for name in ranked if admits(key, name)), None)
                if nearest is not None:
                    bps = sum(measured.get(key, ())) if number == ELSEWHERE else 0
                    added.append(
                        Entry(
                            source=source,
                            group=number,
                            traffic_class=traffic_class,
                            gateways=(nearest,),
                            rate_bps=bps,
                        )
                    )
    return tuple(sorted((*entries, *added), key=flow_of))


def _ranked(
    reached: Iterable[tuple[str, int]], group: DestinationGroup | None, beyond_ns: Mapping[tuple[str, str], int]
) -> Iterator[str]:
    """The gateways that lead to a group (``None``: elsewhere), nearest first."""
    found: list[tuple[bool, int, str]] = []
    for name, inside in reached:
        if group is None:
            found.append((False, inside, name))
        elif name in group.gateways:
            beyond = beyond_ns.get((name, group.region))
            found.append((beyond is None, inside if beyond is None else inside + beyond, name))
    return (name for _, _, name in sorted(found))


class GroupsOf:
    """Which groups a source's traffic to a region is for. Those of prefixes that policies name are, for a source in a
    class, the first one's that is for it; where none is, they are part of the region."""

    def __init__(
        self, topology: Topology, groups: Sequence[DestinationGroup], policies: Sequence[EgressPolicy]
    ) -> None:
        self._of_region: defaultdict[str, list[DestinationGroup]] = defaultdict(list)
        self._named_by: defaultdict[tuple[str, IntentKey], list[DestinationGroup]] = defaultdict(list)
        for group in groups:
            self._of_region[group.region].append(group)
            for key in group.policies:
                self._named_by[group.region, key].append(group)
        self._claimed: dict[IntentKey, tuple[TrafficClass, frozenset[str]]] = {
            policy.key: (policy.traffic_class, frozenset(policy.sources.resolved(topology))) for policy in policies
        }

    def of(self, source: str, region: str, traffic_class: TrafficClass, policy: EgressPolicy | None) -> tuple[int, ...]:
        if policy is not None and policy.prefixes:
            wanted, groups = policy.key, self._named_by.get((region, policy.key), [])  # of policies there are thousands
        else:
            wanted, groups = None, self._of_region.get(region, [])
        return tuple(group.number for group in groups if self._whose(group, source, traffic_class) == wanted)

    def _whose(self, group: DestinationGroup, source: str, traffic_class: TrafficClass) -> IntentKey | None:
        for key in group.policies:
            if key in self._claimed:
                of_class, sources = self._claimed[key]
                if traffic_class is of_class and source in sources:
                    return key
        return None


def _assigned(
    source: str, traffic_class: TrafficClass, groups: tuple[int, ...], assignments: Iterable[EgressAssignment]
) -> Assigned:
    bps: defaultdict[str, int] = defaultdict(int)
    for one in assignments:
        bps[one.gateway] += one.rate_bps
    return Assigned(source=source, traffic_class=traffic_class, groups=groups, bps=tuple(sorted(bps.items())))


def flow_of(entry: Entry) -> Flow:
    return entry.source, entry.group, entry.traffic_class
