"""One line over both layers: a lab with its PEs is started by its command line, and measured inside."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable

from controller.bench.bulk.server import BenchFailed
from controller.bench.rows import Row

ROWS = "rows: "
"""What the line with the rows begins with, among those that tell of progress."""
_COMMAND = [sys.executable, "-m", "lab.one_line"]


def refusal() -> str:
    """Why no such lab can run here; empty when one can."""
    asked = subprocess.run([*_COMMAND, "--check"], stdin=subprocess.DEVNULL, capture_output=True, text=True)
    return "" if asked.returncode == 0 else (asked.stderr.strip() or "the lab is not installed").splitlines()[-1]


def rows(*, repetitions: int, tell: Callable[[str], None]) -> list[Row]:
    """Raises ``BenchFailed`` with the lab's last words."""
    found: list[Row] = []
    said: list[str] = []
    command = [*_COMMAND, "--repetitions", str(repetitions)]
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as running:
        assert running.stdout is not None
        for line in running.stdout:
            if line.startswith(ROWS):
                found = [Row(**row) for row in json.loads(line.removeprefix(ROWS))]
                continue
            said.append(line.rstrip())
            tell(said[-1])
    if running.returncode or not found:
        raise BenchFailed(f"the lab ended with {running.returncode}: {' / '.join(said[-3:])}")
    return found
