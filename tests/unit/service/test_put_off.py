"""What is put off for a device that is away is known to be our own doing, whenever the device comes back."""

from __future__ import annotations

import pytest
from memory_device import MemoryDevice

from controller.compiler.plan import Movement, RoundKind
from controller.domain.errors import DeviceUnreachable
from controller.domain.rules import Change, FlowRule, Match, Table
from controller.domain.steering import Steering
from controller.service.devices import Devices
from controller.service.transaction import NetworkChange, Transactor
from controller.store.records import DeviceRound, Leftover, Request, TransactionKind
from controller.store.store import Store

HERE, AWAY = "pe-a", "pe-b"
RULE = FlowRule(cookie=1, table=Table.STEER, priority=1, match=Match(group=1), actions=())


def part(device):
    return DeviceRound(number=0, kind=RoundKind.FLIP, device=device, changes=(Change(before=None, after=RULE),))


CHANGE = NetworkChange(
    txn="t1",
    kind=TransactionKind.STEER,
    keys=(),
    shown=(),
    movement=Movement(steering_out=Steering(), steering_in=Steering()),
    rounds=[[part(HERE)]],
    put_off=(part(AWAY),),
)
LEFT = Leftover(device=AWAY, rule=RULE)


class Meanwhile(MemoryDevice):
    """While it is written to, the other device comes back and is put right: it holds what it should as yet."""

    def __init__(self, store, told):
        super().__init__(HERE)
        self.connected = True
        self._store = store
        self._told = told

    async def commit(self, txn, round_number):
        assert self._told == [LEFT]
        assert (await self._store.load()).leftovers == (LEFT,)
        await self._store.clear_leftovers(AWAY)
        self._told.clear()
        await super().commit(txn, round_number)


@pytest.fixture
def store(tmp_path):
    made = Store(tmp_path / "state.db")
    yield made
    made.close()


async def carry_out(store, told, device):
    devices = Devices({HERE: device, AWAY: MemoryDevice(AWAY)})
    devices.put_right(HERE, devices.incidents(HERE))
    transactor = Transactor(store, devices, lambda: 0.0, told.extend, lambda: None)

    async def committed():
        told.append("committed")

    await transactor.run(CHANGE, {HERE}, Request(request_id="", fingerprint=b""), committed, lambda *_: None)
    return devices


async def test_a_device_that_is_back_and_clean_before_the_commit_point_is_looked_at_anew(store):
    told = []
    devices = await carry_out(store, told, Meanwhile(store, told))
    assert told == ["committed", LEFT]
    assert (await store.load()).leftovers == (LEFT,)
    assert devices.incidents(AWAY) == 1


async def test_a_change_that_is_undone_asks_nothing_of_it(store):
    told = []
    device = Meanwhile(store, told)
    device.failing = True
    with pytest.raises(DeviceUnreachable):
        await carry_out(store, told, device)
    assert LEFT not in told
