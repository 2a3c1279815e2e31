"""How long the property tests search: by default the same few examples each time, so that a commit never fails by luck;
``HYPOTHESIS_PROFILE=thorough`` draws new and many more."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings
from running import KILLS

settings.register_profile(
    "fast",
    max_examples=80,
    stateful_step_count=15,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile(
    "thorough",
    max_examples=2_000,
    stateful_step_count=40,
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "fast"))


def pytest_terminal_summary(terminalreporter):
    """Say how often the controller was killed, and at how many steps."""
    counted = [
        dict(report.user_properties)[KILLS]
        for report in terminalreporter.getreports("passed")
        if KILLS in dict(report.user_properties)
    ]
    for name in sorted({name for name, _, _ in counted}):
        steps = next(steps for other, steps, _ in counted if other == name)
        kills = sum(kills for other, _, kills in counted if other == name)
        terminalreporter.write_line(f"kill -9 before and after the {steps} journal steps of {name}: {kills} kills")
