"""What those who run the controller have told it is there after a restart; files of an earlier version are taken."""

from __future__ import annotations

import sqlite3

import pytest

from controller.domain.foreign import ForeignRule, PortUse
from controller.domain.gateway_quality import Measurement, Origin, Quality, Series
from controller.domain.rules import RuleKey, Table
from controller.egress.slots import MonthBook
from controller.store import schema
from controller.store.records import Drained, Frozen
from controller.store.store import Store

FLOW = ForeignRule(
    kind="flow",
    words="flow table=0 ...",
    place=RuleKey("flow", (Table.CLASSIFY, 200, 11, -1, 100, -1)),
    labels=(7, 9),
    ports=(PortUse(port=None, vlan=4), PortUse(port=11, vlan=100), PortUse(port=11, vlan=None)),
)
METER = ForeignRule(kind="meter", words="meter 3 ...", number=3)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "state.db"


async def loaded(path):
    store = Store(path)
    try:
        return await store.load()
    finally:
        store.close()


async def test_nothing_is_frozen_or_adopted_at_first(path):
    saved = await loaded(path)
    assert (saved.frozen, saved.adopted) == (None, {})


async def test_what_is_adopted_is_kept_until_it_is_released(path):
    store = Store(path)
    await store.adopt({"pe-a": [FLOW, METER], "pe-z": [METER]}, 1.0)
    await store.adopt({"pe-a": [FLOW], "p-n": []}, 2.0)
    await store.set_frozen(Frozen(reason="x", since=3.5))
    store.close()
    saved = await loaded(path)
    assert saved.adopted == {"pe-a": (FLOW, METER), "pe-z": (METER,)}
    assert hash(saved.adopted["pe-a"][0]) == hash(FLOW)  # found again among what a device shows
    assert saved.frozen == Frozen(reason="x", since=3.5)
    store = Store(path)
    await store.release(["pe-a", "nobody"])
    assert (await store.load()).adopted == {"pe-z": (METER,)}
    store.close()


SERIES = Series(
    good=(Measurement(gateway="igw-a", region="europe", at_s=1.5, delay_ns=7, origin=Origin.PROBES),),
    counts=Quality(delay_ns=7),
)


@pytest.mark.parametrize(
    ("version", "without"),
    [(1, ("trunk_pairs", "freeze", "adopted")), (2, ("freeze", "adopted")), (3, ()), (4, ()), (5, ()), (6, ())],
)
async def test_a_file_of_an_earlier_version_is_brought_up_to_date(path, version, without):
    Store(path).close()
    with sqlite3.connect(path) as connection:
        steering = ("steering", "prefix_table", "drained") if version < 6 else ()
        newer = ("month_books", "measured_quality", *steering, *(("plans", "specs") if version < 5 else ()))
        for table in (*without, *newer):
            connection.execute(f"DROP TABLE {table}")
        if version < 5:
            connection.execute("ALTER TABLE history DROP COLUMN caller")
        if version < 4:
            connection.execute("ALTER TABLE history DROP COLUMN generation")
            connection.execute("DROP INDEX request_of_transaction")
        connection.execute(f"PRAGMA user_version = {version}")
        connection.execute("UPDATE revision SET value = 41")
    connection.close()
    saved = await loaded(path)
    assert (saved.revision, saved.adopted, saved.drained, saved.month_books) == (41, {}, {}, {})
    assert saved.measured_quality == ()
    store = Store(path)
    await store.adopt({"pe-a": [METER]}, 1.0)
    await store.set_drained("igw-a", Drained(reason="x", since=3.5))
    await store.set_month_book("igw-a", "2026-11", MonthBook(slots=8_640))
    await store.set_measured_quality((SERIES,))
    saved = await store.load()
    assert saved.drained == {"igw-a": Drained(reason="x", since=3.5)}
    assert saved.measured_quality == (SERIES,)
    assert saved.month_books == {("igw-a", "2026-11"): MonthBook(slots=8_640)}
    store.close()
    with sqlite3.connect(path) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (schema.SCHEMA_VERSION,)
    connection.close()
