"""Three gateways (``three_gateways.yaml``) with traffic for them, and what a server tells of its egress cycles."""

from __future__ import annotations

import json
from pathlib import Path

from controller.domain.egress import EgressPolicy, Sources, TrafficClass
from controller.simulation.client import Stream
from running.command import trunkline
from running.processes import until

THREE_GATEWAYS = Path(__file__).parent / "three_gateways.yaml"
GBPS = 10**9
Z_TO_EUROPE = """
apiVersion: trunkline/v1
kind: EgressPolicy
metadata: {tenant: backbone, name: z-to-europe}
spec:
  from: {nodes: [pe-z]}
  to: {region: europe, prefixes: [203.0.113.0/24]}
  demand: 2Gbps
"""
"""For a server over ``gateways.yaml``."""


def to_japan(name, source, prefix, gbps, traffic_class="bulk"):
    return EgressPolicy(
        tenant="backbone",
        name=name,
        sources=Sources(nodes=(source,)),
        to_region="japan",
        prefixes=(prefix,),
        demand_bps=gbps * GBPS,
        traffic_class=TrafficClass(traffic_class),
    )


# Together more than igw-n, the nearest, may carry.
FROM_A = to_japan("from-a", "pe-a", "198.51.100.0/24", 6)
FROM_Z = to_japan("from-z", "pe-z", "198.51.100.0/24", 6)
GOLDEN = to_japan("golden", "pe-a", "203.0.113.0/24", 8, "gold")
STREAMS = [
    Stream(site="prov-a", source="10.44.0.16", destination="198.51.100.7", rate_bps=6 * GBPS, source_bits=4),
    Stream(site="prov-z", source="10.45.0.16", destination="198.51.100.7", rate_bps=6 * GBPS, source_bits=4),
    Stream(site="prov-a", source="10.44.0.16", destination="203.0.113.7", rate_bps=8 * GBPS, source_bits=4, dscp=46),
]


def told(net, *arguments):
    """What a command says in JSON."""
    answer = trunkline(*arguments, "--server", net.server, "-o", "json")
    assert answer.code == 0, answer.err
    return json.loads(answer.out)


def cycles(net):
    return told(net, "egress", "cycles", "--last", "120")["cycles"]


def until_cycle(net, holds, what):
    """Wait for a cycle that is so, and return it."""
    until(lambda: any(map(holds, cycles(net))), lambda: f"{what}: {cycles(net)[-3:]}")
    return next(one for one in cycles(net) if holds(one))


def until_steered(net):
    """Wait until what a start and an apply ask for is done."""
    asked = {"it is looked at every 30 s", "lines or policies have changed"}
    until(lambda: asked <= {cause for one in cycles(net) for cause in one["causes"]}, lambda: cycles(net))


def ways(saved):
    """What a steering says, whatever its numbers of trunks and groups and its rates are: by source, what traffic is for
    and class the gateways; and by which route each edge is reached."""
    steering = saved.steering
    trunks = {trunk.label: trunk.route.nodes for trunk in saved.trunks}
    groups = {group.number: (group.region, group.policies, group.part) for group in steering.groups}
    entries = {
        (one.source, groups.get(one.group, one.group), one.traffic_class): one.gateways for one in steering.entries
    }
    return entries, {(leg.source, leg.edge): trunks.get(leg.trunk) for leg in steering.legs}


def check_traffic(net, *, not_by=()):
    """Every packet of every stream comes out abroad, once."""
    assert all_comes_out(net, not_by=not_by), net.switches.traffic()


def all_comes_out(net, *, not_by=()):
    return all(
        sum(carried.out_bps.values()) == stream.rate_bps
        and {place.gateway for place in carried.out_bps} <= {"igw-n", "igw-m", "igw-s"} - set(not_by)
        for stream, carried in zip(STREAMS, net.switches.traffic(), strict=True)
    )
