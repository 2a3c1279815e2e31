"""Private lines over three real switches, with real frames: what arrives is compared byte for byte.

The rules are those that the compiler makes for the lines.
"""

import asyncio
import os
import select
import struct
from contextlib import contextmanager
from itertools import product
from unittest.mock import patch

import pytest
from attached_switches import adding, attached, carry_out
from private_ovs import PrivateOvs
from raw_frames import RawEnd
from routed_packets import Packet

from controller.compiler.planner import Planner
from controller.domain.intents import Attachment, PrivateLine
from controller.domain.qos import LINE_TC
from controller.domain.topology import Link, Node, PerDirection, Role, Site, Topology
from lab.measure import frames
from lab.measure.frames import S_TAG, Identity, VlanTag, tagged, with_vid
from lab.measure.raw_port import RawPort, SitePort

pytestmark = pytest.mark.lab

WEST, MIDDLE, EAST = "west", "middle", "east"
DATAPATHS = {1: WEST, 2: MIDDLE, 3: EAST}
EPL_PORT, EVPL_PORT, CORE, OTHER_CORE = 11, 12, 1, 2
WEST_VLAN, EAST_VLAN = 100, 200
LAST_LABELS = (0xFFFF8, 0xFFFFF)
"""Just enough for two lines: the largest label is among them."""
LIMIT_S = 5
ATTEMPTS = 20


def link(name, a, z, a_port, z_port):
    return Link(
        name=name,
        a=a,
        z=z,
        a_port=a_port,
        z_port=z_port,
        capacity_bps=PerDirection.both(10**9),
        delay_ns=PerDirection.both(1),
    )


TOPOLOGY = Topology(
    name="chain",
    nodes=tuple(Node(name=name, role=Role.PE) for name in DATAPATHS.values()),
    links=(link("left", WEST, MIDDLE, CORE, CORE), link("right", MIDDLE, EAST, OTHER_CORE, CORE)),
    sites=tuple(
        Site(name=f"{node}-{port}", node=node, port=port) for node in (WEST, EAST) for port in (EPL_PORT, EVPL_PORT)
    ),
)


def private_line(name, port, west_vlan=None, east_vlan=None):
    return PrivateLine(
        tenant="acme",
        name=name,
        a=Attachment(site=f"{WEST}-{port}", vlan=west_vlan),
        z=Attachment(site=f"{EAST}-{port}", vlan=east_vlan),
        cir_bps=PerDirection.both(100 * 10**6),
    )


def rules_by_device():
    with patch("controller.compiler.inventory.SERVICE_LABELS", LAST_LABELS):
        planner = Planner(TOPOLOGY)
    plan = planner.plan([private_line("epl", EPL_PORT), private_line("evpl", EVPL_PORT, WEST_VLAN, EAST_VLAN)])
    assert plan.feasible
    planner.adopt(plan)
    return {device: tuple(rules.values()) for device, rules in planner.desired.items()}


@contextmanager
def network(link_mtu):
    """The customers' ends of both lines, installed and verified: (switch, port) -> raw port. The southbound is gone
    by then: a switch without its controller goes on carrying."""
    ovs = PrivateOvs()
    asyncio.run(install(ovs))
    ovs.connect(WEST, CORE, MIDDLE, CORE, mtu=link_mtu)
    ovs.connect(MIDDLE, OTHER_CORE, EAST, CORE, mtu=link_mtu)
    opened = {}
    for name, number in product((WEST, EAST), (EPL_PORT, EVPL_PORT)):
        interface = ovs.add_customer_port(name, number, mtu=1600)  # tags on top of 1,500 bytes
        opened[name, number] = RawPort(SitePort(site=interface, pid=os.getpid(), interface=interface))
    yield opened
    for port in opened.values():
        port.close()


async def install(ovs):
    async with attached(ovs, DATAPATHS) as here:
        for device, rules in rules_by_device().items():
            await carry_out(here.driver(device), *adding(rules))


@pytest.fixture
def line():
    with network(link_mtu=1600) as opened:
        yield opened


def receive(port):
    """The next frame at ``port``, which must come."""
    ready, _, _ = select.select([port], [], [], LIMIT_S)
    assert ready, f"nothing arrives at {port.site}"
    return port.receive()[0]


class Marks:
    """A fresh identity for every frame."""

    def __init__(self):
        self._count = 0

    def next(self):
        self._count += 1
        return Identity(source=bytes.fromhex("02aa00000001"), target=bytes.fromhex("02aa00000002"), mark=self._count)


MARKS = Marks()


def ethernet(kind, payload):
    """A frame of the ethertype ``kind``; what follows ``payload`` makes it distinct."""
    identity = MARKS.next()
    number = identity.mark.to_bytes(8, "big")
    return identity.target + identity.source + kind.to_bytes(2, "big") + payload + number * 5


def snap(kind, payload):
    """IEEE 802.3 with a length, LLC and SNAP (RFC 1042): Open vSwitch reads its protocol as the ethertype."""
    behind = bytes.fromhex("aaaa03000000") + kind.to_bytes(2, "big") + payload
    return ethernet(len(behind) + 40, behind)


def labels(count):
    return bytes.fromhex("003e9040") * (count - 1) + bytes.fromhex("003ea140")


KINDS = {
    "untagged": lambda: frames.ipv4_udp(MARKS.next()),
    "shortest": lambda: frames.ipv4_udp(MARKS.next(), 46),
    "1,500 bytes": lambda: frames.ipv4_udp(MARKS.next(), 1500),
    "IPv6": lambda: frames.ipv6_udp(MARKS.next()),
    "ARP": lambda: frames.arp_request(MARKS.next()),
    "LLDP": lambda: frames.lldp(MARKS.next()),
    "spanning tree": lambda: frames.bridge_protocol(MARKS.next()),
    "unknown ethertype": lambda: frames.unknown_ethertype(MARKS.next()),
    "MPLS": lambda: frames.mpls(MARKS.next()),
    "MPLS, one label": lambda: ethernet(0x8847, labels(1)),
    "MPLS, three labels": lambda: ethernet(0x8847, labels(3)),
    "MPLS, five labels": lambda: ethernet(0x8847, labels(5)),
    "MPLS without a bottom": lambda: ethernet(0x8847, bytes.fromhex("003e9040")),
    "MPLS multicast": lambda: ethernet(0x8848, labels(2)),
    "MPLS in a SNAP header": lambda: snap(0x8847, labels(2)),
    "NSH": lambda: ethernet(0x894F, bytes.fromhex("0fc202030000000000")),
    "broken IPv4": lambda: ethernet(0x0800, b"\xff"),
    "broken IPv6": lambda: ethernet(0x86DD, b"\x60"),
    "a line inside the line": lambda: ethernet(0x8847, labels(2) + frames.ipv4_udp(MARKS.next())),
}
TAGS = {
    "no tag": (),
    "tag": (VlanTag(vid=10, pcp=5),),
    "priority tag": (VlanTag(vid=0, pcp=3),),
    "largest VID": (VlanTag(vid=4094, pcp=7),),
    "S-tag": (VlanTag(vid=11, pcp=1, tpid=S_TAG),),
    "QinQ": (VlanTag(vid=11, pcp=1, tpid=S_TAG), VlanTag(vid=12, pcp=6, dei=1)),
    "two C-tags": (VlanTag(vid=11, pcp=1), VlanTag(vid=12, pcp=6)),
    "three tags": (VlanTag(vid=11, tpid=S_TAG), VlanTag(vid=12, pcp=6), VlanTag(vid=13, pcp=2)),
}


@pytest.mark.parametrize(("sender", "receiver"), [(WEST, EAST), (EAST, WEST)])
def test_epl_carries_every_frame_bit_for_bit(line, sender, receiver):
    for (kind, build), (name, tags) in product(KINDS.items(), TAGS.items()):
        frame = tagged(build(), *tags)
        line[sender, EPL_PORT].send(frame)
        assert receive(line[receiver, EPL_PORT]).hex() == frame.hex(), f"{kind}, {name}"


def test_links_know_a_line_by_the_traffic_class_of_its_label(line):
    """Whatever the customer's own packets say of themselves, and on the way back, too."""
    with RawEnd(os.getpid(), f"{MIDDLE}-{CORE}") as there, RawEnd(os.getpid(), f"{MIDDLE}-{OTHER_CORE}") as back:
        for core, sender, receiver in ((there, WEST, EAST), (back, EAST, WEST)):
            for dscp in (0, 8, 46, 63):
                packet = Packet(source="10.0.0.1", target="10.0.0.2", dscp=dscp)
                plain = packet.frame("02:00:00:00:00:01", "02:00:00:00:00:02")
                for frame in (plain, plain[:12] + bytes.fromhex("8847 00001140") + plain[14:]):
                    line[sender, EPL_PORT].send(frame)
                    assert receive(line[receiver, EPL_PORT]).hex() == frame.hex()
                    kind, label = struct.unpack_from("!HI", core.receive(), 12)
                    assert (kind, label >> 9 & 7) == (0x8847, LINE_TC)


INNER = {
    "no inner tag": (),
    "C-tag": (VlanTag(vid=77, pcp=2),),
    "S-tag": (VlanTag(vid=77, pcp=2, tpid=S_TAG),),
    "two tags": (VlanTag(vid=77, pcp=2, tpid=S_TAG), VlanTag(vid=78, pcp=3)),
    "own VID again": (VlanTag(vid=WEST_VLAN, pcp=4),),
}


@pytest.mark.parametrize(
    ("sender", "vid", "receiver", "arrives_as"),
    [(WEST, WEST_VLAN, EAST, EAST_VLAN), (EAST, EAST_VLAN, WEST, WEST_VLAN)],
)
def test_evpl_translates_the_vid_and_nothing_else(line, sender, vid, receiver, arrives_as):
    for (kind, build), (name, inner), pcp in product(KINDS.items(), INNER.items(), (0, 5)):
        frame = tagged(build(), VlanTag(vid=vid, pcp=pcp), *inner)
        line[sender, EVPL_PORT].send(frame)
        assert receive(line[receiver, EVPL_PORT]).hex() == with_vid(frame, arrives_as).hex(), f"{kind}, {name}"


BLOCKED = {
    "untagged": (),
    "priority tag": (VlanTag(vid=0, pcp=5),),
    "another VID": (VlanTag(vid=101),),
    "the VID of the far end": (VlanTag(vid=EAST_VLAN),),
    "the VID behind another": (VlanTag(vid=101), VlanTag(vid=WEST_VLAN)),
    "0x9100": (VlanTag(vid=WEST_VLAN, tpid=0x9100),),
}


def test_evpl_blocks_what_is_not_its_vlan(line):
    for name, tags in BLOCKED.items():
        line[WEST, EVPL_PORT].send(tagged(frames.ipv4_udp(MARKS.next()), *tags))
        # A frame of the line sent after it arrives first: so the other one has been dropped.
        passes = tagged(frames.ipv4_udp(MARKS.next()), VlanTag(vid=WEST_VLAN))
        line[WEST, EVPL_PORT].send(passes)
        assert receive(line[EAST, EVPL_PORT]).hex() == with_vid(passes, EAST_VLAN).hex(), name


def test_evpl_takes_an_s_tag_of_its_vid_for_its_vlan(line):
    """A known limit of Open vSwitch: no OpenFlow match tells the TPIDs 0x8100 and 0x88a8 apart. The frame is the
    same customer's, arrives at its own far end, and keeps the TPID that it came with."""
    c_tagged = tagged(frames.ipv4_udp(MARKS.next()), VlanTag(vid=WEST_VLAN, pcp=5))
    s_tagged = tagged(frames.ipv4_udp(MARKS.next()), VlanTag(vid=WEST_VLAN, pcp=5, tpid=S_TAG))
    for frame in (c_tagged, s_tagged, c_tagged):
        line[WEST, EVPL_PORT].send(frame)
        assert receive(line[EAST, EVPL_PORT]).hex() == with_vid(frame, EAST_VLAN).hex()


def test_the_dei_of_the_outermost_tag_is_lost(line):
    """A known limit of Open vSwitch on packet sockets: it puts the tag that the kernel took off back without the bit
    (``eth_push_vlan``). With its own drivers it would pass."""
    frame = tagged(frames.ipv4_udp(MARKS.next()), VlanTag(vid=10, pcp=5, dei=1))
    line[WEST, EPL_PORT].send(frame)
    assert receive(line[EAST, EPL_PORT]) == tagged(with_vid(frame, 10)[:12] + frame[16:], VlanTag(vid=10, pcp=5))


FULL = 1500
"""Bytes of the longest packet that the lines promise to carry."""


def packet(kind, size, *tags):
    """A frame around a packet of ``size`` bytes, of a customer's own MPLS or not."""
    if kind == "IPv4":
        return tagged(frames.ipv4_udp(MARKS.next(), size), *tags)
    stack = labels(2)
    return tagged(ethernet(0x8847, stack + bytes(size - len(stack) - 40)), *tags)


@pytest.mark.parametrize(
    ("link_mtu", "kind", "port", "largest"),
    [
        (1522, "IPv4", EPL_PORT, FULL),
        (1521, "IPv4", EPL_PORT, FULL - 1),
        (1526, "IPv4", EVPL_PORT, FULL),
        (1525, "IPv4", EVPL_PORT, FULL - 1),
        (1522, "MPLS", EPL_PORT, FULL - 8),
        (1530, "MPLS", EPL_PORT, FULL),
        (1534, "MPLS", EVPL_PORT, FULL),
    ],
)
def test_the_longest_packet_that_a_link_has_room_for(link_mtu, kind, port, largest):
    """22 bytes of wrap, 4 for the tag that an EVPL's frames bring along; and the shim's 8 for what is MPLS itself."""
    vids = {WEST: WEST_VLAN, EAST: EAST_VLAN}
    with network(link_mtu) as line:
        for sender, receiver in ((WEST, EAST), (EAST, WEST)):
            tags = (VlanTag(vid=vids[sender]),) if port == EVPL_PORT else ()
            line[sender, port].send(packet(kind, largest + 1, *tags))
            fitting = packet(kind, largest, *tags)
            arrived = first_to_arrive(line[sender, port], line[receiver, port], fitting)
            assert arrived.hex() == (with_vid(fitting, vids[receiver]) if tags else fitting).hex()


def first_to_arrive(sender, receiver, frame):
    """Send ``frame`` until something arrives: with a frame that is too long Open vSwitch drops its whole batch."""
    for _ in range(ATTEMPTS):
        sender.send(frame)
        if select.select([receiver], [], [], LIMIT_S / ATTEMPTS)[0]:
            return receiver.receive()[0]
    raise AssertionError(f"nothing arrives at {receiver.site}")
