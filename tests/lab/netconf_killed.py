"""A process that carries a change out over NETCONF and is killed on the way."""

import asyncio
import os
import signal
from itertools import product

from netconf_rig import Rig

from controller.store.rule_json import load_changes

VERBS = ("stage", "commit", "verify", "confirm")


def steps(devices):
    """Every moment at which it can be killed: before and after each verb on each device, in order."""
    return list(product(VERBS, devices, ("before", "after")))


def carry_out_until(nodes_devices, journal, step):
    """Run until ``step``, and die there; to the end when it is ``None``."""
    asyncio.run(_carry_out(nodes_devices, load_changes(journal), step))


async def _carry_out(devices, changes, step):
    async with Rig(None, devices=devices) as rig:
        for verb in VERBS:
            for device in devices:
                _die_if((verb, device, "before"), step)
                await act(rig[device], verb, changes)
                _die_if((verb, device, "after"), step)


async def act(driver, verb, changes):
    if verb == "stage":
        await driver.stage("txn", 0, changes)
    elif verb == "commit":
        await driver.commit("txn", 0)
    else:
        await getattr(driver, verb)("txn")


def _die_if(here, step):
    if here == step:
        os.kill(os.getpid(), signal.SIGKILL)
