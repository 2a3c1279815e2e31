"""Writes down, or dies at, a step of a transaction's journal: laid over the store of a controller from outside.

A step is named by what it says (``commit pe-a 0 before``), so that it is the same one in every run although devices
work side by side.
"""

from __future__ import annotations

import asyncio
import functools
import os
import signal
from pathlib import Path

from controller.southbound.netconf.calls import Calls
from controller.store.store import Store

BEGIN, COMMIT_POINT, END = "begin", "commit point", "end"
MOMENTS = ("before", "after")


class KillPoints:
    """``record``: a file that gets every step, one a line. ``kill``: [step, moment].

    ``gates``: a directory; who comes to a step that has a file there (``STEP MOMENT``) waits until it is gone.
    ``request_id``: of the request whose transaction counts; ``None``: all transactions, as in a process that recovers.
    """

    def __init__(self, *, request_id, record=None, kill=None, gates=None):
        self.request_id = request_id
        self.record = record
        self.kill = None if kill is None else tuple(kill)
        self.txn = None
        self.gates = None if gates is None else Path(gates)

    def lay_over(self, store_class=Store):
        """Every journal step of every store goes through here from now on."""
        for method in ("begin", "step", "commit_point", "end"):
            setattr(store_class, method, self._watched(method, getattr(store_class, method)))

    def lay_over_edits(self, calls_class=Calls):
        """A gate ``edited after`` is between every edit of a NETCONF device and the commit of it, too."""
        edit = calls_class.edit

        @functools.wraps(edit)
        async def watched(calls, config):
            await edit(calls, config)
            if self.gates is not None:  # it is no step of the journal, and not of one transaction
                await self._pass(self.gates / "edited after")

        calls_class.edit = watched

    def _watched(self, method, act):
        @functools.wraps(act)
        async def watched(store, txn, *arguments, **named):
            if method == "begin" and arguments[4].request_id == self.request_id:
                self.txn = txn
            if self.request_id is not None and txn != self.txn:
                return await act(store, txn, *arguments, **named)
            step = _name(method, arguments)
            await self._reach(step, "before")
            outcome = await act(store, txn, *arguments, **named)
            await self._reach(step, "after")
            return outcome

        return watched

    async def _reach(self, step, moment):
        if self.gates is not None:
            await self._pass(self.gates / f"{step} {moment}")
        if self.kill == (step, moment):
            os.kill(os.getpid(), signal.SIGKILL)
        if self.record is not None and moment == "after":
            self._write(step)

    def _write(self, step):
        with open(self.record, "a") as file:
            file.write(f"{step}\n")

    async def _pass(self, gate):
        """Where a gate stands, say so and wait until it is gone; what goes on beside it goes on."""
        if gate.exists():
            reached(gate).touch()
            while gate.exists():  # noqa: ASYNC110 - another process takes it away
                await asyncio.sleep(0.005)


def reached(gate):
    """The file that tells that somebody waits at a gate."""
    return gate.with_name(f"{gate.name}!")


def _name(method, arguments):
    match method:
        case "begin":
            return BEGIN
        case "commit_point":
            return COMMIT_POINT
        case "end":
            return END
    (step,) = arguments[0]
    return f"{step.verb} {step.device} {step.number} {step.moment}"
