"""Packets through a network that is steered: where they come out, and what is left of them."""

from __future__ import annotations

from dataclasses import replace

import pytest
from packets import CUSTOMER, packet
from steered_networks import (
    ABROAD_MAC,
    CUSTOMER_MAC,
    GATEWAY_PORT,
    SITE_PORT,
    TABLE,
    entry,
    group,
    installed,
    network,
    steered,
)

from controller.compiler.steering.rules import VIRTUAL_MAC
from controller.domain.egress import TrafficClass
from controller.domain.steering import ELSEWHERE

HOME, AWAY, UNKNOWN = "10.44.3.7", "198.51.100.9", "192.0.2.77"
HOME6, AWAY6 = "fd00:44::7", "2001:db8:ff::9"
OTHER_SITE = "10.33.0.8"


@pytest.fixture(scope="module")
def fabric():
    topology = network()
    by_class = dict(zip(TrafficClass, ("igw-sh", "igw-gz", "igw-bj"), strict=True))
    entries = [
        entry(source, gateway, number=number, traffic_class=traffic_class)
        for source in ("gd", "gz", "zj")
        for number in (ELSEWHERE, 1)
        for traffic_class, gateway in (by_class if number else dict.fromkeys(TrafficClass, "igw-gz")).items()
    ]
    steering, trunks = steered(topology, entries, [group()])
    return installed(topology, steering, TABLE, trunks)


def came_out(fabric, node, port, frame):
    return [(one.node, one.port, one.frame) for one in fabric.send(node, port, frame)]


@pytest.mark.parametrize(("source", "destination"), [(HOME, AWAY), (HOME6, AWAY6)])
@pytest.mark.parametrize(
    ("dscp", "node"),
    [(46, "sh"), (44, "sh"), (34, "sh"), (32, "sh"), (26, "gz"), (16, "gz"), (0, "bj"), (8, "bj"), (63, "bj")],
)
def test_a_packet_leaves_by_the_gateway_of_its_class(fabric, source, destination, dscp, node):
    sent = packet(source, destination, dscp=dscp)
    left = packet(source, destination, dscp=dscp, ttl=63, macs=(VIRTUAL_MAC, ABROAD_MAC[node]))
    assert came_out(fabric, "gd", SITE_PORT, sent) == [(node, GATEWAY_PORT, left)]


def test_a_packet_for_an_address_nobody_knows_leaves_by_the_default(fabric):
    left = packet(HOME, UNKNOWN, ttl=63, macs=(VIRTUAL_MAC, ABROAD_MAC["gz"]))
    assert came_out(fabric, "gd", SITE_PORT, packet(HOME, UNKNOWN)) == [("gz", GATEWAY_PORT, left)]
    assert came_out(fabric, "gz", SITE_PORT, packet(HOME, UNKNOWN)) == [("gz", GATEWAY_PORT, left)]


@pytest.mark.parametrize(("source", "destination"), [(AWAY, HOME), (AWAY6, HOME6)])
@pytest.mark.parametrize("node", sorted(ABROAD_MAC))
def test_what_comes_from_abroad_gets_to_the_site(fabric, source, destination, node):
    sent = packet(source, destination, dscp=46, macs=(ABROAD_MAC[node], VIRTUAL_MAC))
    left = packet(source, destination, dscp=46, ttl=63, macs=(VIRTUAL_MAC, CUSTOMER_MAC["gd"]))
    assert came_out(fabric, node, GATEWAY_PORT, sent) == [("gd", SITE_PORT, left)]


def test_sites_reach_each_other_without_going_abroad(fabric):
    left = packet(HOME, OTHER_SITE, ttl=63, macs=(VIRTUAL_MAC, CUSTOMER_MAC["zj"]))
    assert came_out(fabric, "gd", SITE_PORT, packet(HOME, OTHER_SITE)) == [("zj", SITE_PORT, left)]


@pytest.mark.parametrize("node", sorted(ABROAD_MAC))
def test_nobody_abroad_is_carried_through_to_abroad(fabric, node):
    for destination in (AWAY, UNKNOWN):
        sent = packet("203.0.113.5", destination, macs=(ABROAD_MAC[node], VIRTUAL_MAC))
        assert came_out(fabric, node, GATEWAY_PORT, sent) == []


def test_what_is_for_a_site_that_nobody_can_be_reached_at_never_goes_abroad(fabric):
    assert came_out(fabric, "gd", SITE_PORT, packet(HOME, "10.55.0.9")) == []


def test_a_packet_that_is_not_for_us_or_has_no_hops_left_goes_nowhere(fabric):
    assert came_out(fabric, "gd", SITE_PORT, packet(HOME, AWAY, macs=(CUSTOMER, "02:00:00:00:0c:02"))) == []
    assert came_out(fabric, "gd", SITE_PORT, packet(HOME, AWAY, ttl=1)) == []


@pytest.fixture(scope="module")
def guarded():
    """Packets of one site get in only if they come from its prefixes."""
    topology = network()
    sites = tuple(replace(site, anti_spoofing=site.name == "prov-gd") for site in topology.sites)
    topology = replace(topology, sites=sites)
    steering, trunks = steered(
        topology,
        [entry(node, "igw-sh", traffic_class=one) for node in ("gd", "zj") for one in TrafficClass],
        [group()],
    )
    return installed(topology, steering, TABLE, trunks)


@pytest.mark.parametrize(("source", "destination"), [(HOME, AWAY), (HOME6, AWAY6), ("10.44.255.255", OTHER_SITE)])
@pytest.mark.parametrize("dscp", [0, 46])
def test_with_anti_spoofing_its_own_sources_get_in(guarded, source, destination, dscp):
    assert len(came_out(guarded, "gd", SITE_PORT, packet(source, destination, dscp=dscp))) == 1


@pytest.mark.parametrize(
    ("source", "destination"),
    [("10.45.0.7", AWAY), ("10.33.0.7", AWAY), (UNKNOWN, OTHER_SITE), ("0.0.0.0", AWAY), ("fd00:45::7", AWAY6)],
)
@pytest.mark.parametrize("dscp", [0, 46])
def test_with_anti_spoofing_others_do_not(guarded, source, destination, dscp):
    assert came_out(guarded, "gd", SITE_PORT, packet(source, destination, dscp=dscp)) == []


def test_with_anti_spoofing_elsewhere_anybody_does(guarded):
    assert len(came_out(guarded, "zj", SITE_PORT, packet("203.0.113.200", AWAY))) == 1


def test_with_anti_spoofing_what_comes_back_is_not_asked(guarded):
    sent = packet(AWAY, HOME, macs=(ABROAD_MAC["sh"], VIRTUAL_MAC))
    assert len(came_out(guarded, "sh", GATEWAY_PORT, sent)) == 1
