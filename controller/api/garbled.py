"""Bytes that are no message of the method's type: INVALID_ARGUMENT for the client, no traceback for the log.

gRPC's asyncio server would answer UNKNOWN and log each as a fault of the program.
"""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TYPE_CHECKING, Any

import grpc
from google.protobuf.message import DecodeError

from controller.api.answering import Context, refuse
from controller.api.wrapping import Interceptor, wrapped
from controller.domain.errors import Fault, InvalidInput, Reason

if TYPE_CHECKING:
    from controller.api.wrapping import Handler

Deserializer = Callable[[bytes], Any]


class _Garbled:
    """Stands for a request that could not be read."""


class GarbledRequests(Interceptor):
    """Wraps every method that takes a single request."""

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Handler]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Handler:
        handler: Any = await continuation(handler_call_details)
        if handler is None or handler.request_streaming or handler.request_deserializer is None:
            return handler  # type: ignore[no-any-return]
        return wrapped(handler, _around, _lenient(handler.request_deserializer))


def _lenient(deserialize: Deserializer) -> Deserializer:
    def read(data: bytes) -> Any:
        try:
            return deserialize(data)
        except (DecodeError, UnicodeDecodeError):
            return _Garbled()

    return read


def _answer(method: Callable[[Any, Context], Awaitable[Any]]) -> Any:
    async def answer(request: Any, context: Context) -> Any:
        if isinstance(request, _Garbled):
            await _refuse(context)
        return await method(request, context)

    return answer


def _around(method: Any) -> Any:
    """A method that answers, one that yields responses, or one that writes them to the context itself, as the health
    service does."""
    if not inspect.isasyncgenfunction(method):
        return _answer(method)

    async def stream(request: Any, context: Context) -> AsyncIterator[Any]:
        if isinstance(request, _Garbled):
            await _refuse(context)
        async for response in method(request, context):
            yield response

    return stream


async def _refuse(context: Context) -> None:
    message = "the request is no message of this method's type"
    await refuse(context, InvalidInput((Fault(reason=Reason.INVALID_FORMAT, message=message),)))
