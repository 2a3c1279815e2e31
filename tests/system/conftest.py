"""Processes for the tests here."""

from __future__ import annotations

import pytest
from running.processes import Processes
from running.simulated import simulated


@pytest.fixture(scope="session")
def processes():
    with Processes() as started:
        yield started


@pytest.fixture
def net(processes):
    """A ring of simulated switches and a controller that serves."""
    with simulated(processes) as made:
        made.start()
        yield made
