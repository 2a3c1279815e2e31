"""Every source's device is asked; one that does not tell is silent, and holds up no other."""

from __future__ import annotations

import asyncio
import re

import pytest
from counting_switch import CountingSwitch, equally, steering_rule
from steering_in_memory import SOURCES, TOPOLOGY

from controller.domain.egress import TrafficClass
from controller.domain.errors import DeviceRefused
from controller.domain.rules import Table
from controller.service.egress import reading
from controller.service.egress.measuring import MeasuredDemand
from controller.service.egress.reading import read_counters

BULK = TrafficClass.BULK


class Device:
    def __init__(self):
        self.switch = CountingSwitch()
        self.switch.install(steering_rule(1, BULK))
        self.switch.send(1, equally(1000))
        self.connected = True
        self.error = None
        self.hangs = False

    async def counts(self, table):
        assert table is Table.STEER
        if self.hangs:
            await asyncio.Event().wait()
        if self.error is not None:
            raise self.error
        return self.switch.reading().counts


@pytest.fixture
def devices():
    return {name: Device() for name in SOURCES}


@pytest.fixture
def demand():
    return MeasuredDemand(TOPOLOGY, SOURCES)


async def read(demand, devices, times=2):
    for _ in range(times):
        for device in devices.values():
            device.switch.run(30)
        await read_counters(demand, devices, lambda: next(iter(devices.values())).switch.clock_s)
    return demand.measured(0.0)


async def test_every_source_is_measured(demand, devices):
    measured = await read(demand, devices)
    assert measured.bps == {(source, 1, BULK): equally(1000) for source in SOURCES}
    assert measured.held == ()


async def test_one_that_does_not_tell_is_silent_and_the_others_are_not(demand, devices, monkeypatch):
    monkeypatch.setattr(reading, "LONGEST_S", 0.01)
    await read(demand, devices)
    device = devices["pe-bj"]
    for change, why in (
        ({"connected": False}, "its device is not connected"),
        ({"connected": True, "hangs": True}, "its device has not told its counters within 0.01 s"),
        ({"hangs": False, "error": DeviceRefused("pe-bj", "bad table")}, "does not tell its counters: .*bad table"),
    ):
        for name, value in change.items():
            setattr(device, name, value)
        (held,) = (await read(demand, devices, times=1)).held
        assert held.source == "pe-bj"
        assert re.search(why, held.why)
    assert demand.measured(0.0).bps == {(source, 1, BULK): equally(1000) for source in SOURCES}


async def test_a_source_without_a_device_is_silent(demand):
    await read_counters(demand, {}, lambda: 0.0)
    assert {one.source for one in demand.measured(0.0).held} == set(SOURCES)
