"""What a simulated switch sends out for its controller, and what it refuses to."""

import pytest
from os_ken.ofproto import ofproto_v1_3 as ofp
from os_ken.ofproto import ofproto_v1_3_parser as parser

from controller.domain.rules import Table
from controller.simulation.agent import Agent
from controller.simulation.datapath import Datapath
from controller.simulation.surroundings import Surroundings
from controller.southbound.openflow.inbound import PacketIn, read_error
from controller.southbound.openflow.messages import hello, packet_out, role_request
from controller.southbound.openflow.protocol import CODEC, HEADER, to_bytes

FRAME = bytes(60)
OUTPUT, DROP = [parser.OFPActionOutput(60, 0)], []
TWICE = [*OUTPUT, parser.OFPActionOutput(61, 0)]
TO_CONTROLLER = [parser.OFPActionOutput(ofp.OFPP_CONTROLLER, 128)]


@pytest.fixture
def out():
    return []


@pytest.fixture
def agent(out):
    around = Surroundings(on_sent_out=lambda *what: out.append(what))
    return Agent(Datapath("pe", 1, (60, 61), around))


def written(actions):
    return to_bytes(parser.OFPPacketOut(CODEC, ofp.OFP_NO_BUFFER, ofp.OFPP_CONTROLLER, actions, FRAME), 9)


WHOLE = packet_out(60, b"", 9)
ONE_IN_A_BUFFER = WHOLE[: HEADER.size] + bytes.fromhex("00000007") + WHOLE[HEADER.size + 4 :]
CUT_OFF = WHOLE[:2] + (len(WHOLE) - 16).to_bytes(2, "big") + WHOLE[4:-16]


def test_a_frame_goes_out_of_the_port(agent, out):
    assert agent.receive(hello(1) + packet_out(60, FRAME, 9)) == b""
    assert out == [(60, FRAME)]
    assert agent.datapath.counters["packet-outs"] == 1


@pytest.mark.parametrize(
    ("message", "error"),
    [
        (written(DROP), (ofp.OFPET_BAD_ACTION, ofp.OFPBAC_BAD_TYPE)),
        (written(TWICE), (ofp.OFPET_BAD_ACTION, ofp.OFPBAC_BAD_TYPE)),
        (written(TO_CONTROLLER), (ofp.OFPET_BAD_ACTION, ofp.OFPBAC_BAD_TYPE)),
        (ONE_IN_A_BUFFER, (ofp.OFPET_BAD_REQUEST, ofp.OFPBRC_BUFFER_UNKNOWN)),
        (CUT_OFF, (ofp.OFPET_BAD_REQUEST, ofp.OFPBRC_BAD_LEN)),
    ],
)
def test_anything_else_is_refused(agent, out, message, error):
    answer = agent.receive(hello(1) + message)
    assert read_error(answer[HEADER.size :])[:2] == error
    assert out == []


def test_only_a_master_is_told_of_frames(agent):
    told = PacketIn(port=60, cookie=1, frame=FRAME)
    assert agent.packet_in(told, Table.CLASSIFY) == b""
    agent.receive(hello(1) + role_request(2, 5))
    assert FRAME in agent.packet_in(told, Table.CLASSIFY)
