"""On whose behalf code runs: the request's id and its caller, carried by the context (PEP 567).

A task that is started inside inherits them. What goes to another thread takes them along by ``carried``.
"""

from __future__ import annotations

import contextvars
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

Result = TypeVar("Result")

_request_id: contextvars.ContextVar[str] = contextvars.ContextVar("request_id", default="")
_caller: contextvars.ContextVar[str] = contextvars.ContextVar("caller", default="")


def request_id() -> str:
    """The id of the request that is being served; empty outside of one."""
    return _request_id.get()


def caller() -> str:
    """Where the request came from, as the transport knows it (``ipv4:127.0.0.1:40112``, ``unix:``)."""
    return _caller.get()


@contextmanager
def bearing(request_id: str, caller: str = "") -> Iterator[None]:
    """Inside, everything is done on behalf of this request."""
    before = _request_id.get(), _caller.get()
    _request_id.set(request_id)
    _caller.set(caller)
    try:
        yield
    finally:
        # Not by a token: a stream whose client has gone is closed in another task, where a token is of no use.
        _request_id.set(before[0])
        _caller.set(before[1])


def carried(work: Callable[[], Result]) -> Callable[[], Result]:
    """The same work for another thread, on behalf of whom we work for here."""
    context = contextvars.copy_context()
    return lambda: context.run(work)
