"""Ours: the southbound's drivers under the service's rounds, journal and all, as in an apply."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from controller.bench.netconf.nodes import Nodes
from controller.compiler.plan import Movement, RoundKind
from controller.domain.rules import Change
from controller.service.rounds import Journal, carry_out
from controller.southbound.netconf.southbound import NetconfSouthbound
from controller.store.records import DeviceRound, Moment, Request, TransactionKind, Verb
from controller.store.store import Store

CONNECT_S = 60.0


class Ours:
    """Sessions and a state file; ``run`` makes one change on all devices and returns the seconds it took."""

    def __init__(self, nodes: Nodes, loop: asyncio.Runner, store: Store) -> None:
        self._nodes = nodes
        self._loop = loop
        self._store = store
        self._count = 0
        self._up: set[str] = set()
        self._all_up: asyncio.Event
        self._southbound: NetconfSouthbound

    async def connect(self) -> None:
        self._all_up = asyncio.Event()
        self._southbound = NetconfSouthbound(
            self._nodes.devices, self._nodes.yang, self._connection, lambda device: None
        )
        self._southbound.start()
        async with asyncio.timeout(CONNECT_S):
            await self._all_up.wait()
        await asyncio.gather(*(self._southbound.driver(device).read() for device in self._nodes.devices))

    async def close(self) -> None:
        await self._southbound.close()

    def run(self, change: Change) -> float:
        return self._loop.run(self._run(change))

    async def _run(self, change: Change) -> float:
        self._count += 1
        drivers = {device: self._southbound.driver(device) for device in self._nodes.devices}
        begin = time.perf_counter()
        txn = f"bench-{self._count}"
        journal = Journal(store=self._store, txn=txn)
        parts = [DeviceRound(number=0, kind=RoundKind.PREPARE, device=device, changes=(change,)) for device in drivers]
        staged = [(journal.entry(part, Verb.STAGE, Moment.BEFORE), part) for part in parts]
        nobody = Request(request_id="", fingerprint=b"")
        await self._store.begin(txn, TransactionKind.APPLY, (), Movement(), staged, nobody, (), time.time())
        await carry_out(journal, drivers, parts, lambda phase, done, total: None)
        seconds = time.perf_counter() - begin
        await self._store.end(txn, (), Movement(), (), time.time())
        return seconds

    def _connection(self, device: str, connected: bool) -> None:
        (self._up.add if connected else self._up.discard)(device)
        if len(self._up) == len(self._nodes.devices):
            self._all_up.set()


@contextmanager
def connected(nodes: Nodes) -> Iterator[Ours]:
    with tempfile.TemporaryDirectory(prefix="trunkline-bench-") as directory, asyncio.Runner() as loop:
        store = Store(Path(directory) / "state.db")
        ours = Ours(nodes, loop, store)
        loop.run(ours.connect())
        try:
            yield ours
        finally:
            loop.run(ours.close())
            store.close()
