"""A request is carried out once, however often it is sent and whoever hangs up."""

from __future__ import annotations

import asyncio

import pytest

from controller.domain.errors import InvalidInput
from controller.service.requests import Requests
from controller.store.records import Request


class Work:
    """Something to do that goes on when told; counts how often it was started and finished."""

    def __init__(self, fails=None):
        self.started = self.finished = 0
        self.running = asyncio.Event()
        self.go_on = asyncio.Event()
        self.fails = fails
        self.begin_at_once = False

    async def __call__(self, begun):
        self.started += 1
        if self.begin_at_once:
            begun()
        self.running.set()
        await self.go_on.wait()
        if self.fails is not None:
            raise self.fails
        self.finished += 1
        return self.finished


def request(request_id="r", asked=b"this"):
    return Request(request_id=request_id, fingerprint=asked)


async def given_up(task):
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_all_who_ask_the_same_get_the_one_outcome():
    requests, work = Requests(), Work()
    tasks = [asyncio.create_task(requests.once(request(), work)) for _ in range(3)]
    await work.running.wait()
    work.go_on.set()
    assert await asyncio.gather(*tasks) == [1, 1, 1]
    assert work.started == 1


async def test_all_get_the_one_failure():
    requests, work = Requests(), Work(fails=ValueError("no"))
    tasks = [asyncio.create_task(requests.once(request(), work)) for _ in range(2)]
    await work.running.wait()
    work.go_on.set()
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    assert [str(outcome) for outcome in outcomes] == ["no", "no"]


async def test_requests_without_an_id_are_each_their_own():
    requests, work = Requests(), Work()
    tasks = [asyncio.create_task(requests.once(request(""), work)) for _ in range(2)]
    await work.running.wait()
    work.go_on.set()
    assert sorted(await asyncio.gather(*tasks)) == [1, 2]


async def test_an_id_that_is_under_way_is_refused_to_another_request():
    requests, work = Requests(), Work()
    task = asyncio.create_task(requests.once(request(), work))
    await work.running.wait()
    with pytest.raises(InvalidInput, match="request id 'r' was used for another request"):
        await requests.once(request(asked=b"that"), work)
    work.go_on.set()
    assert await task == 1


async def test_work_that_has_not_begun_ends_with_the_last_who_waits():
    requests, work = Requests(), Work()
    first, second = (asyncio.create_task(requests.once(request(), work)) for _ in range(2))
    await work.running.wait()
    await given_up(first)
    assert work.started == 1
    await given_up(second)
    work.go_on.set()
    again = Work()
    again.go_on.set()
    assert await requests.once(request(), again) == 1
    assert work.finished == 0


async def test_who_asks_in_the_moment_it_is_given_up_gets_work_of_its_own():
    requests, work = Requests(), Work()
    first = asyncio.create_task(requests.once(request(), work))
    await work.running.wait()
    await given_up(first)  # the work has been told to stop, and may not have noticed yet
    fresh = Work()
    second = asyncio.create_task(requests.once(request(), fresh))
    await fresh.running.wait()
    fresh.go_on.set()
    assert await second == 1


async def test_work_that_has_begun_goes_on_without_those_who_asked():
    requests, work = Requests(), Work()
    work.begin_at_once = True
    first = asyncio.create_task(requests.once(request(), work))
    await work.running.wait()
    await given_up(first)
    second = asyncio.create_task(requests.once(request(), work))
    await asyncio.sleep(0)
    work.go_on.set()
    assert await second == 1
    assert work.started == 1


async def test_a_failure_that_nobody_waits_for_is_not_reported_as_lost():
    requests, work = Requests(), Work(fails=ValueError("no"))
    work.begin_at_once = True
    complaints = []
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: complaints.append(context))
    task = asyncio.create_task(requests.once(request(), work))
    await work.running.wait()
    await given_up(task)
    work.go_on.set()
    fresh = Work()
    fresh.go_on.set()
    while fresh.started == 0:  # until the first has landed and the id is free
        try:
            await requests.once(request(), fresh)
        except ValueError:
            continue
    assert complaints == []
