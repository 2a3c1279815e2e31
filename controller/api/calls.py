"""Every call bears a request id and its caller through all that is done for it, and is counted when it ends."""

from __future__ import annotations

import inspect
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import grpc

from controller.api.answering import Context
from controller.api.wrapping import Interceptor, wrapped
from controller.telemetry.bearing import bearing
from controller.telemetry.metrics import Metrics

if TYPE_CHECKING:
    from controller.api.wrapping import Handler

REQUEST_ID_HEADER = "x-request-id"
LONGEST_REQUEST_ID = 128

_CODES = {code.value[0]: code.name for code in grpc.StatusCode}


class Calls(Interceptor):
    """Wraps every method that takes a single request. The id is the request's own (``request_id``), else the header
    ``x-request-id``, else a new one."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Handler]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Handler:
        handler: Any = await continuation(handler_call_details)
        if handler is None:
            self._metrics.grpc_calls.labels("unknown", grpc.StatusCode.UNIMPLEMENTED.name).inc()
        if handler is None or handler.request_streaming:
            return handler  # type: ignore[no-any-return]
        name = str(getattr(handler_call_details, "method", "")).lstrip("/")
        return wrapped(handler, lambda method: self._around(name, method), handler.request_deserializer)

    def _answering(self, name: str, method: Callable[[Any, Context], Awaitable[Any]]) -> Any:
        async def answer(request: Any, context: Context) -> Any:
            with self._call(name, request, context):
                return await method(request, context)

        return answer

    def _around(self, name: str, method: Any) -> Any:
        """A method that answers, one that yields responses, or one that writes them to the context itself."""
        if not inspect.isasyncgenfunction(method):
            return self._answering(name, method)

        async def stream(request: Any, context: Context) -> AsyncIterator[Any]:
            with self._call(name, request, context):
                async for response in method(request, context):
                    yield response

        return stream

    @contextmanager
    def _call(self, name: str, request: Any, context: Context) -> Iterator[None]:
        code: str | None = None
        try:
            with bearing(_request_id(request, context), context.peer()):
                yield
        except grpc.aio.AbortError:
            raise  # the code is set
        except Exception:
            code = grpc.StatusCode.UNKNOWN.name
            raise
        except BaseException:  # the client has gone, or its time is up, or the server stops
            code = grpc.StatusCode.CANCELLED.name
            raise
        finally:
            self._metrics.grpc_calls.labels(name, _code_name(context) if code is None else code).inc()


def _request_id(request: Any, context: Context) -> str:
    own = getattr(request, "request_id", "")
    if isinstance(own, str) and own:
        return own[:LONGEST_REQUEST_ID]
    for key, value in context.invocation_metadata() or ():
        if key == REQUEST_ID_HEADER and value:
            return str(value)[:LONGEST_REQUEST_ID]
    return uuid.uuid4().hex[:12]


def _code_name(context: Context) -> str:
    """The status that the call ends with. The library gives a number, or a ``StatusCode`` when one was set as such."""
    code: Any = context.code()
    if code is None:
        return grpc.StatusCode.OK.name
    if isinstance(code, grpc.StatusCode):
        return code.name
    return _CODES.get(code, str(code))
