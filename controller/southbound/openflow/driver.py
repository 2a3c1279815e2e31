"""The verbs of ``Driver`` for a switch that speaks OpenFlow 1.3, over whichever connection it has at the moment."""

from __future__ import annotations

import asyncio
import logging
import struct
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import chain
from typing import TypeVar

from controller.domain.errors import DeviceRefused, DeviceUnreachable
from controller.domain.foreign import ForeignRule
from controller.domain.rule_words import rule_words
from controller.domain.rules import (
    COOKIE_MARK,
    COOKIE_MARK_MASK,
    Change,
    FlowRule,
    RuleKey,
    Table,
    key_of,
)
from controller.southbound.driver import FlowCount, FrameSent, Observed
from controller.southbound.openflow import messages
from controller.southbound.openflow.connection import Connection, ConnectionLost, NoAnswer
from controller.southbound.openflow.messages import Command
from controller.southbound.openflow.protocol import Malformed
from controller.southbound.openflow.readback import read_counts, read_flows, read_groups, read_meters
from controller.southbound.openflow.refusals import SwitchError
from controller.southbound.openflow.rounds import (
    Step,
    can_be_sent,
    describe_change,
    encode,
    outcome,
    steps,
)
from controller.southbound.openflow.touched import ask_parts, read_parts, read_touched

log = logging.getLogger(__name__)

T = TypeVar("T")

MOST_TRANSACTIONS = 16
"""Staged and neither confirmed nor undone. A device takes part in one at a time; those before it were given up, and
what they left is found by reading the device."""


@dataclass(slots=True, eq=False)
class _Round:
    changes: tuple[Change, ...]
    phases: tuple[tuple[Step, ...], ...]
    committed: bool = False


class OpenFlowDriver:
    """See ``controller.southbound.driver.Driver`` for the verbs.

    What was staged is kept until ``confirm`` or ``undo``, over any number of connections. Commits and undos of one
    device never overlap. Setting a flow replaces whatever has its table, priority and match; taking
    one away asks for its cookie too, so nobody else's flow is ever deleted.
    """

    def __init__(self, device: str, connection: Callable[[], Connection | None]) -> None:
        self._device = device
        self._connection = connection
        self._rounds: dict[str, dict[int, _Round]] = {}
        self._writing = asyncio.Lock()

    @property
    def device(self) -> str:
        return self._device

    @property
    def why_not(self) -> str:
        return ""  # it is the switch that connects: of one that does not, nothing is heard

    def hurry(self) -> None:
        """Nothing: it is the switch that connects."""

    @property
    def connected(self) -> bool:
        return self._connection() is not None

    async def read(self) -> Observed:
        with self._talking() as connection:
            flows = await read_parts(read_flows, await ask_parts(connection, messages.flow_stats_request))
            groups = await read_parts(read_groups, await ask_parts(connection, messages.group_desc_request))
            meters = await read_parts(read_meters, await ask_parts(connection, messages.meter_config_request))
            return Observed(
                rules=(*meters, *groups, *(flow for flow in flows if isinstance(flow, FlowRule))),
                foreign=tuple(flow for flow in flows if isinstance(flow, ForeignRule)),
            )

    async def counts(self, table: Table) -> Mapping[RuleKey, FlowCount]:
        ours = partial(messages.flow_stats_request, cookie=COOKIE_MARK, cookie_mask=COOKIE_MARK_MASK, table=table)
        with self._talking() as connection:
            return dict(await read_parts(read_counts, await ask_parts(connection, ours)))

    async def send_frame(self, port: int, frame: bytes) -> FrameSent:
        with self._talking() as connection:
            return await connection.send_frame(port, frame)

    async def stage(self, txn: str, round_number: int, changes: tuple[Change, ...]) -> None:
        """Keep the changes. ``DeviceRefused`` when one cannot be said in OpenFlow: better now than half-way."""
        phases = steps(changes)
        for position, step in enumerate(chain.from_iterable(phases)):
            try:
                encode(step, 0)
            except (ValueError, struct.error) as error:
                raise DeviceRefused(self._device, str(error), what=describe_change(step.change)) from error
            if position % 1000 == 999:
                await asyncio.sleep(0)  # others may need the loop
        self._rounds.setdefault(txn, {})[round_number] = _Round(changes, phases)
        while len(self._rounds) > MOST_TRANSACTIONS:
            del self._rounds[next(iter(self._rounds))]

    async def commit(self, txn: str, round_number: int) -> None:
        """Carry out a staged round. At the first phase that is refused in part, those after it are left out."""
        staged = self._rounds[txn][round_number]
        async with self._writing:
            with self._talking() as connection:
                for phase in staged.phases:
                    self._check(await _carry_out(connection, phase))
        staged.committed = True
        log.debug(
            "%s: %d changes of %s made and confirmed by a barrier",
            self._device,
            len(staged.changes),
            txn,
            extra={"device": self._device, "txn": txn, "changes": len(staged.changes)},
        )

    async def verify(self, txn: str) -> None:
        """Read back what the committed rounds touched. After a restart, when this process has committed
        none of the rounds staged, all of them must be found carried out."""
        rounds = [entry for _, entry in sorted(self._rounds.get(txn, {}).items())]
        if any(entry.committed for entry in rounds):
            rounds = [entry for entry in rounds if entry.committed]
        expected = outcome(change for entry in rounds for change in entry.changes)
        with self._talking() as connection:
            found = await read_touched(connection, expected)
        wrong = [change for key, change in expected.items() if found.get(key) != change.after]
        if wrong:
            there = found.get(key_of(wrong[0].rule))
            others = f", and {len(wrong) - 1} more" if len(wrong) > 1 else ""
            raise DeviceRefused(
                self._device,
                f"read back: {'nothing there' if there is None else rule_words(there)}{others}",
                what=describe_change(wrong[0]),
            )

    async def confirm(self, txn: str) -> None:
        self._rounds.pop(txn, None)

    async def undo(self, txn: str) -> None:
        """Make what was before true again, last round first. Everything is tried before an error is reported."""
        async with self._writing:
            rounds = self._rounds.get(txn, {})
            refused: list[tuple[Step, SwitchError]] = []
            if rounds:
                with self._talking() as connection:
                    for _, staged in sorted(rounds.items(), reverse=True):
                        for phase in steps(self._inverses(staged.changes)):
                            refused += await _carry_out(connection, phase)
            self._check(refused)
            self._rounds.pop(txn, None)

    def _inverses(self, changes: tuple[Change, ...]) -> Iterator[Change]:
        for change in reversed(changes):
            if change.before is None or can_be_sent(change.before):
                yield change.inverse
            else:
                log.warning("%s: left as it is, what was there was not of our making: %s", self._device, change.before)

    def _check(self, refused: list[tuple[Step, SwitchError]]) -> None:
        if refused:
            step, error = refused[0]
            others = f" ({len(refused)} changes refused, this is the first)" if len(refused) > 1 else ""
            raise DeviceRefused(
                self._device, f"{error}{others}", what=describe_change(step.change), reason=error.reason
            ) from error

    @contextmanager
    def _talking(self) -> Iterator[Connection]:
        """The connection there is, and its errors as errors of the device."""
        connection = self._connection()
        if connection is None:
            raise DeviceUnreachable(self._device, "the switch is not connected")
        try:
            yield connection
        except ConnectionLost as error:
            raise DeviceUnreachable(self._device, f"connection lost: {error}") from error
        except NoAnswer as error:
            raise DeviceUnreachable(self._device, str(error)) from error
        except Malformed as error:
            connection.drop(f"not OpenFlow 1.3: {error}")
            raise DeviceUnreachable(self._device, f"it answered what is not OpenFlow 1.3: {error}") from error
        except SwitchError as error:
            raise DeviceRefused(self._device, str(error), reason=error.reason) from error


async def _carry_out(connection: Connection, phase: tuple[Step, ...]) -> list[tuple[Step, SwitchError]]:
    """Deliver one phase and return what was refused.

    A meter or group that was to be added and is there, or was to be modified and is not, gets the other command: after
    a restart nobody knows how far the round had come. That one to be deleted is gone already is no error.
    """
    refused: list[tuple[Step, SwitchError]] = []
    again: list[Step] = []
    for position, error in await connection.deliver(phase, encode):
        step = phase[position]
        if step.command is Command.ADD and error.already_there:
            again.append(step._replace(command=Command.MODIFY))
        elif step.command is Command.MODIFY and error.not_there:
            again.append(step._replace(command=Command.ADD))
        elif not (step.command is Command.DELETE and error.not_there):
            refused.append((step, error))
    if again:
        refused += [(again[position], error) for position, error in await connection.deliver(again, encode)]
    return refused
