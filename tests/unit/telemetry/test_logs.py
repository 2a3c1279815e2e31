"""On whose behalf a log line was written, and how it looks."""

from __future__ import annotations

import asyncio
import json
import logging
from datetime import datetime
from pathlib import Path

import pytest

from controller.compiler.planner import Planner
from controller.documents import load_topology
from controller.service.planning import PlannerThread
from controller.telemetry.bearing import bearing, caller, request_id
from controller.telemetry.logs import JsonFormatter, TextFormatter, add_request_id

TOPOLOGY = load_topology(Path(__file__).parents[3] / "topologies" / "lab-small.yaml")


class Lines(logging.Handler):
    def __init__(self, formatter):
        super().__init__()
        self.addFilter(add_request_id)
        self.setFormatter(formatter)
        self.lines = []

    def emit(self, record):
        self.lines.append(self.format(record))


@pytest.fixture
def log():
    made = logging.Logger("trunkline.test")
    yield made
    made.handlers.clear()


def lines(log, formatter):
    handler = Lines(formatter)
    log.addHandler(handler)
    return handler.lines


def test_a_line_outside_of_a_request_names_none(log):
    text, data = lines(log, TextFormatter()), lines(log, JsonFormatter())
    log.info("started")
    assert text[0].endswith(" INFO    trunkline.test: started")
    assert "request" not in json.loads(data[0])


def test_a_line_bears_the_request_and_what_it_was_given(log):
    text, data = lines(log, TextFormatter()), lines(log, JsonFormatter())
    with bearing("r-1", "unix:"):
        log.warning("device %s: %d changes", "pe-bj", 3, extra={"device": "pe-bj"})
    assert text[0].endswith(" WARNING trunkline.test: device pe-bj: 3 changes [request r-1]")
    said = json.loads(data[0])
    assert datetime.fromisoformat(said.pop("time")).tzinfo is not None
    assert said == {
        "level": "warning",
        "logger": "trunkline.test",
        "message": "device pe-bj: 3 changes",
        "request": "r-1",
        "device": "pe-bj",
    }


def test_a_client_cannot_write_lines_of_its_own(log):
    text, data = lines(log, TextFormatter()), lines(log, JsonFormatter())
    forged = "x]\n2026-01-01 00:00:00,000 ERROR   trunkline: all is lost"
    with bearing(forged):
        log.info("hello")
    assert "\n" not in text[0]
    assert "\n" not in data[0]
    assert json.loads(data[0])["request"] == forged


def test_an_error_has_its_traceback(log):
    data = lines(log, JsonFormatter())
    try:
        raise ValueError("no")
    except ValueError:
        log.exception("failed")
    assert json.loads(data[0])["exception"].endswith("ValueError: no")


async def test_tasks_and_the_planner_thread_take_the_request_along():
    planner = PlannerThread(Planner(TOPOLOGY))
    try:
        with bearing("mine", "unix:"):
            inside = await planner.run(lambda _: (request_id(), caller()))
            started = asyncio.get_running_loop().create_task(_bearer())
        assert inside == ("mine", "unix:")
        assert await started == "mine"
        assert (request_id(), caller()) == ("", "")
        assert await planner.run(lambda _: request_id()) == ""
    finally:
        planner.close()


async def _bearer():
    await asyncio.sleep(0)
    return request_id()
