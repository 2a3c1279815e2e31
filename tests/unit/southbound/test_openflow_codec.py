"""Rules <-> bytes: the two encoders agree, what goes out comes back equal, and os-ken reads what we meant."""

import struct
import subprocess
import sys
from ipaddress import IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openflow_bytes import apply_actions, cut_actions, one_flow, parts
from openflow_rules import LINE, ROUTED, SENT, STEERED, flows, groups, matches, meters
from os_ken.ofproto import ofproto_v1_3 as ofp
from os_ken.ofproto import ofproto_v1_3_parser as parser

from controller.domain.foreign import ForeignRule, PortUse
from controller.domain.prefixes import ANY_IPV4, ANY_IPV6, Prefix
from controller.domain.rules import (
    AnswerArp,
    AnswerNeighbour,
    Bucket,
    FlowRule,
    GoTo,
    GroupKind,
    GroupRule,
    Match,
    MeterRule,
    Opaque,
    Output,
    Police,
    PopTrunk,
    SetClass,
    SetGroup,
    SetMacs,
    SetTrunk,
    SetVlan,
    SourceSlice,
    Table,
    Unwrap,
    UseGroup,
    Wrap,
)
from controller.simulation import replies
from controller.southbound.openflow import messages
from controller.southbound.openflow.actions import decode_instructions, encode_instructions
from controller.southbound.openflow.match_words import describe_match
from controller.southbound.openflow.messages import Command, flow_mod
from controller.southbound.openflow.oxm import NotOurs, decode_match, encode_match, split_match
from controller.southbound.openflow.protocol import CODEC, HEADER
from controller.southbound.openflow.readback import read_flows, read_groups, read_meters
from controller.southbound.openflow.template import fast_flow_mod

commands = st.sampled_from(list(Command))
xids = st.integers(0, 0xFFFFFFFF)


@given(commands, flows, xids)
def test_the_template_yields_the_bytes_of_the_general_encoder(command, rule, xid):
    assert fast_flow_mod(command, rule, xid) == flow_mod(command, rule, xid)


@given(st.lists(flows, max_size=20))
def test_flows_come_back_equal(rules):
    assert list(read_flows(parts(replies.flow_statistics(1, rules)))) == rules


@given(st.lists(groups(), max_size=10))
def test_groups_come_back_equal(rules):
    assert list(read_groups(parts(replies.group_descriptions(1, rules)))) == rules


@given(st.lists(meters, max_size=10))
def test_meters_come_back_equal(rules):
    assert list(read_meters(parts(replies.meter_configurations(1, rules)))) == rules


@given(matches)
def test_a_match_comes_back_equal_and_padded(match):
    data = encode_match(match)
    assert len(data) % 8 == 0
    fields, rest = split_match(data + b"rest")
    assert (decode_match(fields), rest) == (match, b"rest")


@given(flows, xids)
def test_os_ken_reads_a_flow_mod_as_it_was_meant(rule, xid):
    data = fast_flow_mod(Command.ADD, rule, xid)
    version, kind, length, got_xid = HEADER.unpack_from(data)
    assert (version, kind, length, got_xid) == (ofp.OFP_VERSION, ofp.OFPT_FLOW_MOD, len(data), xid)
    fixed = struct.unpack_from("!QQBBHHHIIIH", data, HEADER.size)
    assert fixed == (
        rule.cookie,
        0,
        rule.table,
        ofp.OFPFC_ADD,
        0,
        0,
        rule.priority,
        ofp.OFP_NO_BUFFER,
        *[0xFFFFFFFF] * 2,
        0,
    )
    read = parser.OFPMatch.parser(data, 48)
    found = {name: shortest(value) for name, value in read.items()}
    assert found == {name: value for name, value in asked(rule.match).items() if value is not None}


def shortest(value):
    """IPv6 addresses in their shortest form: os-ken writes ``::0.1.0.2``."""
    if isinstance(value, tuple):
        return tuple(map(shortest, value))
    return str(IPv6Address(value)) if isinstance(value, str) and "::" in value else value


def asked(match):
    """What os-ken must find in a match, by its names."""
    expected = {"in_port": match.in_port, "mpls_label": match.mpls_label, "eth_dst": match.eth_dst}
    expected["vlan_vid"] = None if match.vlan is None else ofp.OFPVID_PRESENT | match.vlan
    expected["eth_type"] = match.ethertype if match.mpls_label is None else 0x8847
    if (match.traffic_class, match.group) != (None, None):
        value = (0 if match.traffic_class is None else match.traffic_class << 24) | (match.group or 0)
        mask = (0 if match.traffic_class is None else 0xFF000000) | (0 if match.group is None else 0xFFFFFF)
        expected["metadata"] = (value, mask)
    if match.arp_target is not None:
        expected |= {"eth_type": 0x0806, "vlan_vid": 0, "arp_op": 1, "arp_tpa": match.arp_target}
    if match.nd_target is not None:
        expected |= {"eth_type": 0x86DD, "vlan_vid": 0, "ip_proto": 58, "icmpv6_type": 135, "icmpv6_code": 0}
        expected["ipv6_nd_target"] = match.nd_target
    if match.echo_reply is not None:
        source, destination = match.echo_reply
        v6 = ":" in source
        expected |= {"eth_type": 0x86DD if v6 else 0x0800, "vlan_vid": 0, "ip_proto": 58 if v6 else 1}
        name, echo_reply = ("ipv6", ("icmpv6_type", 129)) if v6 else ("ipv4", ("icmpv4_type", 0))
        expected |= {f"{name}_src": source, f"{name}_dst": destination, echo_reply[0]: echo_reply[1]}
    if match.ip_dst is not None:
        expected |= {"vlan_vid": 0, "ip_dscp": match.dscp} | asked_of_addresses(match)
    return expected


def asked_of_addresses(match):
    version, _, length = match.ip_dst
    network = match.ip_dst.network()
    whole = network.max_prefixlen
    destination = (str(network.network_address), str(network.netmask)) if 0 < length < whole else None
    expected = {"eth_type": 0x0800 if version == 4 else 0x86DD}
    expected[f"ipv{version}_dst"] = str(network.network_address) if length == whole else destination
    if isinstance(match.source, Prefix):
        source = match.source.network()
        masked = (str(source.network_address), str(source.netmask))
        expected[f"ipv{version}_src"] = str(source.network_address) if source.prefixlen == whole else masked
    elif match.source is not None:
        last_bits = (match.source.value, (1 << match.source.width) - 1)
        expected[f"ipv{version}_src"] = tuple(map(str, map(type(network.network_address), last_bits)))
    return expected


# The bytes were read from Open vSwitch 3.1 (ovs-ofctl's own encoding of the actions named).
ENCAP_NSH = "ffff001800002320 002e 0000 0001894f 0004 01 05 02 000000"
ENCAP_MPLS = "ffff001000002320 002e 0000 00018847"
ENCAP_ETHERNET = "ffff001000002320 002e 0000 00000000"
DECAP = "ffff001000002320 002f 0000 0000fffe"
DECAP_TO_ETHERNET = "ffff001000002320 002f 0000 00000000"
DECAP_TO_NSH = "ffff001000002320 002f 0000 0001894f"


def test_the_bytes_of_wrap_and_unwrap():
    label = "0019 0010 80004404 00011170 00000000"
    addresses = "0019 0010 80000606 02544c000002 0000", "0019 0010 80000806 02544c000001 0000"
    traffic_class = "0019 0010 80004601 05 000000 00000000"
    plain = ENCAP_MPLS, label, ENCAP_MPLS, traffic_class, ENCAP_ETHERNET, *addresses
    assert encode_instructions((Wrap(70_000, tc=5),)) == apply_actions(*plain)
    assert encode_instructions((Wrap(70_000, shim=True, tc=5),)) == apply_actions(ENCAP_NSH, *plain)
    assert encode_instructions((Unwrap(),)) == apply_actions(DECAP, DECAP_TO_ETHERNET)
    assert encode_instructions((Unwrap(shim=True),)) == apply_actions(DECAP, DECAP_TO_NSH, DECAP)


def test_a_drop_has_no_instructions():
    assert encode_instructions(()) == b""
    assert decode_instructions(b"") == ()
    assert decode_instructions(apply_actions()) == ()


@pytest.mark.parametrize(
    "part",
    [
        "0019 0010 80000c02 00c8 000000000000",  # VLAN without its "present" bit
        "0019 0010 80000c02 1000 000000000000",  # VLAN 0
        "0019 0010 80004404 00100000 00000000",  # a label of 21 bits
        "0019 0010 80004504 00000001 00000000",  # a mask
        "0000 0010 fffffffd 0000 000000000000",  # to the controller
        "0014 0008 0800 0000",  # pop_mpls to IPv4
        "0012 0008 00000000",  # pop_vlan
        ENCAP_MPLS,
        DECAP,
        ENCAP_NSH,
        DECAP_TO_ETHERNET,
        DECAP_TO_NSH,
        "ffff001000001234 002f 0000 0000fffe",
    ],
)
def test_what_no_action_of_ours_says_is_opaque(part):
    before, after = "0000 0010 00000001 0000 000000000000", "0016 0008 00000005"
    found = decode_instructions(apply_actions(before, part, after))
    assert found[0] == Output(1)
    assert isinstance(found[1], Opaque)
    assert found[2:] == (UseGroup(5),)


@pytest.mark.parametrize(("wrap", "count"), [(Wrap(70_000), 7), (Wrap(70_000, shim=True, tc=5), 8)])
def test_a_wrap_with_a_part_missing_is_another_one_or_none(wrap, count):
    parts = [part.hex() for part in cut_actions(encode_instructions((wrap,))[8:])]
    assert len(parts) == count
    for missing in range(count):
        found = decode_instructions(apply_actions(*parts[:missing], *parts[missing + 1 :]))
        if wrap.shim and missing == 0:
            assert found == (Wrap(70_000, tc=5),)
            continue
        assert not any(isinstance(action, Wrap) for action in found)
        assert any(isinstance(action, Opaque) for action in found)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ("80000c02 0000", "vlan_vid=0"),
        ("80000d04 1000 1000", "vlan_vid=4096/4096"),
        ("80000a02 8848 80004404 00000005", "eth_type=34888 mpls_label=5"),
        ("80000b04 8847 ffff", "eth_type=34887/65535"),
        ("80000a02 0800 80001908 0a000000 ff000000", "eth_type=2048 ipv4_dst=10.0.0.0/255.0.0.0"),
        ("80000104 00000001", "oxm(0x8000,0)=0000/0001"),
        ("80001801 0a", "oxm(0x8000,12)=0a"),
        ("00010204 deadbeef", "reg1=3735928559"),
        ("12340204 deadbeef", "deadbeef"),
    ],
)
def test_a_match_that_is_not_ours_is_told_in_words(fields, words):
    fields = bytes.fromhex(fields)
    with pytest.raises(NotOurs):
        decode_match(fields)
    assert words in describe_match(fields)


@pytest.mark.parametrize("changes", [{"idle": 60}, {"hard": 60}, {"flags": 1}, {"priority": 201}])
def test_a_flow_of_ours_that_was_tampered_with_is_read_as_another(changes):
    [found] = read_flows([one_flow(SENT, **changes)])
    assert isinstance(found, FlowRule)
    assert found != SENT


def test_counters_make_no_difference():
    assert list(read_flows([one_flow(SENT, s=9, ns=9, packets=9, bytes=9)])) == [SENT]


@pytest.mark.parametrize("changes", [{"cookie": 0x99}, {"cookie": LINE & ~(0xFFFF << 48)}, {"table": 7}])
def test_a_flow_that_is_not_ours_is_told_in_words(changes):
    [found] = read_flows([one_flow(SENT, **changes)])
    assert isinstance(found, ForeignRule)
    assert "mpls_label=7" in found.words
    assert "Output(port=3)" in found.words
    assert (found.labels, found.ports) == ((7,), (PortUse(port=3, vlan=None),))
    assert (found.place is None) == ("table" in changes)


def test_a_group_or_meter_of_another_make_is_read_as_another():
    group = GroupRule(group_id=1, kind=GroupKind.INDIRECT, buckets=(Bucket(actions=(SetTrunk(5), Output(1))),))
    [entry] = parts(replies.group_descriptions(1, [group]))
    for kind in (ofp.OFPGT_ALL, ofp.OFPGT_SELECT, ofp.OFPGT_FF):
        [found] = read_groups([entry[:2] + bytes([kind]) + entry[3:]])
        assert found != group
    [watching] = read_groups([entry[:16] + struct.pack("!I", 9) + entry[20:]])
    assert watching != group
    meter = MeterRule(meter_id=1, rate_kbps=1000, burst_kbits=500)
    [entry] = parts(replies.meter_configurations(1, [meter]))
    for flags in (ofp.OFPMF_PKTPS | ofp.OFPMF_BURST, ofp.OFPMF_KBPS, 0):
        [found] = read_meters([entry[:2] + struct.pack("!H", flags) + entry[4:]])
        assert found != meter
    [statistics] = read_meters([entry[:2] + struct.pack("!H", 0b1101) + entry[4:]])
    assert statistics == meter
    [two_bands] = read_meters([struct.pack("!H", 40) + entry[2:] + entry[8:]])
    assert two_bands != meter


@pytest.mark.parametrize(
    ("match", "actions"),
    [
        (Match(in_port=0), ()),
        (Match(in_port=1 << 32), ()),
        (Match(vlan=0), ()),
        (Match(vlan=4095), ()),
        (Match(ethertype=0x05FF), ()),
        (Match(ethertype=0x10000), ()),
        (Match(ethertype=0x8847, mpls_label=5), ()),
        (Match(mpls_label=1 << 20), ()),
        (Match(mpls_label=-1), ()),
        (Match(in_port=1), (Output(0xFFFFFFFD),)),
        (Match(in_port=1), (SetVlan(4096),)),
        (Match(in_port=1), (Wrap(1 << 20),)),
        (Match(in_port=1), (Wrap(1 << 20, shim=True),)),
        (Match(in_port=1), (SetTrunk(1 << 20),)),
        (Match(in_port=1), (Output(1), Police(1))),
        (Match(in_port=1), (GoTo(Table.DELIVER), Output(1))),
        (Match(in_port=1), (Opaque("anything"),)),
        (Match(in_port=1), (PopTrunk(), Police(-1))),
        (Match(in_port=1), (Wrap(1, tc=8),)),
        (Match(in_port=1), (SetTrunk(1), SetClass(256), GoTo(Table.ROUTE))),
        (Match(in_port=1), (SetGroup(1 << 24), GoTo(Table.STEER))),
        (Match(in_port=1), (SetGroup(-1), GoTo(Table.STEER))),
        (Match(in_port=1), (SetClass(1), SetGroup(1), GoTo(Table.STEER))),
        (Match(in_port=1), (SetGroup(1),)),
        (Match(in_port=1), (SetGroup(1), Output(1))),
        (Match(in_port=1), (SetMacs("02:00:00:00:00:01", "02:00:00:00:00:0A"),)),
        (Match(in_port=1), (SetMacs("02:00:00:00:00", "02:00:00:00:00:01"),)),
        (Match(in_port=1), (AnswerArp("2:0:0:0:0:1"),)),
        (Match(in_port=1), (AnswerNeighbour(""),)),
        (Match(eth_dst="020000000001"), ()),
        (Match(ip_dst=Prefix(4, 1, 24)), ()),
        (Match(ip_dst=Prefix(4, 1, 0)), ()),
        (Match(ip_dst=Prefix(4, 1 << 32, 32)), ()),
        (Match(ip_dst=Prefix(4, 0, 33)), ()),
        (Match(ip_dst=Prefix(4, 0, -1)), ()),
        (Match(ip_dst=Prefix(6, 1 << 128, 128)), ()),
        (Match(ip_dst=Prefix(5, 0, 0)), ()),
        (Match(ip_dst=ANY_IPV4, dscp=64), ()),
        (Match(ip_dst=ANY_IPV4, source=SourceSlice(16, 4)), ()),
        (Match(ip_dst=ANY_IPV4, source=SourceSlice(0, 0)), ()),
        (Match(ip_dst=ANY_IPV6, source=SourceSlice(0, 32)), ()),
        (Match(ip_dst=ANY_IPV4, source=ANY_IPV4), ()),
        (Match(ip_dst=ANY_IPV4, source=Prefix(6, 1, 128)), ()),
        (Match(ip_dst=ANY_IPV6, source=Prefix(4, 10 << 24, 8)), ()),
        (Match(ip_dst=ANY_IPV4, source=Prefix(4, 1, 24)), ()),
        (Match(ip_dst=ANY_IPV4, source=Prefix(4, 0, 33)), ()),
        (Match(in_port=1, source=Prefix(4, 10 << 24, 8)), ()),
        (Match(ip_dst=ANY_IPV4, vlan=5), ()),
        (Match(ip_dst=ANY_IPV4, ethertype=0x0800), ()),
        (Match(ip_dst=ANY_IPV4, mpls_label=5), ()),
        (Match(ip_dst=ANY_IPV4, arp_target="10.0.0.1"), ()),
        (Match(arp_target="10.0.0.1", nd_target="fd00::1"), ()),
        (Match(arp_target="fd00::1"), ()),
        (Match(nd_target="fd00:0::1"), ()),
        (Match(nd_target="10.0.0.1"), ()),
        (Match(in_port=1, dscp=46), ()),
        (Match(in_port=1, source=SourceSlice(1, 4)), ()),
        (Match(group=1 << 24), ()),
        (Match(traffic_class=256), ()),
        (Match(traffic_class=-1, group=0), ()),
    ],
)
@pytest.mark.parametrize("encoder", [flow_mod, fast_flow_mod])
def test_what_openflow_cannot_say_is_refused(encoder, match, actions):
    """Never cut to fit: a label of 21 bits would be another line's."""
    # Once a good one of that shape, so that the template is there already.
    for good in (SENT, ROUTED, STEERED):
        encoder(Command.ADD, good, 1)
    with pytest.raises((ValueError, struct.error)):
        encoder(Command.ADD, FlowRule(cookie=LINE, table=Table.CLASSIFY, priority=1, match=match, actions=actions), 1)


def test_a_bucket_takes_no_police_and_no_goto():
    for action in (Police(1), GoTo(Table.DELIVER)):
        group = GroupRule(group_id=1, kind=GroupKind.INDIRECT, buckets=(Bucket(actions=(action,)),))
        with pytest.raises(ValueError, match="not in a bucket"):
            messages.group_mod(Command.ADD, group, 1)


@given(meters, groups(), xids)
def test_meter_and_group_mods_say_what_to_do(meter, group, xid):
    for command in Command:
        meter_mod = messages.meter_mod(command, meter, xid)
        assert struct.unpack_from("!HHI", meter_mod, HEADER.size) == (command, 0b101, meter.meter_id)
        group_mod = messages.group_mod(command, group, xid)
        assert struct.unpack_from("!HBxI", group_mod, HEADER.size)[::2] == (command, group.group_id)
        assert HEADER.unpack_from(meter_mod)[2:] == (len(meter_mod), xid)
        assert HEADER.unpack_from(group_mod)[2:] == (len(group_mod), xid)
    read = parser.OFPMeterBandDrop.parser(messages.meter_mod(Command.ADD, meter, xid), HEADER.size + 8)
    assert (read.rate, read.burst_size) == (meter.rate_kbps, meter.burst_kbits)


def test_the_codec_brings_no_second_event_loop():
    """os-ken's controller half starts eventlet; its codec alone does not."""
    program = (
        "import sys, controller.southbound.openflow.southbound;"
        "print([name for name in sys.modules if 'eventlet' in name or name.startswith('os_ken.lib.hub')])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
    assert CODEC.ofproto is ofp
