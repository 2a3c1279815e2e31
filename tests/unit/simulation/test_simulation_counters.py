"""What a simulated switch tells of its flows in statistics: what they have seen, and since when they stand."""

from __future__ import annotations

from dataclasses import replace

import pytest
from os_ken.ofproto import ofproto_v1_3 as ofp
from os_ken.ofproto import ofproto_v1_3_parser as parser

from controller.domain.rules import COOKIE_MARK, FlowRule, Match, Output, Table, key_of
from controller.simulation.agent import Agent
from controller.simulation.datapath import Datapath
from controller.simulation.surroundings import Surroundings
from controller.southbound.openflow import messages
from controller.southbound.openflow.inbound import read_multipart
from controller.southbound.openflow.messages import Command
from controller.southbound.openflow.oxm import to_match
from controller.southbound.openflow.protocol import CODEC, HEADER, to_bytes
from controller.southbound.openflow.readback import FLOW_STATS, read_flows

FRAME = bytes(60)
FIRST, SECOND = (
    FlowRule(cookie=COOKIE_MARK, table=Table.CLASSIFY, priority=1, match=Match(in_port=port), actions=(Output(9),))
    for port in (1, 2)
)


class Counting:
    """A switch with two flows, through which frames are sent; ``now_ns`` is its time."""

    def __init__(self):
        self.now_ns = 0
        self.asked = 0
        around = Surroundings(now_ns=lambda: self.now_ns, before_counts=self._note)
        self.datapath = Datapath("pe", 1, ports=(1, 2, 9), surroundings=around)
        self.agent = Agent(self.datapath)
        self.agent.receive(messages.hello(1))
        self.set(FIRST, SECOND)

    def _note(self):
        self.asked += 1

    def set(self, *rules, command=Command.ADD):
        for rule in rules:
            assert self.agent.receive(messages.flow_mod(command, rule, 2)) == b""

    def flow_mod(self, rule, command, **members):
        mod = parser.OFPFlowMod(
            CODEC, command=command, priority=rule.priority, match=to_match(rule.match), instructions=[], **members
        )
        assert self.agent.receive(to_bytes(mod, 2)) == b""

    def send(self, port, frames=1):
        tables = self.datapath.tables
        for _ in range(frames):
            tables.switch.receive(port, FRAME, on_match=lambda flow, size: tables.counters.add(key_of(flow), 1, size))

    def told(self):
        """(packets, bytes, seconds, nanoseconds) of each flow, in the order in which they were set."""
        answer = self.agent.receive(messages.flow_stats_request(3))
        _, more, part = read_multipart(answer[HEADER.size :])
        assert not more
        found = []
        while part:
            length, _, age_s, age_ns, *_, packets, size = FLOW_STATS.unpack_from(part)
            found.append((packets, size, age_s, age_ns))
            part = part[length:]
        return found


def test_flows_tell_their_own_packets_bytes_and_age():
    switch = Counting()
    switch.send(1, frames=3)
    switch.now_ns = 5_000_000_007
    assert switch.told() == [(3, 180, 5, 7), (0, 0, 5, 7)]
    assert switch.asked == 1


def test_a_flow_that_is_set_anew_counts_on():
    switch = Counting()
    switch.send(1)
    switch.now_ns = 10**9
    switch.set(replace(FIRST, actions=(Output(2),)))
    switch.flow_mod(SECOND, ofp.OFPFC_MODIFY_STRICT)
    switch.send(1)
    assert sorted(switch.told()) == [(0, 0, 1, 0), (2, 120, 1, 0)]


@pytest.mark.parametrize("command", [ofp.OFPFC_ADD, ofp.OFPFC_MODIFY_STRICT])
def test_counters_are_reset_on_request(command):
    switch = Counting()
    switch.send(1)
    switch.now_ns = 10**9
    switch.flow_mod(FIRST, command, flags=ofp.OFPFF_RESET_COUNTS)
    assert sorted(switch.told()) == [(0, 0, 0, 0), (0, 0, 1, 0)]


def test_a_flow_that_was_away_begins_anew():
    switch = Counting()
    switch.send(1)
    switch.set(FIRST, command=Command.DELETE)
    switch.now_ns = 10**9
    switch.set(FIRST)
    assert sorted(switch.told()) == [(0, 0, 0, 0), (0, 0, 1, 0)]
    switch.send(1)
    switch.datapath.restart()
    switch.set(FIRST)
    assert switch.told() == [(0, 0, 0, 0)]


def test_a_long_answer_comes_in_pieces_between_which_others_are_answered():
    """It tells what was there when it was asked for, whatever is changed meanwhile."""
    switch = Counting()
    many = [
        FlowRule(
            cookie=COOKIE_MARK, table=Table.CLASSIFY, priority=5, match=Match(mpls_label=label), actions=(Output(9),)
        )
        for label in range(16, 6016)
    ]
    switch.set(*many)
    data = switch.agent.receive(messages.flow_stats_request(3))
    assert switch.agent.says_more
    switch.set(*many[:100], command=Command.DELETE)
    assert switch.agent.receive(messages.echo_request(4))[1] == ofp.OFPT_ECHO_REPLY
    while piece := switch.agent.say_more():
        assert len(piece) <= 1 << 16
        data += piece
    assert not switch.agent.says_more
    parts, more = [], True
    while data:
        assert more
        length = HEADER.unpack_from(data)[2]
        _, more, part = read_multipart(data[HEADER.size : length])
        parts.append(part)
        data = data[length:]
    assert not more
    assert set(read_flows(parts)) == {*many, FIRST, SECOND}
