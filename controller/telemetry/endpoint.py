"""``GET /metrics`` over HTTP/1.1: what Prometheus scrapes. One small server on the event loop; no thread waits for it.

A scrape takes a picture of the state on the loop (values only) and writes the text in a worker thread.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator

from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from controller.telemetry.metrics import Metrics
from controller.telemetry.state import NetworkState, families

log = logging.getLogger(__name__)

REQUEST_LIMIT_S = 10.0
MOST_HEADER_BYTES = 16_384
MOST_SCRAPES = 16
"""At once; whoever comes then is told to come again."""


class MetricsEndpoint:
    """``picture`` is asked at each scrape."""

    def __init__(self, metrics: Metrics, picture: Callable[[], Awaitable[NetworkState]]) -> None:
        self._metrics = metrics
        self._picture = picture
        self._server: asyncio.Server | None = None
        self._scrapes: set[asyncio.Task[None]] = set()

    async def start(self, address: str) -> str:
        """Listen on ``HOST:PORT``; returns it with the port taken if that was 0. ``OSError`` when it cannot."""
        host, _, port = address.rpartition(":")
        try:
            self._server = await asyncio.start_server(
                self._accept, host.strip("[]"), int(port), limit=MOST_HEADER_BYTES
            )
        except OSError as error:
            raise OSError(f"cannot serve metrics on {address}: {error.strerror or error}") from error
        return f"{host}:{self._server.sockets[0].getsockname()[1]}"

    async def close(self) -> None:
        if self._server is None:
            return
        self._server.close()
        for task in self._scrapes:
            task.cancel()
        await asyncio.gather(*self._scrapes, return_exceptions=True)
        await self._server.wait_closed()

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._serve(reader, writer, busy=len(self._scrapes) >= MOST_SCRAPES))
        self._scrapes.add(task)
        task.add_done_callback(self._scrapes.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, busy: bool) -> None:
        try:
            async with asyncio.timeout(REQUEST_LIMIT_S):
                head = await reader.readuntil(b"\r\n\r\n")
                status, content_type, body = (
                    ("503 Service Unavailable", _TEXT, b"too many scrapes at once\n")
                    if busy
                    else await self._answer(head.decode("latin-1"))
                )
                writer.write(
                    f"HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\nContent-Length: {len(body)}\r\n"
                    "Connection: close\r\n\r\n".encode("latin-1")
                )
                if not head.startswith(b"HEAD "):
                    writer.write(body)
                await writer.drain()
        except (TimeoutError, OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError) as error:
            log.debug("a scrape came to nothing: %s", error)
        except Exception:
            log.exception("a scrape failed")
        finally:
            writer.close()

    async def _answer(self, head: str) -> tuple[str, str, bytes]:
        """Status, content type and body."""
        request, *lines = head.split("\r\n")
        method, _, rest = request.partition(" ")
        path = rest.split(" ")[0].split("?")[0]
        if method not in ("GET", "HEAD"):
            return "405 Method Not Allowed", _TEXT, b"GET /metrics\n"
        if path != "/metrics":
            return "404 Not Found", _TEXT, b"GET /metrics\n"
        headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        encode, content_type = choose_encoder(headers.get("accept", ""))
        state = await self._picture()
        body = await asyncio.to_thread(encode, _Both(self._metrics, state))
        return "200 OK", content_type, body


_TEXT = "text/plain; charset=utf-8"


class _Both(Collector):
    """What was counted, and how things stand."""

    def __init__(self, metrics: Metrics, state: NetworkState) -> None:
        self._metrics = metrics
        self._state = state

    def collect(self) -> Iterator[Metric]:
        for metric in self._metrics.registry.collect():
            # When each series began is of no use here, and as many lines again.
            metric.samples = [sample for sample in metric.samples if not sample.name.endswith("_created")]
            yield metric
        yield from families(self._state)
