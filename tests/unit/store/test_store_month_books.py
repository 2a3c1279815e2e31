"""What was sent in a month is there after a restart; of each gateway the latest months are kept."""

from __future__ import annotations

from controller.egress.slots import MonthBook, RunningSlot
from controller.store.month_books import KEPT
from controller.store.store import Store

BOOK = MonthBook(
    slots=8_928,
    known=((0, 10), (12, 13)),
    fullest_bps=(1, 5, 10**12),
    running=RunningSlot(number=13, bits=10**14, known_s=120.25, reached_s=130.5),
)


async def test_a_book_is_there_as_it_was_last_written(tmp_path):
    store = Store(tmp_path / "state.db")
    await store.set_month_book("igw-a", "2026-12", MonthBook(slots=8_928))
    await store.set_month_book("igw-a", "2026-12", BOOK)
    await store.set_month_book("igw-b", "2026-12", MonthBook(slots=8_928))
    store.close()
    store = Store(tmp_path / "state.db")
    assert (await store.load()).month_books == {
        ("igw-a", "2026-12"): BOOK,
        ("igw-b", "2026-12"): MonthBook(slots=8_928),
    }
    store.close()


async def test_a_year_and_the_month_that_runs_are_kept(tmp_path):
    store = Store(tmp_path / "state.db")
    months = [f"{year}-{month:02}" for year in (2026, 2027) for month in range(1, 13)]
    await store.set_month_book("igw-b", "2020-01", BOOK)
    for month in months:
        await store.set_month_book("igw-a", month, BOOK)
    kept = (await store.load()).month_books
    assert sorted(month for gateway, month in kept if gateway == "igw-a") == months[-KEPT:]
    assert ("igw-b", "2020-01") in kept
    store.close()
