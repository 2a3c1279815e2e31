"""Calls over a real gRPC server: each is counted once, however it ends."""

from __future__ import annotations

import asyncio

import grpc
import pytest

from controller.api.calls import Calls
from controller.telemetry.bearing import request_id
from controller.telemetry.metrics import Metrics

MUCH = b"." * 100_000
"""More than the transport takes at once: who writes it soon waits for the reader."""


class Streams:
    """A service with one stream, without end."""

    def __init__(self):
        self.borne = []
        self.closed = asyncio.Event()

    async def stream(self, request, context):
        self.borne.append(request_id())
        try:
            while True:
                yield MUCH
        finally:
            self.closed.set()


@pytest.fixture
async def served(tmp_path):
    """(the service, its metrics, its address)"""
    metrics, streams = Metrics(), Streams()
    server = grpc.aio.server(interceptors=(Calls(metrics),))
    handlers = {"Stream": grpc.unary_stream_rpc_method_handler(streams.stream)}
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("test.Streams", handlers),))
    address = f"unix:{tmp_path / 'api'}"
    server.add_insecure_port(address)
    await server.start()
    yield streams, metrics, address
    await server.stop(None)


async def test_a_stream_whose_client_goes_while_it_is_written_is_counted_as_cancelled(served):
    streams, metrics, address = served
    faults = []
    asyncio.get_running_loop().set_exception_handler(lambda _, fault: faults.append(fault))
    async with grpc.aio.insecure_channel(address) as channel:
        call = channel.unary_stream("/test.Streams/Stream")(b"", metadata=(("x-request-id", "r-1"),))
        await call.read()
    async with asyncio.timeout(30):
        await streams.closed.wait()
        while not (ended := codes(metrics)):  # noqa: ASYNC110 - counted a turn of the loop after the stream is closed
            await asyncio.sleep(0)
    assert (ended, streams.borne, faults) == ({"CANCELLED": 1.0}, ["r-1"], [])


def codes(metrics):
    """How many calls ended with which code."""
    samples = [sample for family in metrics.registry.collect() for sample in family.samples]
    return {sample.labels["code"]: sample.value for sample in samples if sample.name == "trunkline_grpc_calls_total"}
