"""Internet traffic over three real switches, with real packets: what arrives is compared byte for byte.

The rules are those that the compiler derives from a steering. West has two sites and a gateway; east, behind middle,
has two gateways and a site.
"""

import asyncio
import os
import struct
from contextlib import ExitStack, contextmanager
from ipaddress import ip_network
from itertools import permutations, product

import pytest
from attached_switches import LIMIT_S, adding, attached, carry_out
from linux_host import LinuxHost
from private_ovs import PrivateOvs
from raw_frames import RawEnd
from routed_packets import Packet, arp, ethernet, neighbour_message

from controller.compiler.rules import trunk_rules
from controller.compiler.steering.edges import edges_of
from controller.compiler.steering.rules import VIRTUAL_MAC, steering_rules
from controller.domain.egress import TrafficClass
from controller.domain.placement import Route, Trunk
from controller.domain.prefixes import ANY_IPV4, parse_prefix
from controller.domain.qos import TC_OF_CLASS
from controller.domain.rules import FlowRule, Match, Table, key_of
from controller.domain.steering import ELSEWHERE, SLICES, Edge, EdgeKind, Entry, Leg, PacketClass, PrefixTable, Steering
from controller.domain.topology import (
    Gateway,
    Link,
    NextHop,
    Node,
    PerDirection,
    Role,
    Site,
    SiteService,
    Topology,
)
from lab.measure.frames import VlanTag, tagged

pytestmark = pytest.mark.lab

WEST, MIDDLE, EAST = "west", "middle", "east"
DATAPATHS = {1: WEST, 2: MIDDLE, 3: EAST}
CORE, OTHER_CORE, SITE_PORT = 1, 2, 11
HERE, A, B = "igw-here", "igw-a", "igw-b"
GATEWAY_PORTS = {HERE: (WEST, 21), A: (EAST, 21), B: (EAST, 22)}
ABROAD_MAC = {HERE: "02:00:00:00:00:a0", A: "02:00:00:00:00:a1", B: "02:00:00:00:00:a2"}
CUSTOMER_MAC = "02:00:00:00:44:01"
CUSTOMER = {4: "10.44.7.16", 6: "fd00:44::7:10"}
# Other sites: at the same node, and at the far end.
NEXT_DOOR, FAR = "next-door", "far"
SITE_PORTS = {"prov": (WEST, SITE_PORT), NEXT_DOOR: (WEST, SITE_PORT + 1), FAR: (EAST, SITE_PORT)}
SITE_MAC = {"prov": CUSTOMER_MAC, NEXT_DOOR: "02:00:00:00:45:01", FAR: "02:00:00:00:33:01"}
SITE_HOST = {
    "prov": CUSTOMER,
    NEXT_DOOR: {4: "10.45.7.16", 6: "fd00:45::7:10"},
    FAR: {4: "10.33.7.16", 6: "fd00:33::7:10"},
}
ROUTER = {4: "10.44.0.1", 6: "fd00:44::1"}
OUR_ADDRESS = {4: "192.0.2.2", 6: "2001:db8::2"}
ABROAD, EXCEPTED, EXCEPTED_AGAIN, UNKNOWN = 1, 2, 3, "9.9.9.9"
MS = 10**6
SILENCE_S = 0.3


def link(name, a, z, a_port, z_port):
    return Link(
        name=name,
        a=a,
        z=z,
        a_port=a_port,
        z_port=z_port,
        capacity_bps=PerDirection.both(10**9),
        delay_ns=PerDirection.both(MS),
    )


TOPOLOGY = Topology(
    name="chain",
    nodes=tuple(Node(name=name, role=Role.PE) for name in DATAPATHS.values()),
    links=(link("left", WEST, MIDDLE, CORE, CORE), link("right", MIDDLE, EAST, OTHER_CORE, CORE)),
    sites=tuple(
        Site(
            name=name,
            node=node,
            port=port,
            service=SiteService.INTERNET,
            prefixes=tuple(str(ip_network(f"{SITE_HOST[name][v]}/{n}", strict=False)) for v, n in ((4, 16), (6, 32))),
            next_hop=NextHop(mac=SITE_MAC[name], ip=SITE_HOST[name][4]),
            anti_spoofing=name == NEXT_DOOR,
        )
        for name, (node, port) in SITE_PORTS.items()
    ),
    gateways=tuple(
        Gateway(
            name=name,
            node=node,
            port=port,
            capacity_bps=10**9,
            next_hop=NextHop(mac=ABROAD_MAC[name], ip="192.0.2.1"),
            addresses=tuple(OUR_ADDRESS.values()),
        )
        for name, (node, port) in GATEWAY_PORTS.items()
    ),
)
EDGES = tuple(
    Edge(
        kind=place.kind,
        name=place.name,
        label=600_000 + 2 * number,
        group=9_000 + number if place.kind is EdgeKind.SITE else 0,
    )
    for number, place in enumerate(edges_of(TOPOLOGY))
)
THERE = Trunk(label=2_001, route=Route(nodes=(WEST, MIDDLE, EAST), links=("left", "right")), group_id=2_001)
BACK = Trunk(label=2_002, route=Route(nodes=(EAST, MIDDLE, WEST), links=("right", "left")), group_id=2_002)
SLICED = tuple(B if source in (1, 5, 9, 13, 6) else A for source in range(SLICES))
"""Of sources that end in the bits 01, and in 0110, to B."""


def entry(group, traffic_class, *gateways):
    return Entry(source=WEST, group=group, traffic_class=traffic_class, gateways=gateways)


STEERING = Steering(
    edges=EDGES,
    legs=(
        *(Leg(source=WEST, edge=name, trunk=THERE.label) for name in (A, B)),
        Leg(source=WEST, edge=HERE, trunk=0),
        *(Leg(source=EAST, edge=name, trunk=BACK.label) for name in ("prov", NEXT_DOOR)),
        Leg(source=WEST, edge=FAR, trunk=THERE.label),
    ),
    entries=(
        entry(ABROAD, TrafficClass.GOLD, A),
        entry(ABROAD, TrafficClass.SILVER, B),
        entry(ABROAD, TrafficClass.BULK, *SLICED),
        entry(EXCEPTED, TrafficClass.BULK, HERE),
        entry(EXCEPTED_AGAIN, TrafficClass.BULK, B),
        entry(ELSEWHERE, TrafficClass.BULK, HERE),
    ),
)
PREFIXES = PrefixTable(
    routes=tuple(
        sorted(
            (parse_prefix(prefix), group)
            for prefix, group in {
                "198.51.100.0/24": ABROAD,
                "198.51.100.128/25": EXCEPTED,
                "198.51.100.200/32": EXCEPTED_AGAIN,
                "2001:db8:ff::/48": ABROAD,
                "2001:db8:ff:1::/64": EXCEPTED,
                "2001:db8:ff:1::7/128": EXCEPTED_AGAIN,
            }.items()
        )
    )
)
TARGET = {4: "198.51.100.7", 6: "2001:db8:ff::7"}


def rules_by_device():
    rules = {name: {} for name in DATAPATHS.values()}
    trunks = {trunk.label: trunk for trunk in (THERE, BACK)}
    for trunk in trunks.values():
        for device, rule in trunk_rules(TOPOLOGY, trunk):
            rules[device][key_of(rule)] = rule
    for device, rule in steering_rules(TOPOLOGY, STEERING, PREFIXES, trunks):
        rules[device][key_of(rule)] = rule
    return {device: tuple(found.values()) for device, found in rules.items()}


RULES = rules_by_device()


async def install(here):
    for device, rules in RULES.items():
        await carry_out(here.driver(device), *adding(rules))


def wire(ovs):
    """(switch, port) -> the outer interface of the site, and of each gateway."""
    ovs.connect(WEST, CORE, MIDDLE, CORE)
    ovs.connect(MIDDLE, OTHER_CORE, EAST, CORE)
    return {name: ovs.add_customer_port(node, port) for name, (node, port) in {**SITE_PORTS, **GATEWAY_PORTS}.items()}


@contextmanager
def opened(interfaces):
    """Raw ends at these interfaces, by the name of what is there."""
    with ExitStack() as stack:
        yield {name: stack.enter_context(RawEnd(os.getpid(), interface)) for name, interface in interfaces.items()}


async def install_and_leave(ovs):
    async with attached(ovs, DATAPATHS) as here:
        await install(here)


@pytest.fixture
def ovs():
    """The switches with their rules and no controller: they go on carrying."""
    ovs = PrivateOvs()
    asyncio.run(install_and_leave(ovs))
    return ovs


@pytest.fixture
def ends(ovs):
    """Everybody's raw end; ``core`` hears what goes from west to middle."""
    with opened(wire(ovs) | {"core": f"{MIDDLE}-{CORE}"}) as ends:
        yield ends


MARKS = iter(range(1, 1 << 20))


def packet(version, target=None, **options):
    return Packet(
        source=options.pop("source", CUSTOMER[version]),
        target=TARGET[version] if target is None else target,
        mark=next(MARKS),
        **options,
    )


def send(ends, sent):
    ends["prov"].send(sent.frame(CUSTOMER_MAC, VIRTUAL_MAC))


def assert_arrives(ends, gateway, sent):
    """At this gateway and no other, one hop further, addressed to the gateway's next hop; all else as it was sent."""
    arrived = ends[gateway].receive()
    assert arrived is not None, f"nothing arrives at {gateway}: {sent}"
    assert arrived.hex() == sent.after_a_hop().frame(VIRTUAL_MAC, ABROAD_MAC[gateway]).hex()
    for name in ABROAD_MAC.keys() - {gateway}:
        assert ends[name].receive(0) is None, f"{sent} arrives at {name}, too"


CLASSES = {
    0: (A, TrafficClass.BULK),
    1: (A, TrafficClass.BULK),
    63: (A, TrafficClass.BULK),
    46: (A, TrafficClass.GOLD),
    34: (A, TrafficClass.GOLD),
    26: (B, TrafficClass.SILVER),
    16: (B, TrafficClass.SILVER),
}


@pytest.mark.parametrize("version", [4, 6])
def test_the_dscp_says_the_class_and_the_label_tells_it_to_links(ends, version):
    for dscp, (gateway, traffic_class) in CLASSES.items():
        sent = packet(version, dscp=dscp)
        send(ends, sent)
        assert_arrives(ends, gateway, sent)
        kind, label = struct.unpack_from("!HI", ends["core"].receive(), 12)
        assert (kind, label >> 12, label >> 9 & 7) == (0x8847, THERE.label, TC_OF_CLASS[traffic_class]), dscp


LEAVES_BY = {
    "198.51.100.127": A,
    "198.51.100.128": HERE,
    "198.51.100.200": B,
    "198.51.100.201": HERE,
    "198.51.101.1": HERE,
    UNKNOWN: HERE,
    "2001:db8:ff::1": A,
    "2001:db8:ff:1::8": HERE,
    "2001:db8:ff:1::7": B,
    "2001:db8:fe::1": HERE,
}


def test_the_longest_prefix_says_the_group(ends):
    for target, gateway in LEAVES_BY.items():
        sent = packet(6 if ":" in target else 4, target=target)
        send(ends, sent)
        assert_arrives(ends, gateway, sent)


@pytest.mark.parametrize("version", [4, 6])
def test_sources_part_the_traffic_by_their_last_bits(ends, version):
    for last in range(SLICES * 2):
        sent = packet(version, source=f"10.44.3.{last}" if version == 4 else f"fd00:44::3:{last:x}")
        send(ends, sent)
        assert_arrives(ends, SLICED[last % SLICES], sent)


def test_packets_from_abroad_get_to_the_site(ends):
    for gateway, version, dscp in product(ABROAD_MAC, (4, 6), (0, 46)):
        sent = packet(version, source=TARGET[version], target=CUSTOMER[version], dscp=dscp)
        ends[gateway].send(sent.frame(ABROAD_MAC[gateway], VIRTUAL_MAC))
        arrived = ends["prov"].receive()
        assert arrived is not None
        assert arrived.hex() == sent.after_a_hop().frame(VIRTUAL_MAC, CUSTOMER_MAC).hex()


@pytest.mark.parametrize("version", [4, 6])
def test_sites_reach_each_other_and_their_packets_are_bulk(ends, version):
    for source, target in permutations(SITE_PORTS, 2):
        sent = packet(version, source=SITE_HOST[source][version], target=SITE_HOST[target][version], dscp=46)
        ends[source].send(sent.frame(SITE_MAC[source], VIRTUAL_MAC))
        arrived = ends[target].receive()
        assert arrived is not None, f"nothing gets from {source} to {target}"
        assert arrived.hex() == sent.after_a_hop().frame(VIRTUAL_MAC, SITE_MAC[target]).hex()
        if (source, target) == ("prov", FAR):
            kind, label = struct.unpack_from("!HI", ends["core"].receive(), 12)
            assert (kind, label >> 12, label >> 9 & 7) == (0x8847, THERE.label, TC_OF_CLASS[TrafficClass.BULK])


def test_what_a_site_sends_to_itself_is_not_sent_back(ends):
    for version in (4, 6):
        sent = packet(version, target="10.44.200.1" if version == 4 else "fd00:44:9::1")
        send(ends, sent)
        passes = packet(version)
        send(ends, passes)  # it arrives first, so the other has been dropped
        assert_arrives(ends, A, passes)
        assert ends["prov"].receive(0) is None


@pytest.mark.parametrize("version", [4, 6])
def test_where_anti_spoofing_is_on_only_own_sources_get_in(ends, version):
    for dscp in (0, 46):
        for source in (CUSTOMER[version], SITE_HOST[FAR][version], TARGET[version]):
            forged = packet(version, source=source, dscp=dscp)
            ends[NEXT_DOOR].send(forged.frame(SITE_MAC[NEXT_DOOR], VIRTUAL_MAC))
        sent = packet(version, source=SITE_HOST[NEXT_DOOR][version], dscp=dscp)
        ends[NEXT_DOOR].send(sent.frame(SITE_MAC[NEXT_DOOR], VIRTUAL_MAC))
        assert_arrives(ends, A, sent)  # the first to arrive, so the others have been dropped
    elsewhere = packet(version, source=SITE_HOST[NEXT_DOOR][version])
    send(ends, elsewhere)
    assert_arrives(ends, A, elsewhere)


def test_nobody_abroad_is_carried_to_somebody_abroad(ends):
    for version, target in ((4, UNKNOWN), (4, "198.51.100.9"), (6, "2001:db8:ff::9")):
        sent = packet(version, source=TARGET[version], target=target)
        ends[A].send(sent.frame(ABROAD_MAC[A], VIRTUAL_MAC))
        assert all(end.receive(SILENCE_S) is None for end in ends.values())


def dropped(version):
    """Frames that are not to be carried: without a hop left, for somebody else, tagged, not IP, with a forged label."""
    frame = packet(version).frame(CUSTOMER_MAC, VIRTUAL_MAC)
    forged = struct.pack("!II", THERE.label << 12 | 64, EDGES[0].label << 12 | 0x140)
    return (
        packet(version, hops=1).frame(CUSTOMER_MAC, VIRTUAL_MAC),
        packet(version, hops=0).frame(CUSTOMER_MAC, VIRTUAL_MAC),
        packet(version).frame(CUSTOMER_MAC, "02:54:4c:00:00:0b"),
        tagged(frame, VlanTag(vid=5)),
        tagged(frame, VlanTag(vid=0, pcp=5)),
        tagged(frame, VlanTag(vid=5), VlanTag(vid=6)),
        ethernet(CUSTOMER_MAC, VIRTUAL_MAC, 0x88B5, bytes(50)),
        ethernet(CUSTOMER_MAC, VIRTUAL_MAC, 0x8847, forged + frame),
    )


@pytest.mark.parametrize("version", [4, 6])
def test_what_is_not_to_be_carried_is_dropped(ends, version):
    for frame in dropped(version):
        ends["prov"].send(frame)
        passes = packet(version, hops=2)
        send(ends, passes)  # it arrives first, so the other has been dropped
        assert_arrives(ends, A, passes)


def test_an_arp_request_for_our_address_is_answered(ends):
    nobody = "00:00:00:00:00:00"
    for name, mac, who, ours in (
        ("prov", CUSTOMER_MAC, CUSTOMER[4], ROUTER[4]),
        ("prov", CUSTOMER_MAC, "0.0.0.0", ROUTER[4]),  # is it free (RFC 5227)?
        (A, ABROAD_MAC[A], "192.0.2.1", OUR_ADDRESS[4]),
        (HERE, ABROAD_MAC[HERE], "192.0.2.1", OUR_ADDRESS[4]),
    ):
        for target in ("ff:ff:ff:ff:ff:ff", VIRTUAL_MAC):
            ends[name].send(ethernet(mac, target, 0x0806, arp(1, mac, who, nobody, ours)))
            answer = ends[name].receive()
            assert answer is not None, name
            assert answer.hex() == ethernet(VIRTUAL_MAC, mac, 0x0806, arp(2, VIRTUAL_MAC, ours, mac, who)).hex()


def test_a_neighbour_solicitation_for_our_address_is_answered(ends):
    for name, mac, who, ours in (
        ("prov", CUSTOMER_MAC, CUSTOMER[6], ROUTER[6]),
        (A, ABROAD_MAC[A], "2001:db8::1", OUR_ADDRESS[6]),
    ):
        asked_of_all = "33:33:ff:00:00:01", "ff02::1:ff00:1", mac
        asked_of_us = VIRTUAL_MAC, ours, mac
        without_option = VIRTUAL_MAC, ours, None
        for target_mac, target, told in (asked_of_all, asked_of_us, without_option):
            ends[name].send(ethernet(mac, target_mac, 0x86DD, neighbour_message(135, 0, 1, who, target, ours, told)))
            answer = ends[name].receive()
            assert answer is not None, name
            advertised = None if told is None else VIRTUAL_MAC
            expected = neighbour_message(136, 0xE0000000, 2, ours, who, ours, advertised)
            assert answer.hex() == ethernet(VIRTUAL_MAC, mac, 0x86DD, expected).hex()


def test_who_asks_for_somebody_else_gets_no_answer(ends):
    nobody = "00:00:00:00:00:00"
    ours = arp(1, CUSTOMER_MAC, CUSTOMER[4], nobody, ROUTER[4])
    for frame in (
        ethernet(CUSTOMER_MAC, "ff:ff:ff:ff:ff:ff", 0x0806, arp(1, CUSTOMER_MAC, CUSTOMER[4], nobody, "10.44.0.2")),
        ethernet(CUSTOMER_MAC, "ff:ff:ff:ff:ff:ff", 0x0806, arp(2, CUSTOMER_MAC, CUSTOMER[4], nobody, ROUTER[4])),
        tagged(ethernet(CUSTOMER_MAC, "ff:ff:ff:ff:ff:ff", 0x0806, ours), VlanTag(vid=7)),
        ethernet(
            CUSTOMER_MAC,
            "33:33:ff:00:00:02",
            0x86DD,
            neighbour_message(135, 0, 1, CUSTOMER[6], "ff02::1:ff00:2", "fd00:44::2", CUSTOMER_MAC),
        ),
        ethernet(
            CUSTOMER_MAC,
            "33:33:00:00:00:01",
            0x86DD,
            neighbour_message(136, 0, 2, CUSTOMER[6], "ff02::1", ROUTER[6], CUSTOMER_MAC),
        ),
    ):
        ends["prov"].send(frame)
        assert ends["prov"].receive(SILENCE_S) is None


@pytest.mark.parametrize("version", [4, 6])
def test_a_linux_host_finds_its_router_and_gets_out(ovs, version):
    interfaces = wire(ovs)
    with opened({A: interfaces[A], B: interfaces[B]}) as ends, LinuxHost(interfaces["prov"]) as host:
        host.configure(f"{CUSTOMER[version]}/{16 if version == 4 else 64}", ROUTER[version])
        host.send_udp(TARGET[version], b"found a way")
        arrived = ends[A].receive()
        assert arrived is not None
        assert arrived[:6].hex(":") == ABROAD_MAC[A]
        assert arrived.endswith(b"found a way")
        assert arrived[22 if version == 4 else 21] == 63
        assert host.neighbours()[ROUTER[version]] == (VIRTUAL_MAC, version == 6)


async def test_what_each_rule_has_carried_is_told():
    ovs = PrivateOvs()
    async with attached(ovs, DATAPATHS) as here:
        await install(here)
        interfaces = wire(ovs)
        driver = here.driver(WEST)
        steer = [rule for rule in RULES[WEST] if isinstance(rule, FlowRule) and rule.table is Table.STEER]
        asked = Match(group=ABROAD, traffic_class=PacketClass.GOLD, ip_dst=ANY_IPV4)
        [gold] = [key_of(rule) for rule in steer if rule.match == asked]
        before = await driver.counts(Table.STEER)
        assert before.keys() == set(map(key_of, steer))
        assert {(count.bytes, count.packets) for count in before.values()} == {(0, 0)}
        with opened(interfaces) as ends:
            frames = [packet(4, dscp=46) for _ in range(5)]
            for sent in frames:
                send(ends, sent)
                assert_arrives(ends, A, sent)
        async with asyncio.timeout(LIMIT_S):
            while (counts := await driver.counts(Table.STEER))[gold].packets < len(frames):
                pass  # the switch gathers what its fast path has counted, every half second
        assert counts[gold].packets == len(frames)
        assert counts[gold].bytes == sum(len(sent.frame(CUSTOMER_MAC, VIRTUAL_MAC)) for sent in frames)
        assert counts[gold].seconds > before[gold].seconds
        assert {count.packets for key, count in counts.items() if key != gold} == {0}
