"""What netconfd gets wrong, each seen on the server itself, and that the driver comes through it.

These tell, too, when a new release of netconfd no longer does so and a precaution can go.
"""

import asyncio

import pytest
from ncclient.operations import RPCError
from ncclient.xml_ import to_ele
from netconf_rig import LIMITS, Rig, adding, by_hand, cross_connect, nodes_running, otn_config

from controller.domain.errors import DeviceRefused
from controller.southbound.netconf.calls import Calls

pytestmark = pytest.mark.lab(netconf=True)

PORT = otn_config("<port><number>50</number><usage>client</usage></port>")


@pytest.fixture
def nodes(tmp_path):
    with nodes_running(tmp_path, "otn-node") as running:
        yield running


def running_config(session):
    return session.get_config("running", filter=("subtree", '<otn-node xmlns="urn:trunkline:otn-node"/>')).data_xml


def test_a_validate_of_the_candidate_makes_the_commit_drop_the_edits(nodes):
    with by_hand(nodes, "otn-0") as session:
        session.edit_config(target="candidate", config=PORT)
        session.validate("candidate")
        assert session.commit().ok
        assert "<number>50</number>" not in running_config(session)


def test_test_then_set_does_not(nodes):
    with by_hand(nodes, "otn-0") as session:
        session.edit_config(target="candidate", config=PORT, test_option="test-then-set")
        assert session.commit().ok
        assert "<number>50</number>" in running_config(session)


async def test_an_ok_for_edits_that_were_dropped_is_found_out(nodes, monkeypatch):
    """The device says ok to everything and does nothing: provoked by the validate above."""
    edit = Calls.edit

    async def edit_and_validate(self, config):
        await edit(self, config)
        validate = "<validate xmlns='urn:ietf:params:xml:ns:netconf:base:1.0'><source><candidate/></source></validate>"
        await asyncio.to_thread(dispatch_in, self.session, validate)

    monkeypatch.setattr(Calls, "edit", edit_and_validate)
    async with Rig(nodes) as rig:
        await rig["otn-0"].stage("t", 0, adding(cross_connect(1)))
        await rig["otn-0"].commit("t", 0)
        with pytest.raises(
            DeviceRefused, match=r"otn-0: read back: /trunkline-otn-node:otn-node/interface.* is not there"
        ):
            await rig["otn-0"].verify("t")
        await rig["otn-0"].undo("t")
        assert await rig.rules("otn-0") == ()


def dispatch_in(session, rpc):
    from ncclient import manager

    return manager.Manager(session, session._device_handler, timeout=10).dispatch(to_ele(rpc))


async def test_questions_right_after_the_hello_are_answered(nodes):
    """One that came in the same read as the hello would be lost, and its session given up after the limit."""
    for _ in range(10):
        async with Rig(nodes, limits=LIMITS) as rig:
            assert await rig.rules("otn-0") == ()


async def test_identities_and_decimals_come_back_spelled_otherwise(nodes):
    async with Rig(nodes) as rig:
        await rig["otn-0"].stage("t", 0, adding(cross_connect(1)))
        await rig["otn-0"].commit("t", 0)
        with by_hand(nodes, "otn-0") as session:
            text = running_config(session)
        assert ">otn:ODU0</rate>" in text
        assert "<nominal-rate>1.244160</nominal-rate>" in text
        await rig["otn-0"].verify("t")
        await rig["otn-0"].confirm("t")
        assert await rig.rules("otn-0") == (cross_connect(1),)


def test_a_value_whose_when_is_false_is_dropped_without_a_word(nodes):
    slots = "<port><number>50</number><usage>client</usage><tributary-slots>8</tributary-slots></port>"
    with by_hand(nodes, "otn-0") as session:
        session.edit_config(target="candidate", config=otn_config(slots), test_option="test-then-set")
        assert session.commit().ok
        text = running_config(session)
        assert "<number>50</number>" in text
        assert "<tributary-slots>8</tributary-slots>" not in text


def test_while_a_confirmed_commit_waits_none_can_be_repeated_and_nothing_locked(nodes):
    """So a driver that finds one of its own cancels it and begins again."""
    with by_hand(nodes, "otn-0") as session:
        session.edit_config(target="candidate", config=PORT, test_option="test-then-set")
        session.commit(confirmed=True, timeout="60", persist="one")
        with pytest.raises(RPCError):
            session.commit(confirmed=True, timeout="60", persist="one")
        with by_hand(nodes, "otn-0") as other, pytest.raises(RPCError):
            other.lock("candidate")
        session.cancel_commit(persist_id="one")
        assert "<number>50</number>" not in running_config(session)
