"""What is expected of traffic that leaves by gateways: for each policy and source where, how much, how fast."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_network

from controller.domain.egress import TrafficClass
from controller.domain.qos import DSCP_OF_CLASS
from controller.domain.topology import Site, Topology
from controller.wire.gen.trunkline.v1 import egress_policy_pb2
from controller.wire.gen.trunkline.v1 import intent_pb2 as pb
from lab.abroad import provinces
from lab.ip_hosts import customer_addresses

DESTINATION_HOST = 9
"""Which address of a destination prefix probes are sent to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exit:
    """A gateway by which it leaves, as planned: ``delay_ns`` one way, to the far end; ``nodes`` to the gateway's."""

    gateway: str
    rate_bps: int
    delay_ns: int
    nodes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectedTraffic:
    """What a policy's traffic from the site of one source node does. ``destinations`` are prefixes abroad."""

    policy: str
    site: str
    source: str
    region: str
    traffic_class: TrafficClass
    destinations: tuple[str, ...]
    exits: tuple[Exit, ...]

    @property
    def dscp(self) -> int:
        """One that says its class."""
        return next(iter(DSCP_OF_CLASS[self.traffic_class]), 0)

    @property
    def by_gateway(self) -> dict[str, Exit]:
        return {one.gateway: one for one in self.exits}


def expected_traffic(topology: Topology, intents: Iterable[pb.Intent]) -> tuple[ExpectedTraffic, ...]:
    """That of all policies in force which name prefixes and whose assignments the server told; sources without an
    internet site are left out, nobody there could send."""
    sites = {site.node: site for site in reversed(provinces(topology)) if site.next_hop is not None}
    return tuple(
        traffic
        for intent in intents
        if intent.WhichOneof("kind") == "egress_policy" and intent.egress_policy.status.state == pb.ACTIVE
        for traffic in _of_policy(intent.egress_policy, sites)
    )


def sources(topology: Topology, site: str, version: int) -> tuple[str, ...]:
    """The addresses of a site's host, but for its router's: of one IP version, those of the first such prefix."""
    for prefix, addresses in customer_addresses(topology.site[site]).items():
        if ip_network(prefix).version == version:
            return addresses[1:]
    return ()


def destination(prefix: str, number: int = 0) -> str:
    """An address within a prefix, another one for each number as far as there are."""
    network = ip_network(prefix)
    return str(network.network_address + (DESTINATION_HOST + number) % max(network.num_addresses, 1))


def _of_policy(policy: egress_policy_pb2.EgressPolicy, sites: Mapping[str, Site]) -> Iterable[ExpectedTraffic]:
    assigned: dict[str, list[Exit]] = {}
    for one in policy.status.assignments:
        leaves = Exit(gateway=one.gateway, rate_bps=one.rate_bps, delay_ns=one.delay_ns, nodes=tuple(one.nodes))
        assigned.setdefault(one.source, []).append(leaves)
    prefixes: Sequence[str] = policy.spec.destination.prefixes
    for source, exits in sorted(assigned.items()):
        if source in sites and prefixes:
            yield ExpectedTraffic(
                policy=f"{policy.metadata.tenant}/{policy.metadata.name}",
                site=sites[source].name,
                source=source,
                region=policy.spec.destination.region,
                traffic_class=TrafficClass(policy.spec.traffic_class),
                destinations=tuple(prefixes),
                exits=tuple(exits),
            )
