"""A switch's half of OpenFlow 1.3, message by message, against the southbound's encoder and readers."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from os_ken.ofproto import ofproto_v1_3 as ofp
from os_ken.ofproto import ofproto_v1_3_parser as parser

from controller.domain.rules import (
    Bucket,
    FlowRule,
    GoTo,
    GroupKind,
    GroupRule,
    Match,
    MeterRule,
    Output,
    Police,
    PopTrunk,
    SetTrunk,
    SetVlan,
    Table,
    Unwrap,
    UseGroup,
    Wrap,
)
from controller.simulation.agent import Agent
from controller.simulation.datapath import Datapath
from controller.simulation.tables import Limits
from controller.southbound.openflow import messages
from controller.southbound.openflow.inbound import read_error, read_features, read_multipart
from controller.southbound.openflow.messages import Command
from controller.southbound.openflow.protocol import CODEC, HEADER, MessageType, to_bytes
from controller.southbound.openflow.readback import read_flows, read_groups, read_meters

MARK = 0x544C << 48
METER = MeterRule(meter_id=7, rate_kbps=8000, burst_kbits=4000)
GROUP = GroupRule(group_id=9, kind=GroupKind.INDIRECT, buckets=(Bucket(actions=(SetTrunk(5000), Output(1))),))
FAILOVER = GroupRule(
    group_id=10,
    kind=GroupKind.FAST_FAILOVER,
    buckets=tuple(Bucket(actions=(SetTrunk(6000 + port), Output(port)), watch_port=port) for port in (1, 2)),
)
SELECT = GroupRule(
    group_id=11,
    kind=GroupKind.SELECT,
    buckets=tuple(Bucket(actions=(SetTrunk(7000 + port), Output(port)), weight=port) for port in (1, 3)),
)


def flow(match, *actions, table=Table.CLASSIFY, priority=200, cookie=MARK | 1):
    return FlowRule(cookie=cookie, table=table, priority=priority, match=match, actions=actions)


ENTRY = flow(Match(in_port=11, vlan=100), Police(7), SetVlan(200), Wrap(4711), UseGroup(9))
TRANSIT = flow(Match(in_port=1, mpls_label=5000), Output(2), priority=300, cookie=MARK | 2)
END = flow(Match(in_port=1, mpls_label=5001), PopTrunk(), GoTo(Table.DELIVER), priority=300, cookie=MARK | 2)
DELIVERY = flow(Match(mpls_label=4712), Unwrap(), SetVlan(3), Output(11), table=Table.DELIVER)
DROP = flow(Match(in_port=12), priority=1)
FLOWS = (ENTRY, TRANSIT, END, DELIVERY, DROP)


class Wire:
    """A controller's end: numbers its messages, cuts the answers into (type, xid, body)."""

    def __init__(self, datapath=None):
        self.datapath = Datapath("pe", 0xABC, ports=(1, 2, 11, 12)) if datapath is None else datapath
        self.agent = Agent(self.datapath)
        self.xid = 0
        assert self.say(messages.hello(1)) == []

    def say(self, data):
        return cut(self.agent.receive(data))

    def ask(self, build, *arguments):
        self.xid += 1
        answers = self.say(build(*arguments, self.xid))
        assert all(xid == self.xid for _, xid, _ in answers)
        return [(kind, body) for kind, _, body in answers]

    def set(self, *rules, command=Command.ADD):
        """Send changes and return the errors, as (type, code)."""
        return [errors_of(self.ask(BUILDERS[type(rule)], command, rule)) for rule in rules]

    def read(self, request, *arguments):
        """The parts of a multipart reply."""
        parts, more = [], True
        for _, _, body in self.say(request(1, *arguments)):
            assert more
            _, more, part = read_multipart(body)
            parts.append(part)
        assert not more
        return parts

    def flows(self, *cookie):
        return set(read_flows(self.read(messages.flow_stats_request, *cookie)))


BUILDERS = {FlowRule: messages.flow_mod, MeterRule: messages.meter_mod, GroupRule: messages.group_mod}


def cut(data):
    found = []
    while data:
        version, kind, length, xid = HEADER.unpack_from(data)
        assert version == 4
        found.append((MessageType(kind), xid, data[HEADER.size : length]))
        data = data[length:]
    return found


def errors_of(answers):
    assert all(kind is MessageType.ERROR for kind, _ in answers)
    return read_error(answers[0][1])[:2] if answers else None


def full_wire():
    wire = Wire()
    assert wire.set(METER, GROUP, FAILOVER, SELECT, *FLOWS) == [None] * 9
    return wire


def raw_flow_mod(command=ofp.OFPFC_ADD, match=None, instructions=(), **members):
    given = {"table_id": 0, "priority": 200, "cookie": MARK, "out_port": ofp.OFPP_ANY, "out_group": ofp.OFPG_ANY}
    given |= {"match": parser.OFPMatch() if match is None else match, "instructions": list(instructions)}
    return lambda xid: to_bytes(parser.OFPFlowMod(CODEC, command=command, **(given | members)), xid)


def apply(*actions):
    return parser.OFPInstructionActions(ofp.OFPIT_APPLY_ACTIONS, list(actions))


def test_the_handshake_names_the_switch():
    wire = Wire()
    assert cut(wire.agent.greeting())[0][0] is MessageType.HELLO
    [(kind, body)] = wire.ask(messages.features_request)
    assert kind is MessageType.FEATURES_REPLY
    features = read_features(body)
    assert (features.datapath_id, features.tables, features.auxiliary_id) == (0xABC, len(Table), 0)


def test_a_controller_of_another_version_is_told_and_left():
    agent = Agent(Datapath("pe", 1, ports=()))
    [(kind, _, body)] = cut(agent.receive(struct.pack("!BBHI", 1, 0, 8, 5)))
    assert kind is MessageType.ERROR
    assert read_error(body)[:2] == (ofp.OFPET_HELLO_FAILED, ofp.OFPHFC_INCOMPATIBLE)
    assert agent.closed


def test_a_later_hello_ends_nothing_and_echoes_come_back():
    wire = Wire()
    assert wire.say(struct.pack("!BBHI", 4, ofp.OFPT_ECHO_REQUEST, 11, 77) + b"abc") == [
        (MessageType.ECHO_REPLY, 77, b"abc")
    ]
    assert [kind for kind, _ in wire.ask(messages.barrier_request)] == [MessageType.BARRIER_REPLY]


def test_an_older_controller_is_not_made_master():
    wire = Wire()
    role = lambda generation: lambda xid: messages.role_request(xid, generation)  # noqa: E731
    assert [kind for kind, _ in wire.ask(role(100))] == [MessageType.ROLE_REPLY]
    other = Wire(wire.datapath)
    assert errors_of(other.ask(role(99))) == (ofp.OFPET_ROLE_REQUEST_FAILED, ofp.OFPRRFC_STALE)
    assert not other.agent.accepted
    assert [kind for kind, _ in other.ask(role(100 + (1 << 63) - 1))] == [MessageType.ROLE_REPLY]
    assert errors_of(other.ask(role(100))) == (ofp.OFPET_ROLE_REQUEST_FAILED, ofp.OFPRRFC_STALE)
    wire.datapath.restart()
    assert [kind for kind, _ in wire.ask(role(1))] == [MessageType.ROLE_REPLY]


def test_a_slave_may_look_and_not_touch():
    wire = Wire()
    slave = parser.OFPRoleRequest(CODEC, ofp.OFPCR_ROLE_SLAVE, 1)
    wire.ask(lambda xid: to_bytes(slave, xid))
    assert wire.set(METER) == [(ofp.OFPET_BAD_REQUEST, ofp.OFPBRC_IS_SLAVE)]
    assert list(read_meters(wire.read(messages.meter_config_request))) == []


def test_what_was_set_is_read_back():
    wire = full_wire()
    assert wire.flows() == set(FLOWS)
    assert set(read_groups(wire.read(messages.group_desc_request))) == {GROUP, FAILOVER, SELECT}
    assert set(read_meters(wire.read(messages.meter_config_request))) == {METER}
    assert wire.flows(MARK | 2, messages.ALL_BITS) == {TRANSIT, END}


def test_rules_of_others_are_kept_and_told_apart():
    wire = Wire()
    foreign = flow(Match(in_port=3), Output(4), cookie=0x1234)
    wire.set(foreign, DROP)
    assert wire.flows(0x1234, messages.ALL_BITS) != set()
    assert {rule for rule in wire.flows() if isinstance(rule, FlowRule)} == {DROP}


def test_adding_again_replaces_and_counts_once():
    wire = full_wire()
    wire.datapath.tables.limits = Limits(flows=4)
    changed = flow(ENTRY.match, Police(7), Wrap(1), UseGroup(9), cookie=MARK | 5)
    assert wire.set(changed) == [None]
    assert wire.flows() == {changed, *FLOWS[1:]}
    more = flow(Match(in_port=2), Output(1))
    assert wire.set(more) == [(ofp.OFPET_FLOW_MOD_FAILED, ofp.OFPFMFC_TABLE_FULL)]
    assert wire.set(flow(Match(mpls_label=3), Unwrap(), table=Table.DELIVER)) == [None]
    wire.set(DROP, command=Command.DELETE)
    assert wire.set(more) == [None]


def test_a_deletion_asks_for_its_cookie():
    wire = full_wire()
    wire.set(flow(DROP.match, priority=1, cookie=MARK | 77), command=Command.DELETE)
    assert DROP in wire.flows()
    wire.set(DROP, command=Command.DELETE)
    assert DROP not in wire.flows()


@pytest.mark.parametrize(
    ("members", "left"),
    [
        ({"table_id": ofp.OFPTT_ALL}, set()),
        ({"table_id": 0}, {DELIVERY}),
        ({"table_id": ofp.OFPTT_ALL, "match": parser.OFPMatch(in_port=1)}, {ENTRY, DELIVERY, DROP}),
        ({"table_id": ofp.OFPTT_ALL, "out_port": 11}, set(FLOWS) - {DELIVERY}),
        ({"table_id": ofp.OFPTT_ALL, "out_group": 9}, set(FLOWS) - {ENTRY}),
        ({"table_id": ofp.OFPTT_ALL, "cookie": 2, "cookie_mask": 2}, {ENTRY, DELIVERY, DROP}),
        ({"match": parser.OFPMatch(in_port=1), "command": ofp.OFPFC_DELETE_STRICT}, set(FLOWS)),
        (
            {"match": parser.OFPMatch(in_port=12), "command": ofp.OFPFC_DELETE_STRICT, "priority": 1},
            set(FLOWS) - {DROP},
        ),
    ],
)
def test_a_deletion_takes_what_it_means(members, left):
    wire = full_wire()
    assert wire.ask(raw_flow_mod(**{"command": ofp.OFPFC_DELETE} | members)) == []
    assert wire.flows() == left


def test_modifying_changes_actions_only_and_adds_nothing():
    wire = full_wire()
    output = apply(parser.OFPActionOutput(4, 0))
    label = parser.OFPMatch(in_port=1, eth_type=0x8847, mpls_label=5000)
    assert wire.ask(raw_flow_mod(ofp.OFPFC_MODIFY_STRICT, label, [output], priority=299)) == []
    assert wire.flows() == set(FLOWS)
    assert wire.ask(raw_flow_mod(ofp.OFPFC_MODIFY, parser.OFPMatch(in_port=1), [output])) == []
    changed = {flow(rule.match, Output(4), priority=300, cookie=MARK | 2) for rule in (TRANSIT, END)}
    assert wire.flows() == {ENTRY, DELIVERY, DROP, *changed}


def test_meters_and_groups_are_added_once_and_modified_only_if_there():
    wire = full_wire()
    assert wire.set(METER, GROUP) == [
        (ofp.OFPET_METER_MOD_FAILED, ofp.OFPMMFC_METER_EXISTS),
        (ofp.OFPET_GROUP_MOD_FAILED, ofp.OFPGMFC_GROUP_EXISTS),
    ]
    absent = (
        MeterRule(meter_id=70, rate_kbps=1, burst_kbits=1),
        GroupRule(group_id=90, kind=GROUP.kind, buckets=GROUP.buckets),
    )
    assert wire.set(*absent, command=Command.MODIFY) == [
        (ofp.OFPET_METER_MOD_FAILED, ofp.OFPMMFC_UNKNOWN_METER),
        (ofp.OFPET_GROUP_MOD_FAILED, ofp.OFPGMFC_UNKNOWN_GROUP),
    ]
    assert wire.set(*absent, command=Command.DELETE) == [None, None]
    wire.datapath.tables.limits = Limits(groups=3, meters=1)
    assert wire.set(*absent) == [
        (ofp.OFPET_METER_MOD_FAILED, ofp.OFPMMFC_OUT_OF_METERS),
        (ofp.OFPET_GROUP_MOD_FAILED, ofp.OFPGMFC_OUT_OF_GROUPS),
    ]
    faster = MeterRule(meter_id=7, rate_kbps=9000, burst_kbits=4500)
    assert wire.set(faster, command=Command.MODIFY) == [None]
    assert list(read_meters(wire.read(messages.meter_config_request))) == [faster]


@pytest.mark.parametrize("goes", [METER, GROUP])
def test_a_meter_or_group_takes_its_flows_along(goes):
    wire = full_wire()
    wire.set(goes, command=Command.DELETE)
    assert wire.flows() == set(FLOWS) - {ENTRY}


@pytest.mark.parametrize(
    ("message", "error"),
    [
        (raw_flow_mod(match=parser.OFPMatch(ipv4_dst="10.0.0.1", eth_type=0x800)), "BAD_MATCH BAD_FIELD"),
        (raw_flow_mod(match=parser.OFPMatch(mpls_label=5)), "BAD_MATCH BAD_PREREQ"),
        (raw_flow_mod(match=parser.OFPMatch(vlan_vid=0x1000)), "BAD_MATCH BAD_VALUE"),
        (raw_flow_mod(match=parser.OFPMatch(in_port=ofp.OFPP_LOCAL)), "BAD_MATCH BAD_VALUE"),
        (raw_flow_mod(table_id=len(Table)), "FLOW_MOD_FAILED BAD_TABLE_ID"),
        (raw_flow_mod(table_id=ofp.OFPTT_ALL), "FLOW_MOD_FAILED BAD_TABLE_ID"),
        (raw_flow_mod(command=9), "FLOW_MOD_FAILED BAD_COMMAND"),
        (raw_flow_mod(hard_timeout=5), "FLOW_MOD_FAILED BAD_TIMEOUT"),
        (raw_flow_mod(flags=ofp.OFPFF_SEND_FLOW_REM), "FLOW_MOD_FAILED BAD_FLAGS"),
        (raw_flow_mod(instructions=[parser.OFPInstructionMeter(8)]), "METER_MOD_FAILED INVALID_METER"),
        (raw_flow_mod(instructions=[parser.OFPInstructionGotoTable(0)]), "BAD_INSTRUCTION BAD_TABLE_ID"),
        (raw_flow_mod(instructions=[parser.OFPInstructionGotoTable(7)]), "BAD_INSTRUCTION BAD_TABLE_ID"),
        (raw_flow_mod(instructions=[parser.OFPInstructionWriteMetadata(1, 1)]), "BAD_INSTRUCTION UNSUP_METADATA_MASK"),
        (
            raw_flow_mod(instructions=[parser.OFPInstructionActions(ofp.OFPIT_CLEAR_ACTIONS, [])]),
            "BAD_INSTRUCTION UNSUP_INST",
        ),
        (raw_flow_mod(instructions=[apply(parser.OFPActionGroup(12))]), "BAD_ACTION BAD_OUT_GROUP"),
        (raw_flow_mod(instructions=[apply(parser.OFPActionPopVlan())]), "BAD_ACTION BAD_TYPE"),
        (raw_flow_mod(instructions=[apply(parser.OFPActionOutput(ofp.OFPP_CONTROLLER))]), "BAD_ACTION BAD_TYPE"),
        (lambda xid: struct.pack("!BBHI", 4, 14, 20, xid) + bytes(12), "BAD_REQUEST BAD_LEN"),
        (lambda xid: struct.pack("!BBHI", 4, 4, 16, xid) + bytes(8), "BAD_REQUEST BAD_EXPERIMENTER"),
        (lambda xid: struct.pack("!BBHI", 4, 200, 8, xid), "BAD_REQUEST BAD_TYPE"),
        (lambda xid: struct.pack("!BBHI", 5, 14, 8, xid), "BAD_REQUEST BAD_VERSION"),
        (lambda xid: struct.pack("!BBHI", 4, 18, 16, xid) + struct.pack("!HH4x", 99, 0), "BAD_REQUEST BAD_MULTIPART"),
        (lambda xid: messages.meter_config_request(xid, 8), "METER_MOD_FAILED UNKNOWN_METER"),
    ],
)
def test_what_cannot_be_is_refused_and_changes_nothing(message, error):
    wire = full_wire()
    before = dict(wire.datapath.tables.switch.rules)
    [(kind, body)] = wire.ask(message)
    assert kind is MessageType.ERROR
    error_type, code, quoted = read_error(body)
    wanted_type, wanted_code = error.split()
    assert error_type == getattr(ofp, f"OFPET_{wanted_type}")
    prefix = {"BAD_MATCH": "BMC", "FLOW_MOD_FAILED": "FMFC", "METER_MOD_FAILED": "MMFC", "BAD_ACTION": "BAC"}
    prefix |= {"BAD_INSTRUCTION": "BIC", "BAD_REQUEST": "BRC"}
    assert code == getattr(ofp, f"OFP{prefix[wanted_type]}_{wanted_code}")
    assert message(wire.xid).startswith(quoted)
    assert quoted
    assert wire.datapath.tables.switch.rules == before


def bucket(*actions, **members):
    given = {"watch_port": ofp.OFPP_ANY, "watch_group": ofp.OFPG_ANY}
    return parser.OFPBucket(actions=list(actions), **(given | members))


@pytest.mark.parametrize(
    ("kind", "buckets", "code"),
    [
        (ofp.OFPGT_ALL, [bucket()], ofp.OFPGMFC_BAD_TYPE),
        (ofp.OFPGT_INDIRECT, [], ofp.OFPGMFC_INVALID_GROUP),
        (ofp.OFPGT_INDIRECT, [bucket(parser.OFPActionPopVlan())], ofp.OFPGMFC_BAD_BUCKET),
        (ofp.OFPGT_INDIRECT, [bucket(parser.OFPActionGroup(9))], ofp.OFPGMFC_BAD_BUCKET),
        (ofp.OFPGT_INDIRECT, [bucket(watch_port=1)], ofp.OFPGMFC_BAD_WATCH),
        (ofp.OFPGT_FF, [bucket(parser.OFPActionOutput(1))], ofp.OFPGMFC_BAD_WATCH),
    ],
)
def test_a_group_that_cannot_be_is_refused(kind, buckets, code):
    wire = Wire()
    message = parser.OFPGroupMod(CODEC, ofp.OFPGC_ADD, kind, 1, buckets)
    assert errors_of(wire.ask(lambda xid: to_bytes(message, xid))) == (ofp.OFPET_GROUP_MOD_FAILED, code)


@pytest.mark.parametrize(
    ("flags", "bands", "code"),
    [
        (ofp.OFPMF_PKTPS, [parser.OFPMeterBandDrop(1, 1)], ofp.OFPMMFC_BAD_FLAGS),
        (ofp.OFPMF_KBPS | ofp.OFPMF_BURST, [], ofp.OFPMMFC_OUT_OF_BANDS),
        (ofp.OFPMF_KBPS | ofp.OFPMF_BURST, [parser.OFPMeterBandDscpRemark(1, 1, 1)], ofp.OFPMMFC_BAD_BAND),
    ],
)
def test_a_meter_that_cannot_be_is_refused(flags, bands, code):
    wire = Wire()
    message = parser.OFPMeterMod(CODEC, ofp.OFPMC_ADD, flags, 1, bands)
    assert errors_of(wire.ask(lambda xid: to_bytes(message, xid))) == (ofp.OFPET_METER_MOD_FAILED, code)


def test_many_flows_come_in_several_parts():
    wire = Wire()
    many = {flow(Match(in_port=1, mpls_label=label), Output(2)) for label in range(16, 2016)}
    wire.agent.receive(b"".join(messages.flow_mod(Command.ADD, rule, 1) for rule in many))
    assert len(wire.read(messages.flow_stats_request)) > 1
    assert wire.flows() == many


def test_the_switch_describes_itself_to_os_ken():
    """os-ken's reader is another's understanding of the same pages."""
    wire = Wire()
    requests = {
        parser.OFPDescStatsReply: parser.OFPDescStatsRequest(CODEC, 0),
        parser.OFPPortDescStatsReply: parser.OFPPortDescStatsRequest(CODEC, 0),
        parser.OFPTableStatsReply: parser.OFPTableStatsRequest(CODEC, 0),
    }
    wire.set(DROP)
    found = {}
    for reply, request in requests.items():
        data = wire.agent.receive(to_bytes(request, 3))
        found[reply] = parser.OFPMultipartReply.parser(CODEC, 4, 19, len(data), 3, data).body
    assert found[parser.OFPDescStatsReply].dp_desc == b"pe"
    assert [(port.port_no, port.name) for port in found[parser.OFPPortDescStatsReply]] == [
        (number, f"port{number}".encode()) for number in (1, 2, 11, 12)
    ]
    assert [(table.table_id, table.active_count) for table in found[parser.OFPTableStatsReply]] == [
        (0, 1),
        (1, 0),
        (2, 0),
        (3, 0),
    ]
    data = wire.agent.receive(to_bytes(parser.OFPGetConfigRequest(CODEC), 3))
    assert parser.OFPGetConfigReply.parser(CODEC, 4, 8, len(data), 3, data).miss_send_len == 0


@given(st.lists(st.integers(1, 400), max_size=12))
def test_how_the_bytes_are_cut_does_not_matter(cuts):
    whole = messages.hello(1) + b"".join(
        BUILDERS[type(rule)](Command.ADD, rule, 2) for rule in (METER, GROUP, FAILOVER, SELECT, *FLOWS, METER)
    )
    datapath = Datapath("pe", 1, ports=())
    agent, answers, start = Agent(datapath), b"", 0
    for size in [*cuts, len(whole)]:
        answers += agent.receive(whole[start : start + size])
        start += size
    assert len(datapath.tables.switch.rules) == 9
    assert [kind for kind, _, _ in cut(answers)] == [MessageType.ERROR]


@given(st.binary(max_size=200), st.sampled_from([14, 15, 18, 24, 29, 0, 2]))
def test_no_bytes_make_it_stumble(body, kind):
    agent = Agent(Datapath("pe", 1, ports=(1,)))
    answers = cut(agent.receive(messages.hello(1) + struct.pack("!BBHI", 4, kind, 8 + len(body), 9) + body))
    assert all(xid == 9 for _, xid, _ in answers)


@given(st.data())
def test_a_spoilt_change_is_refused_or_can_be_read_back(data):
    rule = data.draw(st.sampled_from((METER, GROUP, FAILOVER, SELECT, *FLOWS)))
    message = bytearray(BUILDERS[type(rule)](Command.ADD, rule, 2))
    at = data.draw(st.integers(8, len(message) - 1))
    message[at] ^= data.draw(st.integers(1, 255))
    wire = full_wire()
    wire.say(bytes(message))
    wire.flows()
    list(read_groups(wire.read(messages.group_desc_request)))
    list(read_meters(wire.read(messages.meter_config_request)))
