"""The datastores of a simulated node by the rules of RFC 6241: candidate, locks, confirmed commit. No clock."""

from __future__ import annotations

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from lxml import etree

from controller.simulation.netconf.datastores import Confirmable, ConfirmEvent, Datastores, Store
from controller.simulation.netconf.editing import Operation
from controller.simulation.netconf.kinds import Ports, factory
from controller.simulation.netconf.messages import RpcError
from controller.southbound.netconf.model import Model
from lab.otn import YANG

MODEL = Model(("trunkline-otn-node",), YANG)
PORTS = Ports(client=(1, 2), line={100: 8})
ME, OTHER = 1, 2
FOR_A_TIME = Confirmable(persist="mine", timeout_s=60)


def fresh():
    return Datastores(MODEL, factory("otn-node", PORTS))


def interface(port):
    return etree.fromstring(
        f'<otn-node xmlns="urn:trunkline:otn-node"><interface><name>i{port}</name><type>otn-odu</type>'
        f"<administrative-state>inService</administrative-state><supporting-port>{port}</supporting-port>"
        "<odu><rate>ODU0</rate></odu></interface></otn-node>"
    )


def edit(stores, port, session=ME, *, test=True):
    stores.edit(session, [interface(port)], Operation.MERGE, test=test)


def held(config):
    return {name.text for root in config for name in root.iter("{urn:trunkline:otn-node}name")}


def refused(tag, act, *arguments, **named):
    with pytest.raises(RpcError) as error:
        act(*arguments, **named)
    assert error.value.tag == tag
    return error.value


def test_what_is_edited_is_running_when_it_is_committed():
    stores = fresh()
    edit(stores, 1)
    assert (held(stores.running), held(stores.candidate)) == (set(), {"i1"})
    assert stores.commit(ME, None, None).changed
    assert held(stores.running) == {"i1"}
    edit(stores, 2)
    stores.discard(ME)
    assert held(stores.candidate) == {"i1"}
    assert not stores.commit(ME, None, None).changed


def test_an_edit_is_whole_or_not_at_all():
    stores = fresh()
    error = refused("invalid-value", stores.edit, ME, [interface(1), interface(3)], Operation.MERGE, test=True)
    assert "supporting-port" in error.path
    assert held(stores.candidate) == set()
    wrong = interface(1)
    wrong[0].find("{*}type").text = "no-such-type"
    refused("invalid-value", stores.edit, ME, [wrong], Operation.MERGE, test=False)
    stores.edit(ME, [interface(3)], Operation.MERGE, test=False)
    refused("invalid-value", stores.validate, Store.CANDIDATE)
    refused("invalid-value", stores.commit, ME, None, None)
    assert held(stores.running) == set()
    stores.validate(Store.RUNNING)


def test_a_lock_keeps_others_out_and_ends_with_its_session():
    stores = fresh()
    stores.lock(Store.CANDIDATE, ME)
    assert refused("lock-denied", stores.lock, Store.CANDIDATE, OTHER).session == ME
    assert refused("in-use", edit, stores, 1, OTHER).session == ME
    refused("in-use", stores.commit, OTHER, None, None)
    refused("in-use", stores.discard, OTHER)
    refused("operation-failed", stores.unlock, Store.CANDIDATE, OTHER)
    edit(stores, 1)
    stores.end_session(ME)
    assert held(stores.candidate) == set()
    stores.lock(Store.CANDIDATE, OTHER)
    stores.unlock(Store.CANDIDATE, OTHER)
    edit(stores, 1)
    refused("lock-denied", stores.lock, Store.CANDIDATE, OTHER)  # somebody's changes are in it


def test_a_commit_for_a_time_is_taken_back_unless_it_is_confirmed_by_its_name():
    stores = fresh()
    for end, event in (
        (lambda: stores.cancel(OTHER, "mine"), ConfirmEvent.CANCEL),
        (stores.expire, ConfirmEvent.TIMEOUT),
    ):
        edit(stores, 1)
        assert stores.commit(ME, FOR_A_TIME, None).confirm is ConfirmEvent.START
        assert held(stores.running) == {"i1"}
        refused("invalid-value", stores.cancel, ME, "other")
        refused("invalid-value", stores.commit, ME, None, None)
        refused("invalid-value", stores.commit, ME, FOR_A_TIME, None)
        stores.end_session(ME)
        assert held(stores.running) == {"i1"}
        assert end().confirm is event
        assert held(stores.running) == held(stores.candidate) == set()
    refused("invalid-value", stores.cancel, ME, "mine")
    refused("operation-failed", stores.cancel, ME, None)
    refused("invalid-value", stores.commit, ME, None, "mine")
    edit(stores, 1)
    stores.commit(ME, FOR_A_TIME, None)
    assert stores.commit(OTHER, None, "mine").confirm is ConfirmEvent.COMPLETE
    assert held(stores.running) == {"i1"}
    assert stores.pending is None


def test_a_commit_for_a_time_without_a_name_ends_with_its_session():
    stores = fresh()
    edit(stores, 1)
    stores.commit(ME, Confirmable(persist=None, timeout_s=60), None)
    refused("invalid-value", stores.commit, OTHER, None, None)
    assert stores.end_session(OTHER).confirm is None
    assert stores.end_session(ME).confirm is ConfirmEvent.CANCEL
    assert held(stores.running) == set()


def test_going_back_is_to_before_the_first_of_several():
    stores = fresh()
    edit(stores, 1)
    stores.commit(ME, FOR_A_TIME, None)
    edit(stores, 2)
    assert stores.commit(ME, FOR_A_TIME, "mine").confirm is ConfirmEvent.EXTEND
    assert held(stores.running) == {"i1", "i2"}
    stores.expire()
    assert held(stores.running) == set()


class AnyOrder(RuleBasedStateMachine):
    """Whatever is done in whatever order: what survives a loss of power is what was confirmed, and nothing more."""

    def __init__(self):
        super().__init__()
        self.stores = fresh()
        self.confirmed = set()

    @rule(port=st.sampled_from([1, 2]), gone=st.booleans())
    def edits(self, port, gone):
        one = interface(port)
        if gone:
            one[0].set("{urn:ietf:params:xml:ns:netconf:base:1.0}operation", "remove")
        self.stores.edit(ME, [one], Operation.MERGE, test=True)

    @precondition(lambda self: self.stores.pending is None)
    @rule()
    def commits(self):
        self.stores.commit(ME, None, None)
        self.confirmed = held(self.stores.running)

    @rule()
    def commits_for_a_time(self):
        self.stores.commit(ME, FOR_A_TIME, None if self.stores.pending is None else "mine")

    @precondition(lambda self: self.stores.pending is not None)
    @rule()
    def confirms(self):
        self.stores.commit(OTHER, None, "mine")
        self.confirmed = held(self.stores.running)

    @precondition(lambda self: self.stores.pending is not None)
    @rule(by_time=st.booleans())
    def goes_back(self, by_time):
        self.stores.expire() if by_time else self.stores.cancel(OTHER, "mine")
        assert held(self.stores.running) == self.confirmed

    @rule()
    def loses_power(self):
        self.stores.restart()
        assert held(self.stores.running) == held(self.stores.candidate) == self.confirmed

    @invariant()
    def is_valid(self):
        self.stores.validate(Store.RUNNING)
        self.stores.validate(Store.CANDIDATE)
        if self.stores.pending is None:
            assert held(self.stores.running) == self.confirmed


TestAnyOrder = AnyOrder.TestCase
TestAnyOrder.settings = settings(max_examples=30, stateful_step_count=15)
