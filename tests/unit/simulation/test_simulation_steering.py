"""Rules that steer packets, over OpenFlow into simulated switches and back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ip_frames import HOST, ROUTER, arp_request, packet_frame, solicitation
from os_ken.ofproto import ofproto_v1_3 as ofp
from os_ken.ofproto import ofproto_v1_3_parser as parser
from simulated_lab import bench
from steered_pair import FAR, NEAR, SITE, TOPOLOGY, S, rules, stream

from controller.domain.prefixes import parse_prefix
from controller.domain.rules import Change, FlowRule, GoTo, Match, SetGroup, SourceSlice, Table
from controller.forwarding.lookup import FlowTable, Noted, see
from controller.simulation.agent import Agent
from controller.simulation.covering import covers
from controller.simulation.datapath import Datapath
from controller.southbound.openflow import messages
from controller.southbound.openflow.inbound import read_error
from controller.southbound.openflow.protocol import CODEC, HEADER, to_bytes


@pytest.fixture
def address(tmp_path):
    return str(tmp_path / "openflow.sock")


def by_device(*steered, **more):
    found = {}
    for device, rule in rules(*steered, **more):
        found.setdefault(device, set()).add(rule)
    return found


def adding(wanted):
    return {device: tuple(Change(before=None, after=rule) for rule in found) for device, found in wanted.items()}


async def test_what_is_steered_over_openflow_goes_that_way_and_is_read_back_and_counted(address):
    sliced = ["near"] * 4 + ["far"] * 12
    wanted = by_device(*sliced)
    async with bench(TOPOLOGY, address) as lab:
        await lab.install([adding(wanted)])
        for device, held in wanted.items():
            assert set((await lab.southbound.driver(device).read()).rules) == held
        network = lab.simulator.network
        for question in (arp_request("10.44.0.9", "10.44.0.1"), solicitation("fd00:44::9", "fd00:44::1")):
            [outcome] = network.send([(*SITE, question)])
            assert [(arrival.node, arrival.port) for arrival in outcome.arrivals] == [SITE]
        network.traffic.declare([stream(rate_bps=8 * S, source_bits=4)])
        [carried] = network.traffic.carried()
        assert carried.out_bps == {NEAR: 2 * S, FAR: 6 * S}
        network.advance(S)
        counts = await lab.southbound.driver("west").counts(Table.STEER)
        # One second has passed in the time of the simulation, and a little of ours.
        age = max(count.seconds for count in counts.values())
        assert S <= sum(count.bytes for count in counts.values()) <= S * age
        assert all(count.bytes == 1_000 * count.packets for count in counts.values())


async def test_rules_of_the_steering_are_taken_away_like_any(address):
    wanted = by_device("far")
    async with bench(TOPOLOGY, address) as lab:
        await lab.install([adding(wanted)])
        away = {device: tuple(Change(before=rule, after=None) for rule in found) for device, found in wanted.items()}
        await lab.install([away], txn="away")
        for device in wanted:
            assert (await lab.southbound.driver(device).read()).rules == ()


def some(*values):
    return st.none() | st.sampled_from(values)


@st.composite
def matches(draw):
    kind = draw(st.sampled_from(("any", "ip", "arp", "nd")))
    asked = {"in_port": draw(some(1, 2)), "eth_dst": draw(some(HOST)), "group": draw(some(0, 5))}
    if kind == "any":
        asked |= {"ethertype": draw(some(0x0800, 0x86DD, 0x0806)), "vlan": draw(some(7))}
    elif kind == "ip":
        asked["ip_dst"] = parse_prefix(draw(st.sampled_from(("0.0.0.0/0", "8.8.0.0/16", "8.8.8.0/24", "::/0"))))
        asked |= {"dscp": draw(some(0, 46)), "source": draw(some(*SOURCES[asked["ip_dst"].version]))}
    elif kind == "arp":
        asked["arp_target"] = draw(st.sampled_from(("10.44.0.1", "10.44.0.2")))
    else:
        asked["nd_target"] = draw(st.sampled_from(("fd00::1", "fd00::2")))
    return Match(**asked)


SOURCES = {
    4: (SourceSlice(1, 1), SourceSlice(3, 2), *map(parse_prefix, ("10.0.0.0/8", "10.0.0.2/31", "10.0.0.3/32"))),
    6: (SourceSlice(1, 1), SourceSlice(3, 2), *map(parse_prefix, ("fd00::/16", "fd00::2/127", "fd00::3/128"))),
}
FRAMES = [
    *(
        packet_frame(source, destination, dscp=dscp, eth_dst=mac, tagged=tagged)
        for source, destination in (
            *(("10.0.0." + last, there) for last in "0123" for there in ("8.8.8.8", "8.8.9.9", "9.9.9.9")),
            *(("fd00::" + last, "2001:db8::8") for last in "0123"),
        )
        for dscp in (0, 46)
        for mac in (HOST, ROUTER)
        for tagged in (None, 7)
    ),
    *(arp_request("10.44.0.9", f"10.44.0.{last}") for last in "12"),
    *(solicitation("fd00::9", f"fd00::{last}") for last in "12"),
]
SEEN = [see(port, frame, Noted(group=group)) for frame in FRAMES for port in (1, 2) for group in (0, 5)]


def matched(match):
    table = FlowTable()
    table.add(FlowRule(cookie=1, table=Table.STEER, priority=1, match=match, actions=()))
    return {position for position, seen in enumerate(SEEN) if table.look_up(seen) is not None}


@given(matches(), matches())
def test_a_match_covers_another_if_it_matches_all_that_the_other_does(general, special):
    if covers(general, special):
        assert matched(special) <= matched(general)
    assert covers(special, special)
    assert covers(Match(), special)


@pytest.mark.parametrize(
    ("general", "special"),
    [
        ({"ip_dst": "8.8.0.0/16"}, {"ip_dst": "8.8.8.0/24"}),
        ({"ethertype": 0x0800}, {"ip_dst": "8.8.8.0/24"}),
        ({"ethertype": 0x0806}, {"arp_target": "10.44.0.1"}),
        ({"ethertype": 0x86DD}, {"nd_target": "fd00::1"}),
        ({"ip_dst": "::/0"}, {"nd_target": "fd00::1"}),
        (
            {"ip_dst": "0.0.0.0/0", "source": SourceSlice(1, 1)},
            {"ip_dst": "0.0.0.0/0", "source": SourceSlice(3, 2)},
        ),
        (
            {"ip_dst": "0.0.0.0/0", "source": parse_prefix("10.0.0.0/8")},
            {"ip_dst": "8.8.8.0/24", "source": parse_prefix("10.0.0.2/32")},
        ),
        (
            {"ip_dst": "0.0.0.0/0", "source": SourceSlice(2, 2)},
            {"ip_dst": "0.0.0.0/0", "source": parse_prefix("10.0.0.2/32")},
        ),
        ({"group": 5}, {"group": 5, "traffic_class": 1}),
    ],
)
def test_what_covers_is_not_covered(general, special):
    wide, narrow = (
        Match(**{name: parse_prefix(value) if name == "ip_dst" else value for name, value in asked.items()})
        for asked in (general, special)
    )
    assert covers(wide, narrow)
    assert not covers(narrow, wide)


def refusal(match, *instructions):
    agent = Agent(Datapath("pe", 1, ports=(1,)))
    agent.receive(messages.hello(1))
    mod = parser.OFPFlowMod(CODEC, table_id=int(Table.ROUTE), priority=1, match=match, instructions=list(instructions))
    answer = agent.receive(to_bytes(mod, 2))
    return read_error(answer[HEADER.size :])[:2] if answer else None


BAD_FIELD = (ofp.OFPET_BAD_MATCH, ofp.OFPBMC_BAD_FIELD)
GOING_ON = parser.OFPInstructionGotoTable(int(Table.STEER))


@pytest.mark.parametrize(
    ("match", "instructions", "error"),
    [
        ({"eth_type": 0x0800, "vlan_vid": 0, "ipv4_dst": ("8.8.0.0", "255.255.0.0")}, [GOING_ON], None),
        ({"eth_type": 0x0800, "ipv4_dst": "8.8.8.8"}, [GOING_ON], BAD_FIELD),  # tagged frames, too
        ({"eth_type": 0x0800, "vlan_vid": 0, "ipv4_dst": ("8.0.8.0", "255.0.255.0")}, [GOING_ON], BAD_FIELD),
        ({"eth_type": 0x0800, "vlan_vid": 0, "udp_dst": 53, "ip_proto": 17}, [GOING_ON], BAD_FIELD),
        (
            {"eth_type": 0x0800, "vlan_vid": 0},
            [parser.OFPInstructionWriteMetadata(7, 0xFF), GOING_ON],  # neither all of the class nor of the group
            (ofp.OFPET_BAD_INSTRUCTION, ofp.OFPBIC_UNSUP_METADATA_MASK),
        ),
        ({"eth_type": 0x0800, "vlan_vid": 0}, [parser.OFPInstructionWriteMetadata(7, 0xFFFFFF), GOING_ON], None),
    ],
)
def test_what_a_simulated_switch_does_not_know_it_refuses(match, instructions, error):
    assert refusal(parser.OFPMatch(**match), *instructions) == error


def test_a_route_is_the_same_on_the_wire_and_off_it():
    datapath = Datapath("pe", 1, ports=(1,))
    agent = Agent(datapath)
    agent.receive(messages.hello(1))
    route = FlowRule(
        cookie=1 << 40,
        table=Table.ROUTE,
        priority=24,
        match=Match(ip_dst=parse_prefix("8.8.8.0/24")),
        actions=(SetGroup(0xFFFFFF), GoTo(Table.STEER)),
    )
    assert agent.receive(messages.flow_mod(messages.Command.ADD, route, 2)) == b""
    assert set(datapath.tables.switch.rules.values()) == {route}
