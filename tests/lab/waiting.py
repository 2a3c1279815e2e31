"""Wait for a condition. Nothing is asserted about how long it takes; a lab test has its limit from outside."""

import time


def wait_until(condition, what):
    """Return the first true answer of ``condition()``; fail naming ``what`` (a text, or a function that
    makes one then) when 30 s bring none."""
    deadline = time.monotonic() + 30
    while not (answer := condition()):
        assert time.monotonic() < deadline, f"waited in vain: {what() if callable(what) else what}"
        time.sleep(0.005)
    return answer
