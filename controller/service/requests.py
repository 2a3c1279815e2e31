"""Requests that change things: each is carried out once, however often it is sent and whoever hangs up."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from controller.domain.errors import Fault, InvalidInput, Reason
from controller.store.records import Request

Result = TypeVar("Result")
Begun = Callable[[], None]
"""Called by the work when it begins to change things: from then on it is not stopped any more."""


@dataclass(slots=True, eq=False)
class _Flight(Generic[Result]):
    request: Request
    task: asyncio.Task[Result]
    waiters: int = 0
    begun: bool = False


class Requests(Generic[Result]):
    """The requests under way."""

    def __init__(self) -> None:
        self._flights: dict[str, _Flight[Result]] = {}

    async def once(self, request: Request, work: Callable[[Begun], Awaitable[Result]]) -> Result:
        """Do the work, or wait for the same request that is under way. When every caller has gone before the work
        began, it does not begin; afterwards it goes on to its end without them."""
        flight = self._flights.get(request.request_id) if request.request_id else None
        if flight is None:
            flight = self._start(request, work)
        elif flight.request.fingerprint != request.fingerprint:
            raise another_request(request.request_id)
        flight.waiters += 1
        try:
            return await asyncio.shield(flight.task)
        finally:
            flight.waiters -= 1
            if not flight.waiters and not flight.begun and not flight.task.done():
                # Forgotten at once: the same request sent again now must not join what is being given up.
                self._forget(flight)
                flight.task.cancel()

    def _start(self, request: Request, work: Callable[[Begun], Awaitable[Result]]) -> _Flight[Result]:
        flight: _Flight[Result]

        def begun() -> None:
            flight.begun = True

        async def fly() -> Result:
            return await work(begun)

        def landed(task: asyncio.Task[Result]) -> None:
            self._forget(flight)
            if not task.cancelled():
                task.exception()  # whoever asked may be gone; then nobody else fetches it

        flight = _Flight(request, asyncio.get_running_loop().create_task(fly()))
        flight.task.add_done_callback(landed)
        if request.request_id:
            self._flights[request.request_id] = flight
        return flight

    def _forget(self, flight: _Flight[Result]) -> None:
        if self._flights.get(flight.request.request_id) is flight:
            del self._flights[flight.request.request_id]


def another_request(request_id: str) -> InvalidInput:
    """The error for an id that has been used for something else."""
    message = f"request id {request_id!r} was used for another request; choose a new one for each"
    return InvalidInput((Fault(reason=Reason.INVALID_VALUE, field="request_id", message=message),))
