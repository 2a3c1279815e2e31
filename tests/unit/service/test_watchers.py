"""Watchers hear everything that matters, however slow they are."""

from __future__ import annotations

from controller.service.watching import Progress, Watchers


def progress(done):
    return Progress(request_id="r", phase="prepare", devices_done=done, devices_total=5_000)


async def test_each_watcher_hears_all_from_the_moment_it_listens():
    watchers = Watchers()
    watchers.news()  # before anybody listens
    with watchers.listening() as one:
        watchers.progress(progress(1))
        with watchers.listening() as two:
            watchers.news()
            assert await anext(two) is None
        assert await anext(one) == progress(1)
        assert await anext(one) is None


async def test_news_that_nobody_has_looked_at_yet_are_told_once():
    watchers = Watchers()
    with watchers.listening() as heard:
        for _ in range(10):
            watchers.news()
        watchers.progress(progress(1))
        assert [await anext(heard), await anext(heard)] == [None, progress(1)]


async def test_a_slow_watcher_loses_progress_but_never_that_there_is_news():
    watchers = Watchers()
    with watchers.listening() as heard:
        watchers.news()
        for done in range(4_500):
            watchers.progress(progress(done))
        collected = [await anext(heard)]
        while collected[-1] != progress(4_499):
            collected.append(await anext(heard))
        assert collected[0] is None
        assert len(collected) <= 1_001
        assert collected[1:] == [progress(done) for done in range(4_500 - len(collected) + 1, 4_500)]


async def test_at_the_end_what_was_said_is_heard_and_then_nothing_any_more():
    watchers = Watchers()
    with watchers.listening() as heard:
        watchers.progress(progress(1))
        watchers.end()
        assert [item async for item in heard] == [progress(1)]
    with watchers.listening() as late:
        assert [item async for item in late] == []
