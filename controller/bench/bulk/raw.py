"""Rules as fast as one switch takes them: our driver's way, bytes that were encoded before, and ovs-ofctl.

The rules are a transit switch's: a port and a trunk label in, a port out. Every engine's time ends with the barrier (or
the end of the program) behind the last rule, and the switch is asked afterwards whether it has all.
"""

from __future__ import annotations

import asyncio
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from controller.bench.bulk.server import BenchFailed
from controller.bench.rows import Row, row_of
from controller.compiler.pools import TRUNK_LABELS
from controller.domain.rules import Change, FlowRule, Match, Output, Owner, Table, cookie
from controller.southbound.openflow import messages
from controller.southbound.openflow.connection import Connection, ConnectionLost, Limits
from controller.southbound.openflow.driver import OpenFlowDriver
from controller.southbound.openflow.inbound import read_features
from controller.southbound.openflow.protocol import MessageType
from controller.southbound.openflow.template import fast_flow_mod

RULES = 20_000
PRIORITY = 100
IN_PORT, OUT_PORT = 1, 2
CONNECT_LIMIT_S = 30.0


async def raw_rows(
    listen: Path, node: str, datapath_id: int, management: str, *, repetitions: int, tell: Callable[[str], None]
) -> list[Row]:
    """``listen`` is the socket where the switch ``node`` looks for a controller, ``management`` where ovs-ofctl
    reaches it. Raises ``BenchFailed``."""
    async with _connected(listen, datapath_id) as connection:
        switch = _Switch(node, connection, management)
        engines: dict[str, Callable[[], Awaitable[float]]] = {
            "trunkline": switch.as_delivered,
            "trunkline/driver": switch.as_the_driver_does,
            "bytes": switch.as_bytes,
            "ovs-ofctl": lambda: switch.with_ofctl(),
            "ovs-ofctl-bundle": lambda: switch.with_ofctl("--bundle"),
        }
        figures: dict[str, list[float]] = {engine: [] for engine in engines}
        for repetition in range(repetitions):
            first = repetition % len(engines)
            names = list(engines)
            for engine in (*names[first:], *names[:first]):
                await switch.clear()
                seconds = await engines[engine]()
                switch.check()
                figures[engine].append(seconds * 1000)
                tell(f"rules: {engine} {RULES / seconds:,.0f} a second")
    return [
        row_of(
            work="rules",
            case=f"one switch, {RULES} rules",
            engine=engine,
            unit="ms",
            figures=taken,
            detail={"rules": RULES, "rulesPerS": round(RULES * 1000 / sorted(taken)[len(taken) // 2])},
        )
        for engine, taken in figures.items()
    ]


@asynccontextmanager
async def _connected(listen: Path, datapath_id: int) -> AsyncIterator[Connection]:
    """The connection of the switch with this datapath id, which is ours alone; others that come are hung up on."""
    found: asyncio.Future[Connection] = asyncio.get_running_loop().create_future()
    reading: set[asyncio.Task[object]] = set()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = Connection(reader, writer, limits=Limits(), on_port_status=lambda _status: None)
        reading.add(asyncio.create_task(connection.run()))
        try:
            await connection.greeted()
            (body,) = await connection.ask(messages.features_request, MessageType.FEATURES_REPLY)
            if read_features(body).datapath_id != datapath_id or found.done():
                connection.drop("not the one under measure")
                return
            await connection.ask(lambda xid: messages.role_request(xid, time.time_ns()), MessageType.ROLE_REPLY)
            found.set_result(connection)
        except ConnectionLost:
            return

    server = await asyncio.start_unix_server(accept, listen)
    try:
        async with asyncio.timeout(CONNECT_LIMIT_S):
            connection = await found
        yield connection
    except TimeoutError as error:
        raise BenchFailed(f"no switch {datapath_id:016x} within {CONNECT_LIMIT_S:g} s") from error
    finally:
        server.close()
        if found.done():
            found.result().drop("the measurement is over")
        for task in reading:
            task.cancel()
        await asyncio.gather(*reading, return_exceptions=True)


class _Switch:
    """One switch, filled and emptied."""

    def __init__(self, node: str, connection: Connection, management: str) -> None:
        self._connection = connection
        self._driver = OpenFlowDriver(node, lambda: connection)
        self._management = management
        self._rules = [
            FlowRule(
                cookie=cookie(Owner.TRUNK, label),
                table=Table.CLASSIFY,
                priority=PRIORITY,
                match=Match(in_port=IN_PORT, mpls_label=label),
                actions=(Output(OUT_PORT),),
            )
            for label in range(TRUNK_LABELS[0], TRUNK_LABELS[0] + RULES)
        ]
        encoded = [fast_flow_mod(messages.Command.ADD, rule, xid) for xid, rule in enumerate(self._rules, 1 << 31)]
        self._bytes = [b"".join(encoded[start : start + 256]) for start in range(0, RULES, 256)]

    async def as_delivered(self) -> float:
        """Each rule encoded as it goes, a barrier behind every few hundred, and few of these open at once."""
        begun = time.perf_counter()
        refused = await self._connection.deliver(
            self._rules, lambda rule, xid: fast_flow_mod(messages.Command.ADD, rule, xid)
        )
        if refused:
            raise BenchFailed(f"{len(refused)} rules were refused, the first: {refused[0][1]}")
        return time.perf_counter() - begun

    async def as_the_driver_does(self) -> float:
        """In a transaction: ``stage`` puts changes in order and checks that each can be said, ``commit`` delivers."""
        changes = tuple(Change(before=None, after=rule) for rule in self._rules)
        begun = time.perf_counter()
        await self._driver.stage("bench", 0, changes)
        await self._driver.commit("bench", 0)
        taken = time.perf_counter() - begun
        await self._driver.confirm("bench")
        return taken

    async def as_bytes(self) -> float:
        """The same messages with nothing left to be encoded, and one barrier behind them all: as fast as can be."""
        begun = time.perf_counter()
        await self._connection.deliver(self._bytes, lambda block, _xid: block)
        return time.perf_counter() - begun

    async def with_ofctl(self, *options: str) -> float:
        """From a file of flows; what the program does before it has read them counts, as for anybody who calls it."""
        with tempfile.NamedTemporaryFile("w", suffix=".flows") as file:
            file.writelines(
                f"table={int(rule.table)},priority={PRIORITY},cookie={rule.cookie:#x},in_port={IN_PORT},mpls,"
                f"mpls_label={rule.match.mpls_label},actions=output:{OUT_PORT}\n"
                for rule in self._rules
            )
            file.flush()
            begun = time.perf_counter()
            await _ofctl("add-flows", self._management, file.name, *options)
            return time.perf_counter() - begun

    async def clear(self) -> None:
        await _ofctl("del-flows", self._management)

    def check(self) -> None:
        """Raises ``BenchFailed`` unless the switch holds the rules."""
        said = subprocess.run(
            ["ovs-ofctl", "-O", "OpenFlow13", "dump-aggregate", self._management],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        if f"flow_count={RULES}" not in said:
            raise BenchFailed(f"the switch does not hold {RULES} rules: {said.strip()}")


async def _ofctl(command: str, *arguments: str) -> None:
    words: Sequence[str] = ("ovs-ofctl", "-O", "OpenFlow13", command, *arguments)
    process = await asyncio.create_subprocess_exec(*words, stderr=asyncio.subprocess.PIPE)
    _, complaint = await process.communicate()
    if process.returncode:
        raise BenchFailed(f"{' '.join(words[:4])}: {complaint.decode().strip()}")
