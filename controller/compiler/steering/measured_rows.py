"""Rates by destination group -> rows of a demand matrix, one for each source, region and class.

A policy that declares its demand has what it declares, whatever is measured: who asks for 40 Gbit/s is given room for
that before the traffic comes. So a row is made where nothing is declared for all that it tells of.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence

from controller.compiler.steering.inputs import Flow
from controller.domain.egress import EgressPolicy
from controller.domain.egress_demand import DemandRow, equal_parts
from controller.domain.egress_demand import Flow as RegionFlow
from controller.domain.steering import DestinationGroup
from controller.domain.topology import Topology


def measured_rows(
    bps: Mapping[Flow, Sequence[int]],
    groups: Iterable[DestinationGroup],
    policies: Iterable[EgressPolicy],
    topology: Topology,
) -> tuple[DemandRow, ...]:
    """``bps``: of each slice. Sorted by source, region, class. What goes to no known group is in no row. Where a policy
    for prefixes declares more than is measured of its whole region, the row has what it declares; where several for
    prefixes have no policy for the rest of the region beside them, there is no row: it could not tell how much is
    whose."""
    region_of = {group.number: group.region for group in groups}
    total: Counter[RegionFlow] = Counter()
    for (source, group, traffic_class), slices in bps.items():
        if group in region_of:
            total[source, region_of[group], traffic_class] += sum(slices)
    whole: dict[RegionFlow, EgressPolicy] = {}
    narrow: defaultdict[RegionFlow, list[EgressPolicy]] = defaultdict(list)
    declared: Counter[RegionFlow] = Counter()
    for policy in policies:
        asked_bps = 0 if policy.demand_bps is None else policy.demand_bps
        for source, part_bps in equal_parts(asked_bps, policy.sources.resolved(topology)).items():
            flow = (source, policy.to_region, policy.traffic_class)
            if policy.prefixes:
                narrow[flow].append(policy)
                declared[flow] += part_bps
            else:
                whole[flow] = policy
    rows: list[DemandRow] = []
    for flow in sorted(total):
        decides = whole.get(flow)
        if decides is None and len(narrow[flow]) == 1:
            decides = narrow[flow][0]
        if (decides is None and narrow[flow]) or (decides is not None and decides.demand_bps is not None):
            continue
        source, region, traffic_class = flow
        rate_bps = max(total[flow], declared[flow])
        rows.append(DemandRow(source=source, to_region=region, traffic_class=traffic_class, rate_bps=rate_bps))
    return tuple(rows)
