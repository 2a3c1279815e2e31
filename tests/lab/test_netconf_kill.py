"""``kill -9`` before and after every verb on every device: a fresh process that knows only the journal's changes undoes
it all or finishes it all."""

import asyncio
import multiprocessing
import signal

import pytest
from netconf_killed import VERBS, act, carry_out_until, steps
from netconf_rig import Rig, adding, cross_connect, nodes_running

from controller.domain.rules import Change
from controller.store.rule_json import dump_changes, load_changes

pytestmark = pytest.mark.lab(netconf=True, limit_s=600)

OLD = cross_connect(1)
CHANGES = (Change(before=OLD, after=cross_connect(1, slots=(41,))), *adding(cross_connect(2)))
AFTER = tuple(change.after for change in CHANGES)


@pytest.mark.parametrize("way", ["undone", "finished"])
def test_killed_at_every_step(tmp_path, way, record_property):
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["netconf_killed"])
    journal = dump_changes(CHANGES)
    with nodes_running(tmp_path, "otn-node", "slot-matrix") as nodes:
        asyncio.run(begin(nodes.devices))
        moments = steps(tuple(nodes.devices))
        record_property("steps", len(moments))
        for step in moments:
            process = context.Process(target=carry_out_until, args=(nodes.devices, journal, step))
            process.start()
            process.join()
            assert process.exitcode == -signal.SIGKILL, step
            found = asyncio.run(recover(nodes.devices, load_changes(journal), way))
            expected = (OLD,) if way == "undone" else AFTER
            assert found == dict.fromkeys(nodes.devices, expected), step
            asyncio.run(put_back(nodes.devices))
        assert len(moments) == 2 * len(nodes.devices) * len(VERBS)


async def begin(devices):
    async with Rig(None, devices=devices) as rig:
        for device in devices:
            for verb in VERBS:
                await act(rig[device], verb, adding(OLD))


async def recover(devices, changes, way):
    """As the service does: stage again from the journal, then back or forward. What each device holds then."""
    async with Rig(None, devices=devices) as rig:
        for device in devices:
            for verb in ("stage", "undo") if way == "undone" else VERBS:
                await act(rig[device], verb, changes)
        return {device: await rig.rules(device) for device in devices}


async def put_back(devices):
    async with Rig(None, devices=devices) as rig:
        for device in devices:
            await rig[device].stage("back", 0, CHANGES)
            await rig[device].undo("back")
            assert await rig.rules(device) == (OLD,)
