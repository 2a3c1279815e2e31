"""The addresses of the world behind a lab's gateways, and how its hosts are set up."""

from dataclasses import replace
from ipaddress import ip_address, ip_network
from pathlib import Path

from controller.documents import load_topology
from controller.domain.topology import NextHop, Site, SiteService
from lab.abroad import interface_abroad, provinces, regions_abroad
from lab.ip_hosts import customer_addresses, customer_commands, region_commands

TOPOLOGY = load_topology(Path(__file__).parents[3] / "topologies/lab-egress.yaml")


def test_regions_have_prefixes_of_their_own_and_their_gateways_nearest_first():
    regions = {region.name: region for region in regions_abroad(TOPOLOGY)}
    assert {name: region.prefixes for name, region in regions.items()} == {
        "europe": ("100.64.0.0/16", "fd64:1::/32"),
        "north-america": ("100.65.0.0/16", "fd64:2::/32"),
        "south-east-asia": ("100.66.0.0/16", "fd64:3::/32"),
    }
    assert [gateway.name for gateway, _ in regions["europe"].gateways] == ["igw-ur", "igw-gz", "igw-sh"]
    assert [gateway.name for gateway, _ in regions["north-america"].gateways] == ["igw-sh", "igw-gz"]
    assert regions["europe"].addresses == ("100.64.0.1", "fd64:1::1")


def test_a_customer_has_addresses_that_end_in_all_ways_and_goes_out_by_our_address():
    (site, *_) = provinces(TOPOLOGY)
    addresses = customer_addresses(site)
    assert set(addresses) == set(site.prefixes)
    for prefix, found in addresses.items():
        assert all(ip_address(address) in ip_network(prefix) for address in found)
        assert {int(ip_address(address)) & 15 for address in found[1:]} == set(range(16))
    assert addresses["10.11.0.0/16"][0] == site.next_hop.ip
    commands = list(customer_commands(site, "eth0"))
    assert "route add 0.0.0.0/0 via 10.11.0.1 dev eth0" in commands
    assert "route add ::/0 via fd00:11::1 dev eth0" in commands


def test_a_small_prefix_gives_the_addresses_that_it_has():
    hop = NextHop(mac="02:00:00:00:00:01", ip="10.0.0.18")
    site = Site(name="s", node="n", port=1, service=SiteService.INTERNET, prefixes=("10.0.0.0/27",), next_hop=hop)
    (found,) = customer_addresses(site).values()
    assert found[0] == "10.0.0.18"
    assert len(found) == len(set(found)) == 15
    tiny = Site(name="s", node="n", port=1, service=SiteService.INTERNET, prefixes=("10.0.0.0/29",), next_hop=None)
    assert customer_addresses(tiny) == {"10.0.0.0/29": ("10.0.0.2",)}


def test_routers_have_the_addresses_of_both_versions_that_are_said():
    hop = NextHop(mac="02:00:00:00:00:01", ip="10.0.0.18", ip6="fd00::18")
    prefixes = ("10.0.0.0/27", "fd00::/64")
    site = Site(name="s", node="n", port=1, service=SiteService.INTERNET, prefixes=prefixes, next_hop=hop)
    assert [found[0] for found in customer_addresses(site).values()] == ["10.0.0.18", "fd00::18"]
    gateways = [replace(one, next_hop=replace(one.next_hop, ip6="2001:db8:3::9")) for one in TOPOLOGY.gateways]
    network = replace(TOPOLOGY, gateways=tuple(gateways))
    commands = list(region_commands(regions_abroad(network)[0], network))
    nearest = interface_abroad(network, "igw-ur")
    assert f"address add 2001:db8:3::9 dev {nearest} nodad" in commands


def test_a_region_answers_for_all_its_addresses_and_prefers_the_nearest_gateway():
    europe = regions_abroad(TOPOLOGY)[0]
    commands = list(region_commands(europe, TOPOLOGY))
    assert "route add local 100.64.0.0/16 dev lo" in commands
    assert "route add local fd64:1::/32 dev lo" in commands
    nearest = interface_abroad(TOPOLOGY, "igw-ur")
    assert f"route add 10.11.0.0/16 via 192.0.2.9 dev {nearest} src 100.64.0.1 metric 1" in commands
    assert f"route add fd00:51::/32 via 2001:db8:3::1 dev {nearest} src fd64:1::1 metric 1" in commands
    assert sum(command.startswith("route add 10.44.0.0/16 ") for command in commands) == 3
