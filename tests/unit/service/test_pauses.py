"""Where a transaction waits for packets that are under way: before each step, and before what was in use goes."""

from __future__ import annotations

import pytest
from memory_device import MemoryDevice

from controller.compiler.plan import Movement, RoundKind
from controller.domain.errors import DeviceUnreachable
from controller.domain.rules import Change, FlowRule, Match, Table
from controller.domain.steering import Steering
from controller.service.devices import Devices
from controller.service.transaction import DRAIN_MARGIN_S, NetworkChange, Transactor
from controller.store.records import DeviceRound, Request, TransactionKind
from controller.store.store import Store

PREPARE, FLIP, REMOVE = RoundKind.PREPARE, RoundKind.FLIP, RoundKind.REMOVE
LONGEST_NS = 30_000_000
PAUSE = f"{LONGEST_NS / 1e9 + DRAIN_MARGIN_S:.3f} s"
DEVICE = "pe-a"
# Kinds and steps.
ROUNDS = [(PREPARE, 0), (FLIP, 0), (FLIP, 0), (FLIP, 1), (FLIP, 2), (FLIP, 2), (REMOVE, 0)]


def part(number, kind, step):
    rule = FlowRule(cookie=1, table=Table.STEER, priority=number, match=Match(group=1), actions=())
    change = Change(before=rule, after=None) if kind is REMOVE else Change(before=None, after=rule)
    return DeviceRound(number=number, kind=kind, device=DEVICE, changes=(change,), step=step)


CHANGE = NetworkChange(
    txn="t1",
    kind=TransactionKind.STEER,
    keys=(),
    shown=(),
    movement=Movement(steering_out=Steering(), steering_in=Steering(), steering_drain_ns=LONGEST_NS),
    rounds=[[part(number, *one)] for number, one in enumerate(ROUNDS)],
)


class Diary(MemoryDevice):
    """A device that writes down what is done; ``fails_at``: the round that it refuses."""

    def __init__(self, fails_at=None):
        super().__init__(DEVICE)
        self.done = []
        self.fails_at = fails_at
        self.connected = True

    async def commit(self, txn, round_number):
        if round_number == self.fails_at:
            raise DeviceUnreachable(self.device, "as it was asked to")
        self.done.append(round_number)

    async def undo(self, txn):
        self.done.append(f"undo {max(self._staged.pop(txn))}")

    async def pause(self, seconds):
        self.done.append(f"{seconds:.3f} s")


@pytest.fixture
def store(tmp_path):
    made = Store(tmp_path / "state.db")
    yield made
    made.close()


async def carry_out(store, device):
    devices = Devices({DEVICE: device})
    devices.put_right(DEVICE, devices.incidents(DEVICE))
    transactor = Transactor(store, devices, lambda: 0.0, lambda _: None, lambda: None, device.pause)

    async def committed():
        device.done.append("committed")

    request = Request(request_id="", fingerprint=b"")
    await transactor.run(CHANGE, {DEVICE}, request, committed, lambda *_: None)


async def test_flips_of_one_step_follow_at_once(store):
    device = Diary()
    await carry_out(store, device)
    assert device.done == [0, 1, 2, PAUSE, 3, PAUSE, 4, 5, "committed", PAUSE, 6]


async def test_what_is_undone_pauses_before_each_step_on_its_way_back(store):
    device = Diary(fails_at=5)
    with pytest.raises(DeviceUnreachable):
        await carry_out(store, device)
    undone = ["undo 5", "undo 4", PAUSE, "undo 3", PAUSE, "undo 2", "undo 1", PAUSE, "undo 0"]
    assert device.done == [0, 1, 2, PAUSE, 3, PAUSE, 4, *undone]
