"""The cycle at work: by itself at its time, at once after events, one at a time."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager

import pytest
from steering_in_memory import TOPOLOGY, Here, entry

from controller.service.egress.agenda import Agenda
from controller.service.egress.report import Ending, Losses


@asynccontextmanager
async def running(**options):
    here = Here(agenda=Agenda(settle_s=0.0, gap_s=0.0), clock=asyncio.get_running_loop().time, **options)
    task = asyncio.create_task(here.cycle.run())
    try:
        async with asyncio.timeout(30):
            yield here
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def next_report(here):
    latest = here.cycle.reports.latest
    return await report_after(here, 0 if latest is None else latest.number)


async def report_after(here, number):
    """The first of a higher number, when it comes."""
    async for report in here.cycle.reports.watch():
        if report.number > number:
            return report
    raise AssertionError("there are no more reports")


async def test_it_begins_with_the_start_and_then_waits_for_events():
    async with running() as here:
        first = await next_report(here)
        assert (first.causes, first.ending) == (("the controller has started",), Ending.UNCHANGED)
        here.lose(gateways=["igw-gz"])
        here.cycle.notice("gateway igw-gz is down")
        assert (await next_report(here)).ending is Ending.CHANGED
        assert here.work.leads == ["igw-sh", "igw-sh"]
        assert here.reads == 0


async def test_on_schedule_it_measures_first_and_goes_on():
    async with running(every_s=0.005) as here:
        third = await report_after(here, 2)
        assert third.causes == ("it is looked at every 0.005 s",)
        assert here.reads >= 3


async def test_a_loss_does_not_wait_for_devices_that_are_being_read():
    async with running(every_s=1000.0) as here:
        here.readable.clear()
        here.lose(gateways=["igw-gz"])
        here.cycle.notice("gateway igw-gz is down")
        report = await next_report(here)
        assert (report.causes, report.ending) == (("gateway igw-gz is down",), Ending.CHANGED)
        here.readable.set()
        assert (await next_report(here)).causes == ("it is looked at every 1000 s",)


async def test_counters_that_cannot_be_read_do_not_end_it(monkeypatch, caplog):
    async def broken():
        raise ZeroDivisionError("oh")

    async with running(every_s=0.005) as here:
        here.cycle._read = broken
        await report_after(here, 3)
        assert "counters could not be read" in caplog.text


async def test_what_happens_while_one_is_carried_out_is_for_the_next():
    async with running(entries=[entry("pe-bj", "igw-gz"), entry("pe-xa", "igw-sh")]) as here:
        await next_report(here)
        here.work.go.clear()
        here.lose(gateways=["igw-gz"])
        here.cycle.notice("gateway igw-gz is down")
        await here.work.inside.wait()
        here.lose(gateways=["igw-sh"])  # the other one is up again, and this one goes
        here.cycle.notice("gateway igw-sh is down")
        here.work.go.set()
        assert (await next_report(here)).losses.gateways == {"igw-gz"}
        second = await next_report(here)
        assert (second.losses.gateways, second.urgent, second.ending) == ({"igw-sh"}, True, Ending.CHANGED)
        assert here.work.leads == ["igw-gz", "igw-gz"]


async def test_a_device_that_comes_back_is_told_what_it_missed():
    async with running() as here:
        await next_report(here)
        here.lose(gateways=["igw-gz"], unreachable=["pe-bj"])
        here.tell_of_device()
        here.cycle.notice("gateway igw-gz is down")
        await next_report(here)
        here.lose(gateways=["igw-gz"])
        here.tell_of_device()
        report = await next_report(here)
        assert report.causes == ("a device can be worked with again",)
        assert here.work.leads == ["igw-sh", "igw-sh"]


async def test_prefixes_go_on_when_a_device_that_was_waited_for_cannot_be_put_right():
    async with running() as here:
        await next_report(here)
        here.losses = Losses(unreachable=frozenset({"pe-bj"}), settling=frozenset({"pe-bj"}))
        here.tell_of_device()
        await asyncio.sleep(0)
        here.work.prefixes_left = 5
        here.cycle.notice("routes have changed")
        assert (await next_report(here)).rules == 0
        here.lose(unreachable=["pe-bj"])
        here.tell_of_device()
        report = await next_report(here)
        assert (report.causes, report.rules) == (("a device cannot be put right for now",), 5)


@pytest.mark.parametrize("patience_s", [0.0, 1000.0])
async def test_after_a_start_it_waits_for_devices_but_not_for_ever(patience_s):
    here = Here(agenda=Agenda(settle_s=0.0, gap_s=0.0), clock=asyncio.get_running_loop().time, patience_s=patience_s)
    here.lose(unreachable=["pe-bj"])
    task = asyncio.create_task(here.cycle.run())
    for _ in range(10):
        await asyncio.sleep(0)
    if patience_s:
        assert here.work.asked == []
        here.lose()
        here.tell_of_device()
    report = await report_after(here, 0)
    assert report.losses.unreachable == (set() if patience_s else {"pe-bj"})
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_a_device_that_comes_back_is_read_before_its_time():
    async with running(every_s=1000.0) as here:
        await next_report(here)
        here.lose(unreachable=["pe-bj"])
        here.tell_of_device()
        await asyncio.sleep(0)
        here.lose()
        here.tell_of_device()
        causes = [(await next_report(here)).causes]
        while "devices that came back were read" not in causes[-1]:
            causes.append((await next_report(here)).causes)
        assert here.reads == 2
        assert "it is looked at every 1000 s" not in causes[-1]


@pytest.mark.parametrize("gateways", [TOPOLOGY.gateways, ()])
async def test_a_network_without_gateways_has_nothing_to_steer(monkeypatch, gateways):
    here = Here(every_s=1000.0)
    monkeypatch.setattr(here.cycle, "_topology", type(TOPOLOGY)(name="x", nodes=(), links=(), gateways=gateways))
    task = asyncio.create_task(here.cycle.run())
    for _ in range(10):
        await asyncio.sleep(0)
    assert task.done() == (not gateways)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_who_has_changed_something_can_wait_for_the_cycle_that_knows_of_it():
    async with running() as here:
        await next_report(here)
        here.lose(gateways=["igw-gz"])
        here.cycle.notice("gateway igw-gz is down")
        await here.cycle.caught_up(25.0)
        assert here.work.leads == ["igw-sh", "igw-sh"]
        await here.cycle.caught_up(25.0)  # there is nothing more to wait for


async def test_nobody_waits_for_ever_for_a_cycle():
    async with running() as here:
        await next_report(here)
        async with here.work.deciding:
            here.cycle.notice("lines or policies have changed")
            await here.cycle.caught_up(0.01)
            assert here.cycle.reports.latest.causes == ("the controller has started",)
