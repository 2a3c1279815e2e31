"""What a client of a simulated node hears, byte by byte: hellos, framing, errors, notifications. No socket."""

from __future__ import annotations

import pytest
from lxml import etree

from controller.simulation.netconf.kinds import Ports, cross_connects, factory
from controller.simulation.netconf.messages import BASE, BASE_11, NOTIFICATION
from controller.simulation.netconf.node import OtnNode
from controller.southbound.netconf.framing import Deframer, framed
from controller.southbound.netconf.model import Model
from controller.southbound.netconf.profile import profile
from lab.otn import YANG

KIND = profile("otn-node")
MODEL = Model(KIND.modules, YANG)
PORT = '<otn-node xmlns="urn:trunkline:otn-node"><port><number>7</number><usage>client</usage></port></otn-node>'
EDIT = f"<edit-config><target><candidate/></target><config>{PORT}</config></edit-config>"


class Client:
    """One session with a node, as its other end."""

    def __init__(self, node, *, chunked=True):
        self._said = []
        self.gone = False
        self._heard = node.open_session("someone", self._said.append, self._hang_up)
        self._deframer = Deframer(1 << 20)
        (self.greeting,) = self.take()
        base = BASE_11 if chunked else "urn:ietf:params:netconf:base:1.0"
        hello = f'<hello xmlns="{BASE}"><capabilities><capability>{base}</capability></capabilities></hello>'
        self._heard(framed(hello.encode(), False))
        self.chunked = self._deframer.chunked = chunked

    def _hang_up(self):
        self.gone = True

    def take(self):
        """All that was said since the last time."""
        data, self._said[:] = b"".join(self._said), []
        messages = []
        while found := self._deframer.feed(data):
            messages += found
            data = b""
        return [etree.fromstring(message) for message in messages]

    def send(self, *questions):
        rpcs = (f'<rpc xmlns="{BASE}" message-id="{n}">{asked}</rpc>' for n, asked in enumerate(questions, start=1))
        self._heard(b"".join(framed(rpc.encode(), self.chunked) for rpc in rpcs))
        return self.take()

    def bytes(self, data):
        self._heard(data)

    def ask(self, question):
        (answer,) = self.send(question)
        return answer


@pytest.fixture
async def node():
    return OtnNode("otn-a", KIND, MODEL, Ports(client=(1,), line={100: 8}), lambda rules: None)


def tag_of(answer):
    return answer.findtext(f"{{{BASE}}}rpc-error/{{{BASE}}}error-tag")


@pytest.mark.parametrize("chunked", [True, False])
async def test_questions_are_answered_in_order_in_the_framing_that_both_know(node, chunked):
    client = Client(node, chunked=chunked)
    assert BASE_11 in {element.text for element in client.greeting.iter(f"{{{BASE}}}capability")}
    lock = "<lock><target><candidate/></target></lock>"
    answers = client.send(lock, EDIT, "<get-config><source><candidate/></source></get-config>", "<commit/>")
    assert [answer.get("message-id") for answer in answers] == ["1", "2", "3", "4"]
    assert b"<number>7</number>" in etree.tostring(answers[2])
    assert [answer[0].tag for answer in (answers[0], answers[1], answers[3])] == [f"{{{BASE}}}ok"] * 3


@pytest.mark.parametrize(
    ("question", "tag"),
    [
        ("<reboot/>", "operation-not-supported"),
        ('<get xmlns="urn:other"/>', "operation-not-supported"),
        ("", "missing-element"),
        ("<edit-config><target><candidate/></target></edit-config>", "missing-element"),
        (EDIT.replace("candidate", "running"), "operation-not-supported"),
        (EDIT.replace("candidate", "startup"), "invalid-value"),
        (EDIT.replace("<config>", "<test-option>perhaps</test-option><config>"), "invalid-value"),
        (EDIT.replace("<number>7</number>", "<number>seven</number>"), "invalid-value"),
        ("<commit><confirmed/><confirm-timeout>0</confirm-timeout></commit>", "invalid-value"),
        ("<unlock><target><candidate/></target></unlock>", "operation-failed"),
        ("<kill-session><session-id>99</session-id></kill-session>", "invalid-value"),
        ('<get><filter type="xpath"/></get>', "bad-attribute"),
    ],
)
async def test_a_refusal_has_the_tag_of_the_standard(node, question, tag):
    assert tag_of(Client(node).ask(question)) == tag


async def test_an_error_names_who_is_in_the_way(node):
    first, second = Client(node), Client(node)
    first.ask("<lock><target><candidate/></target></lock>")
    answer = second.ask("<lock><target><candidate/></target></lock>")
    assert tag_of(answer) == "lock-denied"
    assert answer.findtext(f".//{{{BASE}}}session-id") == first.greeting.findtext(f"{{{BASE}}}session-id")


async def test_those_who_subscribed_are_told_who_changed_what(node):
    first, second = Client(node), Client(node)
    first.ask(f'<create-subscription xmlns="{NOTIFICATION}"/>')
    second.send(
        EDIT,
        "<commit><confirmed/><persist>x</persist></commit>",
        "<cancel-commit><persist-id>x</persist-id></cancel-commit>",
    )
    told = [notification[1] for notification in first.take()]
    assert [etree.QName(one).localname for one in told] == [
        "netconf-config-change",
        "netconf-confirmed-commit",
        "netconf-confirmed-commit",
    ]
    assert [one.findtext("{*}confirm-event") for one in told[1:]] == ["start", "cancel"]
    by = told[0].find("{*}changed-by")
    assert (by.findtext("{*}username"), by.findtext("{*}session-id")) == ("someone", "2")
    assert told[0].findtext("{*}edit/{*}target") == "/m:otn-node"
    assert second.take() == []


@pytest.mark.parametrize(
    "data",
    [
        b"no chunk",
        framed(b"<rpc", True),
        framed(b"<hello/>", True),
        framed(b'<!DOCTYPE a [<!ENTITY b "c">]><a/>', True),
    ],
)
async def test_what_is_no_netconf_ends_the_session_and_no_other(node, data):
    client, other = Client(node), Client(node)
    client.bytes(data)
    assert client.gone
    assert node.sessions == 1
    assert other.ask("<get/>")[0].tag == f"{{{BASE}}}data"


async def test_a_session_ends_by_its_own_wish_and_by_anothers(node):
    first, second = Client(node), Client(node)
    assert first.ask("<kill-session><session-id>2</session-id></kill-session>")[0].tag == f"{{{BASE}}}ok"
    assert second.gone
    assert first.ask("<close-session/>")[0].tag == f"{{{BASE}}}ok"
    assert first.gone
    assert node.sessions == 0


def test_a_profile_that_nobody_simulates_is_named():
    with pytest.raises(ValueError, match="'other'"):
        factory("other", Ports(client=(), line={}))
    with pytest.raises(ValueError, match="'other'"):
        cross_connects("other", {})
