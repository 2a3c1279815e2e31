"""What is measured is written when something else counts, and otherwise now and then."""

from __future__ import annotations

import asyncio

from test_quality import FRESH_S, TOPOLOGY, Door

from controller.service.egress.quality import MeasuredQuality
from controller.service.egress.quality_keeping import EVERY_S, QualityKeeping
from controller.store.database import StoreError


class Written:
    def __init__(self):
        self.rows = []
        self.full = False
        self.wrote = asyncio.Event()

    async def set_measured_quality(self, series):
        if self.full:
            raise StoreError("disk full")
        self.rows.append(series)
        self.wrote.set()


def begun():
    door, written = Door(), Written()
    return door, written, QualityKeeping(door.quality, written, lambda: door.at_s)


async def test_what_counts_is_written_when_it_changes():
    door, written, keeping = begun()
    await keeping.note()
    assert not written.rows
    door.tell(100, 1, after_s=1)
    await keeping.note()
    assert written.rows == [door.quality.series()]
    door.tell(100.1, 1, after_s=1)
    await keeping.note()
    assert len(written.rows) == 1
    for _ in range(3):
        door.tell(130, 1, after_s=1)
    await keeping.note()
    assert written.rows[1:] == [door.quality.series()]


async def test_where_no_cycle_measures_it_is_written_all_the_same():
    door, written, keeping = begun()
    keeps = asyncio.create_task(keeping.run(every_s=0))
    for at_ms in (100, 130):
        written.wrote.clear()
        for _ in range(3):
            door.tell(at_ms, 1, after_s=1)
        async with asyncio.timeout(10):
            await written.wrote.wait()
    keeps.cancel()


async def test_what_only_gets_younger_is_written_now_and_then_and_at_the_end():
    door, written, keeping = begun()
    door.tell(100, 1, after_s=1)
    await keeping.note()
    door.tell(100, 1, after_s=EVERY_S - 1)
    await keeping.note()
    assert len(written.rows) == 1
    door.tell(100, 1, after_s=1)
    await keeping.note()
    assert len(written.rows) == 2
    door.at_s += EVERY_S
    await keeping.note()
    await keeping.close()
    assert len(written.rows) == 2
    door.tell(100, 1, after_s=1)
    await keeping.close()
    assert written.rows[2:] == [door.quality.series()]
    again = MeasuredQuality(TOPOLOGY, lambda: door.at_s, lambda: 5.0, FRESH_S, written.rows[-1])
    assert again.counting() == door.quality.counting() != {}


async def test_what_could_not_be_written_is_tried_again(caplog):
    door, written, keeping = begun()
    door.tell(100, 1, after_s=1)
    written.full = True
    await keeping.note()
    assert "is not kept: " in caplog.text
    written.full = False
    await keeping.note()
    assert written.rows == [door.quality.series()]
