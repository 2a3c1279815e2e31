"""Simulated OTN nodes under the driver of the real ones, and frames through them."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import paramiko
import pytest
from lxml import etree
from otn_rig import CLIENT, LINE_PORT, Rig, adding, cross_connect

from controller.domain.errors import DeviceError, DeviceRefused, DeviceUnreachable
from controller.domain.otn import OduType
from controller.domain.rules import Change
from controller.simulation.netconf.editing import Operation
from controller.simulation.netconf.faults import RpcFault, RpcFaultKind
from controller.southbound.netconf.connection import Limits
from controller.southbound.netconf.session import CannotConnect, SessionLimits, open_session

BOTH = {"otn-a": adding(cross_connect()), "otn-z": adding(cross_connect())}
DELAY_NS = 1_000_000 + 3 * 10 + 2 * 2_000
PROFILES = [("otn-node", "otn-node"), ("slot-matrix", "otn-node"), ("slot-matrix", "slot-matrix")]


@pytest.mark.parametrize("profiles", PROFILES, ids="+".join)
async def test_a_frame_passes_when_both_nodes_join_its_ends_and_only_then(tmp_path, profiles):
    async with Rig(tmp_path, profiles) as rig:
        assert rig.sent() is None
        await rig.carry_out({"otn-a": BOTH["otn-a"]}, "first")
        assert rig.sent() is None
        await rig.carry_out({"otn-z": BOTH["otn-z"]}, "second")
        assert rig.sent("a") == ("z", DELAY_NS)
        assert rig.sent("z") == ("a", DELAY_NS)
        assert await rig.rules("otn-a") == (cross_connect(),)
        moved = cross_connect(slots=(5,), tributary_port=7)
        await rig.carry_out({"otn-a": (Change(before=cross_connect(), after=moved),)}, "third")
        assert rig.sent() is None
        await rig.carry_out({"otn-z": (Change(before=cross_connect(), after=moved),)}, "fourth")
        assert rig.sent() == ("z", DELAY_NS)
        gone = (Change(before=moved, after=None),)
        await rig.carry_out({"otn-a": gone, "otn-z": gone}, "fifth")
        assert rig.sent() is None
        assert await rig.rules("otn-a") == ()
        assert rig.plane.nodes["otn-a"].dump() == []


async def test_what_is_not_confirmed_carries_frames_and_is_gone_when_undone(tmp_path):
    async with Rig(tmp_path) as rig:
        await rig.prepare(BOTH)
        assert rig.sent() == ("z", DELAY_NS)
        for device in BOTH:
            await rig[device].undo("t")
            assert await rig.rules(device) == ()
        assert rig.sent() is None


async def test_a_node_puts_back_by_itself_what_nobody_confirms_and_tells(tmp_path):
    async with Rig(tmp_path, limits=Limits(retry_s=0.02, longest_retry_s=0.2, confirm_s=1)) as rig:
        await rig.prepare({"otn-a": BOTH["otn-a"]})
        await rig.wait_until(lambda: rig.suspects == ["otn-a"])
        assert await rig.rules("otn-a") == ()
        with pytest.raises(DeviceRefused, match="read back"):
            await rig[("otn-a")].confirm("t")


async def test_an_unconfirmed_commit_outlives_its_session_and_is_taken_back_by_the_next(tmp_path):
    """Nobody knows whether it is still wanted: who wants it finds it gone, and undoes the rest."""
    async with Rig(tmp_path) as rig:
        await rig.prepare(BOTH)
        pending = rig.plane.nodes["otn-a"].datastores.pending
        assert pending is not None
        rig.plane.nodes["otn-a"].drop_sessions()
        assert rig.plane.nodes["otn-a"].datastores.pending is pending
        await rig.until_reached("otn-a")
        assert rig.plane.nodes["otn-a"].datastores.pending is None
        with pytest.raises(DeviceRefused, match="is not there"):
            await rig["otn-a"].confirm("t")
        await rig["otn-z"].confirm("t")


async def test_the_model_of_the_node_refuses_what_it_does_not_allow(tmp_path):
    """The driver looks at its own copy of the model first, so it is told of ports that the node has not."""
    async with Rig(tmp_path) as rig:
        for wrong, words in (
            (cross_connect(client=9), "supporting-port"),
            (cross_connect(slots=(9,)), "no such tributary slot"),
            (cross_connect(client=LINE_PORT), "port"),
        ):
            with pytest.raises(DeviceRefused, match=words):
                await rig["otn-a"].stage("t", 0, adding(wrong))
        await rig.carry_out(BOTH)
        with pytest.raises(DeviceRefused, match="taken by another interface"):
            await rig["otn-a"].stage("u", 0, adding(cross_connect(2, client=CLIENT + 1, slots=(1,))))


@pytest.mark.parametrize(
    ("fault", "error", "words"),
    [
        (RpcFault(kind=RpcFaultKind.REFUSE, rpc="edit-config", tag="resource-denied"), DeviceRefused, "edit-config"),
        (RpcFault(kind=RpcFaultKind.IGNORE, rpc="edit-config"), DeviceRefused, "read back"),
        (RpcFault(kind=RpcFaultKind.IGNORE, rpc="commit"), DeviceRefused, "read back"),
        (RpcFault(kind=RpcFaultKind.REFUSE, rpc="commit", count=2), DeviceRefused, "confirmed commit"),
        (RpcFault(kind=RpcFaultKind.HANG_UP, rpc="commit"), DeviceUnreachable, "commit"),
        (RpcFault(kind=RpcFaultKind.LATE, rpc="commit"), DeviceUnreachable, "commit"),
        (RpcFault(kind=RpcFaultKind.HANG, rpc="lock"), DeviceUnreachable, "no answer"),
        (RpcFault(kind=RpcFaultKind.REFUSE, rpc="confirm", count=9), None, ""),
    ],
    ids=lambda value: f"{value.kind}-{value.rpc}" if isinstance(value, RpcFault) else "",
)
async def test_faults_that_are_ordered_reach_the_driver_and_can_be_undone(tmp_path, fault, error, words):
    async with Rig(tmp_path, limits=Limits(retry_s=0.02, longest_retry_s=0.2, answer_s=0.5)) as rig:
        rig.plane.nodes["otn-a"].faults.order(fault)
        if error is None:
            await rig.carry_out(BOTH)  # refused to confirm, but it is there: which is read
            assert rig.plane.nodes["otn-a"].datastores.pending is not None
        else:
            with pytest.raises(error, match=words):
                await rig.carry_out(BOTH)
        await rig.until_reached("otn-a")
        rig.plane.nodes["otn-a"].faults.clear()
        await rig["otn-a"].stage("t", 0, BOTH["otn-a"])
        await rig["otn-a"].undo("t")
        assert await rig.rules("otn-a") == ()
        assert rig.plane.nodes["otn-a"].datastores.pending is None
        await rig.carry_out(BOTH, "again")
        assert rig.sent() == ("z", DELAY_NS)


async def test_a_commit_that_could_not_be_undone_is_not_in_the_way_of_the_next(tmp_path):
    async with Rig(tmp_path) as rig:
        await rig.prepare({"otn-a": BOTH["otn-a"]}, "lost")
        rig.plane.nodes["otn-a"].faults.order(RpcFault(kind=RpcFaultKind.HANG_UP, rpc="cancel-commit"))
        with pytest.raises(DeviceUnreachable):
            await rig["otn-a"].undo("lost")
        await rig.until_reached("otn-a")
        moved = cross_connect(2, client=CLIENT + 1)
        await rig.carry_out({"otn-a": adding(moved)}, "next")
        assert await rig.rules("otn-a") == (moved,)


async def test_a_node_that_is_frozen_answers_when_it_is_thawed(tmp_path):
    async with Rig(tmp_path, limits=Limits(retry_s=0.02, longest_retry_s=0.2, answer_s=0.3)) as rig:
        rig.plane.nodes["otn-a"].freeze(True)
        with pytest.raises(DeviceUnreachable, match="no answer"):
            await rig["otn-a"].read()
        rig.plane.nodes["otn-a"].freeze(False)
        await rig.until_reached("otn-a")
        assert await rig.rules("otn-a") == ()


async def test_without_power_a_node_carries_nothing_and_goes_on_from_what_was_confirmed(tmp_path):
    async with Rig(tmp_path) as rig:
        await rig.carry_out(BOTH)
        await rig.prepare({"otn-a": adding(cross_connect(2, client=CLIENT + 1))}, "unconfirmed")
        port = rig.simulator.network.datapaths["pe-a"].port
        rig.simulator.set_power("otn-a", False)
        assert rig.sent() is None
        assert not port(1).up
        assert not port(2).up
        await rig.wait_until(lambda: rig.up == {"otn-z"})
        with pytest.raises(DeviceUnreachable):
            await rig["otn-a"].read()
        rig.simulator.set_power("otn-a", True)
        assert port(1).up
        assert rig.sent() == ("z", DELAY_NS)
        await rig.until_reached("otn-a")
        assert await rig.rules("otn-a") == (cross_connect(),)


async def test_a_link_that_is_cut_carries_nothing(tmp_path):
    async with Rig(tmp_path) as rig:
        await rig.carry_out(BOTH)
        rig.simulator.set_link("a-z", False, None, None)
        assert rig.sent() is None
        assert rig.simulator.network.datapaths["pe-a"].port(1).up  # the client link has a signal all the same
        rig.simulator.set_link("a-z", True, None, None)
        assert rig.sent() == ("z", DELAY_NS)


async def test_a_change_by_hand_is_told_and_read(tmp_path):
    async with Rig(tmp_path) as rig:
        await rig.carry_out(BOTH)
        node = rig.plane.nodes["otn-a"]
        out_of_service = (
            '<otn-node xmlns="urn:trunkline:otn-node"><interface><name>trunkline-1-z</name>'
            "<administrative-state>outOfService</administrative-state></interface></otn-node>"
        )
        node.edit_by_hand(out_of_service)
        assert rig.sent() is None
        await rig.wait_until(lambda: rig.suspects == ["otn-a"])
        (found,) = await rig.rules("otn-a")
        assert "outOfService" in found.extra[0]
        await rig.carry_out({"otn-a": (Change(before=found, after=cross_connect()),)}, "repair")
        assert rig.sent() == ("z", DELAY_NS)
        for wrong in ("<interface/>", "<otn-node", out_of_service.replace("outOfService", "asleep")):
            with pytest.raises(ValueError, match="otn-a: "):
                node.edit_by_hand(wrong)


async def test_what_somebody_has_in_the_candidate_without_a_lock_is_left_there(tmp_path):
    async with Rig(tmp_path, limits=Limits(retry_s=0.02, longest_retry_s=0.2, lock_s=0)) as rig:
        stores = rig.plane.nodes["otn-a"].datastores
        port = (
            '<otn-node xmlns="urn:trunkline:otn-node"><port><number>50</number><usage>client</usage></port></otn-node>'
        )
        stores.edit(999, [etree.fromstring(port)], Operation.MERGE, test=True)
        with pytest.raises(DeviceRefused, match="neither committed nor discarded"):
            await rig.carry_out({"otn-a": BOTH["otn-a"]})
        await rig["otn-a"].undo("t")
        assert "<number>50</number>" in "".join(etree.tostring(one, encoding="unicode") for one in stores.candidate)


async def test_cross_connects_of_others_carry_frames_too(tmp_path):
    """A node does what is configured, whoever did it and under whatever name."""
    async with Rig(tmp_path) as rig:
        interface = (
            "<interface><name>{name}</name><type>otn-odu</type><administrative-state>inService</administrative-state>"
            "<supporting-port>{port}</supporting-port><odu><rate>ODU0</rate>{line}</odu></interface>"
        )
        line = "<tributary-port>1</tributary-port><tributary-slot>1</tributary-slot>"
        for node in rig.plane.nodes.values():
            node.edit_by_hand(
                '<otn-node xmlns="urn:trunkline:otn-node">'
                + interface.format(name="theirs-1", port=CLIENT, line="")
                + interface.format(name="theirs-2", port=LINE_PORT, line=line)
                + "<odu-connection><connection-name>theirs</connection-name><direction>bidirectional</direction>"
                "<source><src-if>theirs-1</src-if></source><destination><dst-if>theirs-2</dst-if></destination>"
                "</odu-connection></otn-node>"
            )
        assert rig.sent() == ("z", DELAY_NS)
        held = await rig["otn-a"].read()
        assert held.rules == ()
        assert len(held.foreign) == len(rig.plane.nodes["otn-a"].dump()) == 3


async def test_only_the_key_of_the_controller_is_let_in(tmp_path):
    async with Rig(tmp_path) as rig:
        paramiko.ECDSAKey.generate().write_private_key_file(str(tmp_path / "other"))
        endpoint = rig.plane.access.endpoint("otn-a")
        for wrong, words in (
            (replace(endpoint, key_file=str(tmp_path / "other")), "does not let us in"),
            (replace(endpoint, username="root"), "does not let us in"),
            (replace(endpoint, host_key=paramiko.ECDSAKey.generate().get_base64()), "host key"),
        ):
            limits = SessionLimits(connect_s=10, message_bytes=1 << 20)
            with pytest.raises(CannotConnect, match=words):
                await asyncio.to_thread(open_session, wrong, limits, lambda _: None, lambda _: None)


async def test_the_odu_must_be_one_and_the_same_at_both_ends(tmp_path):
    async with Rig(tmp_path) as rig:
        other = cross_connect(odu=OduType.ODU1, slots=(1, 2))
        await rig.carry_out({"otn-a": BOTH["otn-a"], "otn-z": adding(other)})
        assert rig.sent() is None


async def test_errors_of_a_device_are_errors_of_that_device(tmp_path):
    async with Rig(tmp_path) as rig:
        rig.plane.nodes["otn-z"].faults.order(RpcFault(kind=RpcFaultKind.REFUSE, rpc="get-config"))
        with pytest.raises(DeviceError, match="otn-z"):
            await rig["otn-z"].read()
