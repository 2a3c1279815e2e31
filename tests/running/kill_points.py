"""Writes down, or dies at, a step of a transaction's journal: laid over the store of a controller from outside.

A step is named by what it says (``commit pe-a 0 before``), so that it is the same one in every run although devices
work side by side.
"""

from __future__ import annotations

import functools
import os
import signal

from controller.store.store import Store

BEGIN, COMMIT_POINT, END = "begin", "commit point", "end"
MOMENTS = ("before", "after")


class KillPoints:
    """``record``: a file that gets every step, one a line. ``kill``: [step, moment].

    ``request_id``: of the request whose transaction counts; ``None``: all transactions, as in a process that recovers.
    """

    def __init__(self, *, request_id, record=None, kill=None):
        self.request_id = request_id
        self.record = record
        self.kill = None if kill is None else tuple(kill)
        self.txn = None

    def lay_over(self, store_class=Store):
        """Every journal step of every store goes through here from now on."""
        for method in ("begin", "step", "commit_point", "end"):
            setattr(store_class, method, self._watched(method, getattr(store_class, method)))

    def _watched(self, method, act):
        @functools.wraps(act)
        async def watched(store, txn, *arguments, **named):
            if method == "begin" and arguments[4].request_id == self.request_id:
                self.txn = txn
            if self.request_id is not None and txn != self.txn:
                return await act(store, txn, *arguments, **named)
            step = _name(method, arguments)
            self._reach(step, "before")
            outcome = await act(store, txn, *arguments, **named)
            self._reach(step, "after")
            return outcome

        return watched

    def _reach(self, step, moment):
        if self.kill == (step, moment):
            os.kill(os.getpid(), signal.SIGKILL)
        if self.record is not None and moment == "after":
            with open(self.record, "a") as file:
                file.write(f"{step}\n")


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
