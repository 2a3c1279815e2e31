"""Putting something around a method of a server: what its interceptors have in common."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import grpc

# Only the stubs of these classes take type arguments.
if TYPE_CHECKING:
    Handler = grpc.RpcMethodHandler[Any, Any]
    Interceptor = grpc.aio.ServerInterceptor[Any, Any]
else:
    Interceptor = grpc.aio.ServerInterceptor


def wrapped(handler: Any, around: Callable[[Any], Any], deserialize: Callable[[bytes], Any] | None) -> Handler:
    """The handler of a method that takes a single request, with ``around(method)`` for the method itself, whether it
    answers once or with a stream, and ``deserialize`` to read the request."""
    if handler.response_streaming:
        return grpc.unary_stream_rpc_method_handler(
            around(handler.unary_stream), deserialize, handler.response_serializer
        )
    return grpc.unary_unary_rpc_method_handler(around(handler.unary_unary), deserialize, handler.response_serializer)
