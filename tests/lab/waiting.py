"""Wait for a condition. Nothing is asserted about how long it takes; a lab test has its limit from outside."""

from lab.patience import Patience


def wait_until(condition, what):
    """Return the first true answer of ``condition()``; fail naming ``what`` (a text, or a function that
    makes one then) when 30 s bring none."""
    patience = Patience(30, pause_s=0.005)
    while not (answer := condition()):
        assert not patience.is_over, f"waited in vain: {what() if callable(what) else what}"
        patience.pause()
    return answer
