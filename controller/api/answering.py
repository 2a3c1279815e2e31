"""One way from an error to an answer, for every method of every service."""

from __future__ import annotations

import functools
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Protocol, TypeVar

import grpc
from google.rpc.status_pb2 import Status
from grpc_status import rpc_status

from controller.domain.errors import TrunklineError
from controller.domain.topology import Topology
from controller.service.outcomes import ApplyRefused
from controller.store.database import StoreError
from controller.wire.errors import status_of, stopping_status, store_status
from controller.wire.plans import plan_to_wire

log = logging.getLogger(__name__)

Context = grpc.aio.ServicerContext[Any, Any]


class Stopping(Exception):
    """A stream without end ends, because the server does."""


class Servicer(Protocol):
    """What the wrappers here need of a service."""

    @property
    def topology(self) -> Topology: ...


Self = TypeVar("Self", bound=Servicer)
Request = TypeVar("Request")
Response = TypeVar("Response")


def answered(
    method: Callable[[Self, Request], Awaitable[Response]],
) -> Callable[[Self, Request, Context], Awaitable[Response]]:
    """A method that takes a request and returns a response or raises, as gRPC wants it."""

    @functools.wraps(method)
    async def answer(self: Self, request: Request, context: Context) -> Response:
        try:
            return await method(self, request)
        except Exception as error:
            await _abort(self, context, error)
            raise

    return answer


def streamed(
    method: Callable[[Self, Request], AsyncIterator[Response]],
) -> Callable[[Self, Request, Context], AsyncIterator[Response]]:
    """The same for a method that yields responses."""

    @functools.wraps(method)
    async def stream(self: Self, request: Request, context: Context) -> AsyncIterator[Response]:
        try:
            async for response in method(self, request):
                yield response
        except Exception as error:
            await _abort(self, context, error)
            raise

    return stream


async def _abort(servicer: Servicer, context: Context, error: Exception) -> None:
    """End the call with the error's status. One that is not of our tree is a fault of the program: it is logged with
    its traceback, and the client is told no more than that."""
    status: Status
    match error:
        case ApplyRefused():
            status = status_of(error, plan_to_wire(error.plan, servicer.topology))
        case TrunklineError():
            status = status_of(error)
        case StoreError():
            log.error("the state cannot be read or written: %s", error)
            status = store_status(str(error))
        case Stopping():
            status = stopping_status()
        case _:
            log.error("an error that should not be", exc_info=error)
            await context.abort(grpc.StatusCode.INTERNAL, "internal error; the server's log has the details")
    await _end(context, status)


async def refuse(context: Context, error: TrunklineError) -> None:
    """End the call with the status of an error of our tree. Does not return."""
    await _end(context, status_of(error))


async def _end(context: Context, status: Status) -> None:
    answer = rpc_status.to_status(status)
    await context.abort(answer.code, answer.details, answer.trailing_metadata)
