"""Private lines over three real switches, with real frames: what arrives is compared byte for byte."""

import asyncio
import os
import select
from itertools import product

import pytest
from attached_switches import adding, attached, carry_out
from private_ovs import PrivateOvs

from controller.domain.rules import (
    Bucket,
    FlowRule,
    GoTo,
    GroupKind,
    GroupRule,
    Match,
    MeterRule,
    Output,
    Owner,
    Police,
    PopTrunk,
    SetTrunk,
    SetVlan,
    Table,
    Unwrap,
    UseGroup,
    Wrap,
    cookie,
)
from lab.measure import frames
from lab.measure.frames import S_TAG, Identity, VlanTag, tagged, with_vid
from lab.measure.raw_port import RawPort, SitePort

pytestmark = pytest.mark.lab

WEST, MIDDLE, EAST = "west", "middle", "east"
DATAPATHS = {1: WEST, 2: MIDDLE, 3: EAST}
EPL_PORT, EVPL_PORT, CORE, OTHER_CORE = 11, 12, 1, 2
WEST_VLAN, EAST_VLAN = 100, 200
EASTWARD, WESTWARD = 5001, 5002
LARGEST = 0xFFFFF
LIMIT_S = 5


def flow(owner, table, priority, match, *actions):
    return FlowRule(cookie=owner, table=table, priority=priority, match=match, actions=actions)


def trunk_rules(label, head, head_port, tail, transit_from, transit_to, tail_port):
    owner = cookie(Owner.TRUNK, label)
    send = Bucket(actions=(SetTrunk(label), Output(head_port)))
    yield head, GroupRule(group_id=label, kind=GroupKind.INDIRECT, buckets=(send,))
    yield (
        MIDDLE,
        flow(owner, Table.CLASSIFY, 300, Match(in_port=transit_from, mpls_label=label), Output(transit_to)),
    )
    end = PopTrunk(), GoTo(Table.DELIVER)
    yield tail, flow(owner, Table.CLASSIFY, 300, Match(in_port=tail_port, mpls_label=label), *end)


def line_rules(number, head, tail, trunk, service_label, enters, leaves_by, *, translate_to=None):
    owner = cookie(Owner.LINE, number)
    translate = () if translate_to is None else (SetVlan(translate_to),)
    yield head, MeterRule(meter_id=service_label, rate_kbps=100_000, burst_kbits=50_000)
    sends = Police(service_label), *translate, Wrap(service_label), UseGroup(trunk)
    yield head, flow(owner, Table.CLASSIFY, 200, enters, *sends)
    arrives = Unwrap(), Output(leaves_by)
    yield tail, flow(owner, Table.DELIVER, 200, Match(mpls_label=service_label), *arrives)


def all_rules():
    yield from trunk_rules(EASTWARD, WEST, CORE, EAST, CORE, OTHER_CORE, CORE)
    yield from trunk_rules(WESTWARD, EAST, CORE, WEST, OTHER_CORE, CORE, CORE)
    epl, west, east = Match(in_port=EPL_PORT), EVPL_PORT, EVPL_PORT
    yield from line_rules(1, WEST, EAST, EASTWARD, 7001, epl, EPL_PORT)
    yield from line_rules(1, EAST, WEST, WESTWARD, LARGEST, epl, EPL_PORT)
    from_west, from_east = Match(in_port=west, vlan=WEST_VLAN), Match(in_port=east, vlan=EAST_VLAN)
    yield from line_rules(2, WEST, EAST, EASTWARD, 7003, from_west, east, translate_to=EAST_VLAN)
    yield from line_rules(2, EAST, WEST, WESTWARD, 7004, from_east, west, translate_to=WEST_VLAN)


@pytest.fixture
def line():
    """The customers' ends of both lines, installed and verified: (switch, port) -> raw port. The southbound is gone
    by then: a switch without its controller goes on carrying."""
    ovs = PrivateOvs()
    asyncio.run(install(ovs))
    ovs.connect(WEST, CORE, MIDDLE, CORE)
    ovs.connect(MIDDLE, OTHER_CORE, EAST, CORE)
    opened = {}
    for name in (WEST, EAST):
        for number in (EPL_PORT, EVPL_PORT):
            interface = ovs.add_customer_port(name, number, mtu=1600)  # tags on top of 1,500 bytes
            opened[name, number] = RawPort(SitePort(site=interface, pid=os.getpid(), interface=interface))
    yield opened
    for port in opened.values():
        port.close()


async def install(ovs):
    async with attached(ovs, DATAPATHS) as here:
        for device in DATAPATHS.values():
            await carry_out(here.driver(device), *adding(rule for where, rule in all_rules() if where == device))


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
    "MPLS, five labels": lambda: ethernet(0x8847, labels(5)),
    "MPLS without a bottom": lambda: ethernet(0x8847, bytes.fromhex("003e9040")),
    "MPLS multicast": lambda: ethernet(0x8848, labels(2)),
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


INNER = {
    "no inner tag": (),
    "C-tag": (VlanTag(vid=77, pcp=2),),
    "S-tag": (VlanTag(vid=77, pcp=2, tpid=S_TAG),),
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
