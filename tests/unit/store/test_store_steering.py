"""The steering and its table of prefixes come back as they were, with the commit point of their transaction."""

import sqlite3
from contextlib import closing

from hypothesis import given
from hypothesis import strategies as st

from controller.compiler.plan import Movement
from controller.domain.egress import TrafficClass
from controller.domain.intents import IntentKey
from controller.domain.prefixes import ADDRESS_BITS, Prefix
from controller.domain.steering import DestinationGroup, Edge, EdgeKind, Entry, Leg, PrefixTable, Steering
from controller.store.records import Request, TransactionKind
from controller.store.steering import pack, unpack
from controller.store.store import Store

STEERING = Steering(
    edges=(Edge(kind=EdgeKind.GATEWAY, name="igw", label=524_290),),
    groups=(
        DestinationGroup(
            number=3, region="europe", gateways=("igw",), policy=IntentKey(kind="EgressPolicy", tenant="t", name="p")
        ),
    ),
    legs=(Leg(source="pe-a", edge="igw", trunk=1024),),
    entries=(Entry(source="pe-a", group=3, traffic_class=TrafficClass.GOLD, gateways=("igw",), rate_bps=7),),
)


@st.composite
def prefixes(draw):
    version = draw(st.sampled_from((4, 6)))
    length = draw(st.integers(0, ADDRESS_BITS[version]))
    bits = draw(st.integers(0, (1 << length) - 1)) << (ADDRESS_BITS[version] - length)
    return Prefix(version, bits, length)


@given(st.lists(st.tuples(prefixes(), st.integers(0, 2**24 - 1)), max_size=50))
def test_a_table_of_prefixes_is_packed_without_loss(routes):
    table = PrefixTable(routes=tuple(routes))
    assert unpack(pack(table)) == table


async def test_of_a_change_of_the_steering_that_is_over_no_row_is_left(tmp_path):
    path = tmp_path / "state.db"
    store = Store(path)
    movement, nobody = Movement(steering_out=Steering(), steering_in=STEERING), Request(request_id="", fingerprint=b"")
    for txn, reason in (("done", ""), ("undone", "DEVICE_UNREACHABLE")):
        await store.begin(txn, TransactionKind.STEER, (), movement, (), nobody, (), 1.0)
        await store.end(txn, (), movement, (), 2.0, reason=reason)
    await store.begin("begun", TransactionKind.STEER, (), movement, (), nobody, (), 3.0)
    store.close()
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT txn FROM transactions").fetchall() == [("begun",)]


async def test_a_transaction_brings_the_steering_at_its_commit_point(tmp_path):
    table = PrefixTable(routes=((Prefix(4, 0x0A000000, 8), 3),))
    movement = Movement(steering_out=Steering(), steering_in=STEERING, prefixes_in=table)
    store = Store(tmp_path / "state.db")
    await store.begin("t1", TransactionKind.STEER, (), movement, (), Request(request_id="", fingerprint=b""), (), 1.0)
    assert (await store.load()).steering == Steering()
    assert [saved.movement for saved in await store.unfinished()] == [movement]
    await store.commit_point("t1", movement)
    await store.end("t1", (), movement, (), 2.0)
    store.close()
    store = Store(tmp_path / "state.db")
    saved = await store.load()
    assert (saved.steering, saved.prefixes) == (STEERING, table)
    # What does not change anything leaves it as it is.
    await store.begin("t2", TransactionKind.STEER, (), Movement(), (), Request(request_id="", fingerprint=b""), (), 3.0)
    await store.commit_point("t2", Movement())
    assert (await store.load()).steering == STEERING
    store.close()
