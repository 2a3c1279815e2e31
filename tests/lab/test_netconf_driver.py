"""Every verb on real NETCONF servers, as often as one likes, whatever happens in between."""

import asyncio

import pytest
from netconf_rig import LIMITS, Rig, adding, by_hand, cross_connect, nodes_running, otn_config, with_other_key

from controller.domain.errors import DeviceRefused, DeviceUnreachable
from controller.domain.otn import OduType
from controller.domain.rules import Change, Opaque
from controller.southbound.netconf.connection import Limits

pytestmark = pytest.mark.lab(netconf=True)

BOTH = ("otn-node", "slot-matrix")


@pytest.fixture
def nodes(tmp_path):
    with nodes_running(tmp_path, *BOTH) as running:
        yield running


async def carry_out(driver, txn, changes, number=0):
    await driver.stage(txn, number, changes)
    await driver.commit(txn, number)
    await driver.verify(txn)
    await driver.confirm(txn)


async def test_what_was_sent_is_what_is_read_whatever_the_model(nodes):
    rules = (
        cross_connect(1, odu=OduType.ODU2E, slots=tuple(range(11, 20))),
        cross_connect(2, odu=OduType.ODU4, slots=(20, 30, 40)),
        cross_connect(3, odu=OduType.ODU0),
    )
    async with Rig(nodes) as rig:
        for device in nodes.nodes:
            await carry_out(rig[device], "t1", adding(*rules))
            assert await rig.rules(device) == rules
            await carry_out(
                rig[device],
                "t2",
                (
                    Change(before=rules[0], after=None),
                    Change(before=rules[2], after=cross_connect(3, odu=OduType.ODU1)),
                ),
            )
            assert await rig.rules(device) == (rules[1], cross_connect(3, odu=OduType.ODU1))
    assert rig.suspects == []


async def test_every_verb_can_be_repeated(nodes):
    changes = adding(cross_connect(1))
    async with Rig(nodes) as rig:
        for device in nodes.nodes:
            driver = rig[device]
            for verb in (
                lambda driver=driver: driver.stage("t", 0, changes),
                lambda driver=driver: driver.commit("t", 0),
                lambda driver=driver: driver.verify("t"),
            ):
                await verb()
                await verb()
            await driver.confirm("t")
            await driver.stage("t", 0, changes)
            await driver.confirm("t")
            assert await rig.rules(device) == (cross_connect(1),)
            for _ in range(2):
                await driver.stage("t", 0, changes)
                await driver.undo("t")
                assert await rig.rules(device) == ()


async def test_undo_takes_back_every_round_whether_committed_or_confirmed(nodes):
    one, other, changed = cross_connect(1), cross_connect(2), cross_connect(1, odu=OduType.ODU1, slots=(1, 11))
    async with Rig(nodes) as rig:
        for device in nodes.nodes:
            driver = rig[device]
            await carry_out(driver, "before", adding(one))
            await carry_out(driver, "t", adding(other), 0)
            await driver.stage("t", 0, adding(other))
            await driver.stage("t", 1, (Change(before=one, after=changed),))
            await driver.commit("t", 1)
            assert await rig.rules(device) == (changed, other)
            await driver.undo("t")
            assert await rig.rules(device) == (one,)
            # And the device is free for the next.
            await carry_out(driver, "next", adding(cross_connect(3)))
            assert await rig.rules(device) == (one, cross_connect(3))


async def test_undo_of_what_was_never_committed_changes_nothing(nodes):
    async with Rig(nodes) as rig:
        await rig["otn-0"].stage("t", 0, adding(cross_connect(1)))
        await rig["otn-0"].undo("t")
        assert await rig.rules("otn-0") == ()


async def test_one_device_refuses_and_the_other_is_put_back(nodes):
    """The model here allows what the device then refuses: slot 1 was taken by hand since it was read."""
    async with Rig(nodes) as rig:
        for device in nodes.nodes:
            await rig[device].stage("t", 0, adding(cross_connect(1, slots=(7,))))
        with by_hand(nodes, "otn-0") as hand:
            hand.edit_config(target="candidate", config=otn_config(TAKEN_BY_HAND))
            hand.commit()
        outcomes = await asyncio.gather(*(rig[device].commit("t", 0) for device in nodes.nodes), return_exceptions=True)
        assert isinstance(outcomes[0], DeviceRefused)
        assert outcomes[1] is None
        assert "otn-0" in str(outcomes[0])
        assert "tributary slot is taken" in str(outcomes[0])
        assert "cross-connect 1" in str(outcomes[0])
        for device in nodes.nodes:
            await rig[device].stage("t", 0, adding(cross_connect(1, slots=(7,))))
            await rig[device].undo("t")
            assert await rig.rules(device) == ()


async def test_a_confirm_that_fails_after_another_succeeded_is_made_good(nodes):
    """The device is lost at the worst moment: the one that had confirmed is put back by the opposite edit."""
    async with Rig(nodes) as rig:
        for device in nodes.nodes:
            await rig[device].stage("t", 0, adding(cross_connect(1)))
            await rig[device].commit("t", 0)
            await rig[device].verify("t")
        await rig["otn-0"].confirm("t")
        nodes.kill("otn-1")
        with pytest.raises(DeviceUnreachable, match="otn-1"):
            await rig["otn-1"].confirm("t")
        await rig.wait_until(lambda: rig.up == {"otn-0"})
        nodes.start("otn-1")
        await rig.wait_until(lambda: rig.up == {"otn-0", "otn-1"})
        for device in nodes.nodes:
            await rig[device].stage("t", 0, adding(cross_connect(1)))
            await rig[device].undo("t")
            assert await rig.rules(device) == ()


async def test_what_the_model_forbids_is_refused_before_anything_is_sent(nodes):
    async with Rig(nodes) as rig:
        for wrong, path in (
            (cross_connect(1, slots=(81,)), "tributary-slot"),
            (cross_connect(11), "supporting-port"),
        ):
            with pytest.raises(DeviceRefused, match=f"otn-0: /trunkline-otn-node:otn-node/interface.*{path}"):
                await rig["otn-0"].stage("t", 0, adding(wrong))
        with pytest.raises(DeviceRefused, match="cannot be sent"):
            await rig["otn-0"].stage("t", 0, adding(cross_connect(1, odu=Opaque("ODU 9"))))


async def test_what_is_not_ours_is_told_and_never_touched(nodes):
    async with Rig(nodes) as rig:
        with by_hand(nodes, "otn-0") as hand:
            hand.edit_config(target="candidate", config=otn_config(TAKEN_BY_HAND))
            hand.commit()
        await carry_out(rig["otn-0"], "t", adding(cross_connect(1)))
        await rig["otn-0"].stage("t", 0, adding(cross_connect(1)))
        await rig["otn-0"].undo("t")
        seen = await rig["otn-0"].read()
        assert seen.rules == ()
        assert [one.words for one in seen.foreign] == ["/trunkline-otn-node:otn-node/interface[name='by-hand']"]


async def test_a_change_by_hand_is_noticed_and_read_as_one(nodes):
    async with Rig(nodes) as rig:
        await carry_out(rig["otn-0"], "t", adding(cross_connect(1)))
        assert rig.suspects == []
        with by_hand(nodes, "otn-0") as hand:
            hand.edit_config(
                target="candidate",
                config=otn_config(
                    "<interface><name>trunkline-1-a</name>"
                    "<administrative-state>maintenance</administrative-state></interface>"
                ),
            )
            hand.commit()
        await rig.wait_until(lambda: rig.suspects == ["otn-0"])
        (rule,) = await rig.rules("otn-0")
        assert rule != cross_connect(1)
        assert "administrative-state is maintenance instead of inService" in rule.extra[0]
        # Put right, as the reconciler would.
        await carry_out(rig["otn-0"], "repair", (Change(before=rule, after=cross_connect(1)),))
        assert await rig.rules("otn-0") == (cross_connect(1),)


async def test_a_connection_taken_away_by_hand_is_missed(nodes):
    async with Rig(nodes) as rig:
        await carry_out(rig["otn-0"], "t", adding(cross_connect(1)))
        with by_hand(nodes, "otn-0") as hand:
            hand.edit_config(
                target="candidate",
                config=otn_config(
                    '<odu-connection nc:operation="delete">'
                    "<connection-name>trunkline-1</connection-name></odu-connection>"
                ),
            )
            hand.commit()
        (rule,) = await rig.rules("otn-0")
        assert rule.extra == (
            "/trunkline-otn-node:otn-node/odu-connection[connection-name='trunkline-1'] is not there",
        )
        await rig["otn-0"].stage("again", 0, adding(cross_connect(1)))
        with pytest.raises(DeviceRefused, match="read back"):
            await rig["otn-0"].verify("again")


async def test_a_lock_of_somebody_else_is_waited_for_and_then_named(nodes):
    async with Rig(nodes, limits=Limits(retry_s=0.02, longest_retry_s=0.2, lock_s=0.2)) as rig:
        await rig["otn-0"].stage("t", 0, adding(cross_connect(1)))
        with by_hand(nodes, "otn-0") as hand:
            with hand.locked("candidate"), pytest.raises(DeviceRefused, match="lock"):
                await rig["otn-0"].commit("t", 0)
            await rig["otn-0"].commit("t", 0)
            await rig["otn-0"].undo("t")


async def test_a_killed_device_is_unreachable_and_comes_back_as_it_was(nodes):
    async with Rig(nodes) as rig:
        await carry_out(rig["otn-0"], "t", adding(cross_connect(1)))
        await rig["otn-0"].stage("u", 0, adding(cross_connect(2)))
        await rig["otn-0"].commit("u", 0)
        nodes.kill("otn-0")
        await rig.wait_until(lambda: rig.up == {"otn-1"})
        for verb in (rig["otn-0"].read(), rig["otn-0"].confirm("u"), rig["otn-0"].undo("u")):
            with pytest.raises(DeviceUnreachable, match="otn-0"):
                await verb
        nodes.start("otn-0")
        await rig.wait_until(lambda: rig.up == {"otn-0", "otn-1"})
        # What was confirmed is there; what was not, is gone or goes when it is undone.
        await rig["otn-0"].undo("u")
        assert await rig.rules("otn-0") == (cross_connect(1),)


async def test_who_waits_for_a_device_has_it_tried_at_once(nodes):
    """By itself, the next attempt would come within minutes: after the test has given up."""
    async with Rig(nodes, limits=Limits(retry_s=600, longest_retry_s=600)) as rig:
        nodes.kill("otn-0")
        await rig.wait_until(lambda: rig.up == {"otn-1"})
        nodes.start("otn-0")
        nodes.wait_until_answering("otn-0")
        rig["otn-0"].hurry()
        rig["otn-1"].hurry()  # has a session already, and keeps it
        await rig.wait_until(lambda: rig.up == {"otn-0", "otn-1"})


async def test_a_device_that_hangs_is_given_up_and_holds_up_nobody(nodes):
    async with Rig(nodes, limits=Limits(retry_s=0.02, longest_retry_s=0.2, answer_s=0.5, connect_s=1)) as rig:
        nodes.pause("otn-0")
        hanging = asyncio.create_task(rig["otn-0"].read())
        await carry_out(rig["otn-1"], "t", adding(cross_connect(1)))
        with pytest.raises(DeviceUnreachable, match=r"otn-0: get-config: no answer within 0\.5 s"):
            await hanging
        await rig.wait_until(lambda: rig.up == {"otn-1"})
        nodes.resume("otn-0")
        await rig.wait_until(lambda: rig.up == {"otn-0", "otn-1"})
        assert await rig.rules("otn-0") == ()


async def test_a_device_with_another_host_key_is_not_talked_to(nodes):
    stranger = "AAAAC3NzaC1lZDI1NTE5AAAAIJqNqZ1kqFAFxv5JNVVvPzYpP0JKYbV5AlVbqvRdDBBS"
    devices = {"otn-0": with_other_key(nodes.devices["otn-0"], stranger)}
    async with Rig(nodes, devices=devices, connect=False) as rig:
        error = await rig.wait_for_error("otn-0", "host key")
    assert isinstance(error, DeviceUnreachable)
    assert str(error).startswith(f"otn-0: {nodes.endpoint('otn-0').address}: ")


async def test_a_device_without_candidate_is_refused_and_told_why(tmp_path):
    with nodes_running(tmp_path, "otn-node") as nodes:
        nodes.kill("otn-0")
        nodes.start("otn-0", target="running")
        nodes.wait_until_answering("otn-0")
        async with Rig(nodes, connect=False) as rig:
            assert isinstance(await rig.wait_for_error("otn-0", ":candidate"), DeviceRefused)
            with pytest.raises(DeviceRefused, match="otn-0: it lacks :candidate"):
                await rig["otn-0"].stage("t", 0, adding(cross_connect(1)))


async def test_what_is_not_confirmed_in_time_goes_by_itself_and_is_noticed(nodes):
    limits = Limits(retry_s=LIMITS.retry_s, longest_retry_s=LIMITS.longest_retry_s, confirm_s=1)
    async with Rig(nodes, limits=limits) as rig:
        await rig["otn-0"].stage("t", 0, adding(cross_connect(1)))
        await rig["otn-0"].commit("t", 0)
        assert await rig.rules("otn-0") == (cross_connect(1),)
        await rig.wait_until(lambda: "otn-0" in rig.suspects)
        assert await rig.rules("otn-0") == ()
        with pytest.raises(DeviceRefused, match="read back"):
            await rig["otn-0"].confirm("t")
        await rig["otn-0"].undo("t")


TAKEN_BY_HAND = """<interface><name>by-hand</name><type>otn-odu</type>
<administrative-state>inService</administrative-state><supporting-port>100</supporting-port>
<odu><rate>ODU0</rate><tributary-port>7</tributary-port><tributary-slot>7</tributary-slot></odu></interface>"""
