"""A device in memory with the verbs of a driver, for tests of what uses drivers: it can be away, and it can be held in
the middle of a verb. Everything is written as told; what real devices do wrong is for tests with real switches."""

from __future__ import annotations

import asyncio

from controller.domain.errors import DeviceUnreachable
from controller.domain.rules import key_of
from controller.southbound.driver import Observed


class MemoryDevice:
    def __init__(self, device, rules=(), foreign=()):
        self.device = device
        self.connected = False
        self.why_not = ""
        self.hurried = 0
        self.rules = {key_of(rule): rule for rule in rules}
        self.foreign = tuple(foreign)
        self.counted = {}
        """What flows have carried: FlowCount by key."""
        self.reads = 0
        self.written = []
        self.inside = asyncio.Event()
        """Set while somebody is inside a verb of a held device."""
        self.failing = False
        self._staged = {}
        self._go = asyncio.Event()
        self._go.set()

    def hold(self):
        self._go.clear()

    def let_go(self):
        self._go.set()

    async def _answer(self):
        self.inside.set()
        await self._go.wait()
        self.inside.clear()
        if self.failing or not self.connected:
            raise DeviceUnreachable(self.device, "the device does not answer")

    def hurry(self):
        self.hurried += 1

    async def read(self):
        self.reads += 1
        await self._answer()
        return Observed(rules=tuple(self.rules.values()), foreign=self.foreign)

    async def counts(self, table):
        await self._answer()
        return {key: count for key, count in self.counted.items() if key.kind == "flow" and key.id[0] == table}

    async def stage(self, txn, round_number, changes):
        self._staged.setdefault(txn, {})[round_number] = changes

    async def commit(self, txn, round_number):
        await self._answer()
        self._write(self._staged[txn][round_number])

    async def verify(self, txn):
        await self._answer()

    async def confirm(self, txn):
        self._staged.pop(txn, None)

    async def undo(self, txn):
        await self._answer()
        for _, changes in sorted(self._staged.get(txn, {}).items(), reverse=True):
            self._write(tuple(change.inverse for change in reversed(changes)))
        await self.confirm(txn)

    def _write(self, changes):
        self.written += changes
        for change in changes:
            if change.after is None:
                self.rules.pop(key_of(change.before), None)
            else:
                self.rules[key_of(change.after)] = change.after
