"""On which links steered traffic has no room beside the lines."""

from __future__ import annotations

from dataclasses import replace

import pytest
from steered_networks import GBPS, entry, network, steered

from controller.compiler.plan import LinkUse
from controller.compiler.steering.legs import overfull
from controller.domain.topology import Direction

FORWARD = Direction.A_TO_Z
ON_THE_WAY = {("gd-gz", FORWARD), ("gz-zj", FORWARD), ("zj-sh", FORWARD)}
"""From ``gd`` to ``igw-sh``."""


def named_alike(topology, site, gateway):
    """The site has the name of the gateway, which is elsewhere."""
    return replace(
        topology, sites=tuple(replace(one, name=gateway) if one.name == site else one for one in topology.sites)
    )


def full(topology, rate_bps, reserved_bps):
    steering, trunks = steered(topology, [entry("gd", "igw-sh", rate_bps=rate_bps)])
    uses = [
        LinkUse(link=link.name, direction=direction, capacity_bps=10 * GBPS, reserved_bps=reserved_bps)
        for link in topology.links
        for direction in Direction
    ]
    return set(overfull(topology, steering, trunks, uses))


@pytest.mark.parametrize(("reserved_bps", "found"), [(0, set()), (5_500_000_000, set()), (5_500_000_001, ON_THE_WAY)])
def test_to_the_bit(reserved_bps, found):
    """Of 10 Gbps 9.5 may be used: 4 Gbps to ``igw-sh`` have room beside 5.5 Gbps of lines."""
    assert full(network(), 4 * GBPS, reserved_bps) == found


@pytest.mark.parametrize("site", ["prov-zj", "prov-gz"])
def test_a_site_of_the_gateways_name_is_another_place(site):
    assert full(named_alike(network(), site, "igw-sh"), 4 * GBPS, 6 * GBPS) == ON_THE_WAY


def test_a_gateway_at_the_source_itself_takes_no_link():
    topology = network()
    steering, trunks = steered(topology, [entry("gz", "igw-gz", rate_bps=9 * GBPS)])
    uses = [LinkUse(link=one.name, direction=FORWARD, capacity_bps=GBPS, reserved_bps=GBPS) for one in topology.links]
    assert list(overfull(topology, steering, trunks, uses)) == []
