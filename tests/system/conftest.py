"""Processes for the tests here, and what the kill tests counted."""

from __future__ import annotations

import pytest
from kill_points import KILLS
from world import Processes, world


@pytest.fixture(scope="session")
def processes():
    with Processes() as started:
        yield started


@pytest.fixture
def net(processes):
    """A ring of switches and a controller that serves."""
    with world(processes) as made:
        made.start()
        yield made


def pytest_terminal_summary(terminalreporter):
    """Say how many kills there were, and of how many steps."""
    counted = [
        dict(report.user_properties)[KILLS]
        for report in terminalreporter.getreports("passed")
        if KILLS in dict(report.user_properties)
    ]
    for name in sorted({name for name, _, _ in counted}):
        steps = next(steps for other, steps, _ in counted if other == name)
        kills = sum(kills for other, _, kills in counted if other == name)
        terminalreporter.write_line(f"kill -9 before and after each of {steps} journal steps of {name}: {kills} kills")
