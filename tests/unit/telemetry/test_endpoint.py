"""What Prometheus finds at /metrics, and what happens to those who want something else."""

from __future__ import annotations

import asyncio
import socket

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as open_metrics
from prometheus_client.parser import text_string_to_metric_families as plain

from controller.domain.errors import NotFound
from controller.telemetry.endpoint import MOST_SCRAPES, MetricsEndpoint
from controller.telemetry.metrics import Metrics
from controller.telemetry.state import DeviceState, LinkState, NetworkState

STATE = NetworkState(
    intents={("PrivateLine", "ACTIVE"): 3, ("PrivateLine", "FAILED"): 1},
    devices=(
        DeviceState(
            device="pe-bj",
            connected=True,
            in_step=True,
            desired_rules=8,
            observed_rules=7,
            foreign_rules=2,
            adopted_rules=1,
            waiting_changes=0,
        ),
        DeviceState(
            device="pe-sh",
            connected=False,
            in_step=False,
            desired_rules=4,
            observed_rules=None,
            foreign_rules=None,
            adopted_rules=0,
            waiting_changes=0,
        ),
    ),
    links=(LinkState(link="bj-zz", direction="aToZ", capacity_bps=100_000_000_000, reserved_bps=4_000_000),),
    frozen=True,
)


async def picture():
    return STATE


@pytest.fixture
def metrics():
    return Metrics()


@pytest.fixture
async def address(metrics):
    endpoint = MetricsEndpoint(metrics, picture)
    yield await endpoint.start("127.0.0.1:0")
    await endpoint.close()


async def ask(address, request=b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"):
    """Status line, headers, body."""
    host, _, port = address.rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(request)
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    head, _, body = answer.decode().partition("\r\n\r\n")
    status, *headers = head.split("\r\n")
    return status, dict(header.split(": ", 1) for header in headers), body


def samples(body, parse=plain):
    return {
        (sample.name, *sorted(sample.labels.items())): sample.value
        for family in parse(body)
        for sample in family.samples
    }


async def test_a_scrape_shows_how_things_stand_in_base_units(address):
    status, headers, body = await ask(address)
    assert status == "HTTP/1.1 200 OK"
    assert headers["Content-Type"].startswith("text/plain; version=")
    found = samples(body)
    assert found["trunkline_intents", ("kind", "PrivateLine"), ("state", "ACTIVE")] == 3
    assert found["trunkline_frozen",] == 1
    assert found["trunkline_device_connected", ("device", "pe-sh")] == 0
    assert found["trunkline_device_observed_rules", ("device", "pe-bj")] == 7
    assert ("trunkline_device_observed_rules", ("device", "pe-sh")) not in found  # never read: unknown, not 0
    link = (("direction", "aToZ"), ("link", "bj-zz"))
    assert found["trunkline_link_capacity_bytes_per_second", *link] == 12.5e9
    assert found["trunkline_link_reserved_bytes_per_second", *link] == 500_000
    assert not any(name.endswith("_created") for name, *_ in found)
    assert "process_resident_memory_bytes" in body


async def test_open_metrics_for_those_who_ask_for_it(address):
    accept = b"Accept: application/openmetrics-text; version=1.0.0\r\n"
    _, headers, body = await ask(address, b"GET /metrics HTTP/1.1\r\n" + accept + b"\r\n")
    assert headers["Content-Type"].startswith("application/openmetrics-text")
    assert samples(body, open_metrics)["trunkline_frozen",] == 1


async def test_every_name_keeps_to_the_conventions(address):
    _, _, body = await ask(address)
    for family in plain(body):
        if family.name.startswith("process_"):
            continue
        assert family.name.startswith("trunkline_")
        assert family.documentation
        assert family.type in ("gauge", "counter", "histogram")
        assert not family.name.endswith("_total")  # of a gauge or histogram; the parser takes it off counters
        if family.type == "histogram":
            assert family.name.endswith("_seconds")


async def test_what_is_counted_is_counted_by_reason(address, metrics):
    with metrics.request("apply"):
        pass
    with pytest.raises(NotFound), metrics.request("delete"):
        raise NotFound("there is none")
    with pytest.raises(ValueError, match="bug"), metrics.request("delete"):
        raise ValueError("bug")
    _, _, body = await ask(address)
    found = samples(body)
    assert found["trunkline_requests_total", ("outcome", "OK"), ("request", "apply")] == 1
    assert found["trunkline_requests_total", ("outcome", "REFERENCE_NOT_FOUND"), ("request", "delete")] == 1
    assert found["trunkline_requests_total", ("outcome", "INTERNAL"), ("request", "delete")] == 1
    assert found["trunkline_request_duration_seconds_count", ("request", "delete")] == 2


async def test_two_servers_in_one_process_count_for_themselves(address, metrics):
    other = Metrics()
    other.connection("pe-bj", connected=True)
    metrics.connection("pe-bj", connected=False)
    _, _, body = await ask(address)
    found = samples(body)
    assert found["trunkline_device_disconnections_total", ("device", "pe-bj")] == 1
    assert ("trunkline_device_connections_total", ("device", "pe-bj")) not in found


@pytest.mark.parametrize(
    ("request_line", "status"),
    [
        (b"GET / HTTP/1.1", "404 Not Found"),
        (b"POST /metrics HTTP/1.1", "405 Method Not Allowed"),
        (b"GET /metrics?name[]=x HTTP/1.0", "200 OK"),
        (b"nonsense", "405 Method Not Allowed"),
    ],
)
async def test_other_requests(address, request_line, status):
    answer, _, _ = await ask(address, request_line + b"\r\n\r\n")
    assert answer == f"HTTP/1.1 {status}"


async def test_head_has_no_body(address):
    status, headers, body = await ask(address, b"HEAD /metrics HTTP/1.1\r\n\r\n")
    assert (status, body) == ("HTTP/1.1 200 OK", "")
    assert int(headers["Content-Length"]) > 1000


async def test_who_sends_too_much_or_hangs_up_harms_nobody(address):
    for garbage in (b"x" * 100_000, b"\xff\xfe\r\n\r\n", b"GET /met"):
        host, _, port = address.rpartition(":")
        _, writer = await asyncio.open_connection(host, int(port))
        writer.write(garbage)
        writer.close()
    status, _, _ = await ask(address)
    assert status == "HTTP/1.1 200 OK"


async def test_more_than_a_few_at_once_are_told_to_come_again(metrics):
    go = asyncio.Event()
    asked = 0

    async def slow():
        nonlocal asked
        asked += 1
        await go.wait()
        return STATE

    endpoint = MetricsEndpoint(metrics, slow)
    address = await endpoint.start("127.0.0.1:0")
    waiting = [asyncio.create_task(ask(address)) for _ in range(MOST_SCRAPES)]
    async with asyncio.timeout(30):
        while asked < MOST_SCRAPES:  # noqa: ASYNC110 - no event tells of it
            await asyncio.sleep(0)
    status, _, _ = await ask(address)
    assert status == "HTTP/1.1 503 Service Unavailable"
    go.set()
    assert {status for status, _, _ in await asyncio.gather(*waiting)} == {"HTTP/1.1 200 OK"}
    await endpoint.close()


async def test_a_port_that_is_taken_is_an_error_that_says_so(metrics):
    with socket.create_server(("127.0.0.1", 0)) as other:
        address = f"127.0.0.1:{other.getsockname()[1]}"
        with pytest.raises(OSError, match=f"cannot serve metrics on {address}: .*address already in use"):
            await MetricsEndpoint(metrics, picture).start(address)
