"""Over Open vSwitch: a lab is started by its command line, and the works run inside it (``python -m lab.bench``)."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from controller.bench.bulk.figures import ORDERS
from controller.bench.bulk.server import BenchFailed
from controller.bench.rows import Row

RULES = "rules"
LIMIT_S = 900
ROWS = "rows: "
"""What the line with the rows begins with, among those that tell of progress."""


def lab_refusal() -> str:
    """Why no lab can run here; empty when one can."""
    asked = subprocess.run(
        [sys.executable, "-m", "lab.bench", "--check"], stdin=subprocess.DEVNULL, capture_output=True, text=True
    )
    return "" if asked.returncode == 0 else (asked.stderr.strip() or "the lab is not installed").splitlines()[-1]


def lab_rows(
    topology_file: Path, works: Sequence[str], *, seed: int, repetitions: int, tell: Callable[[str], None]
) -> list[Row]:
    """The rows of those ``works`` that a lab is for. Raises ``BenchFailed``."""
    rows: list[Row] = []
    ordered = [work for work in works if work in ORDERS]
    if ordered:
        rows += _inside(topology_file, ordered, seed, repetitions, tell)
    if RULES in works:
        # Without a controller: the switch is to speak with the bench.
        rows += _inside(topology_file, [RULES], seed, repetitions, tell, "--controller", "")
    return rows


def _inside(
    topology_file: Path, works: Sequence[str], seed: int, repetitions: int, tell: Callable[[str], None], *options: str
) -> list[Row]:
    bench = [sys.executable, "-m", "lab.bench", "--seed", str(seed), "--repetitions", str(repetitions), *works]
    lab = [sys.executable, "-m", "lab", "run", "-t", str(topology_file), "--limit", str(LIMIT_S), *options]
    rows: list[Row] = []
    said: list[str] = []
    with subprocess.Popen(
        [*lab, "--", *bench], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as running:
        assert running.stdout is not None
        for line in running.stdout:
            if line.startswith(ROWS):
                rows = [Row(**row) for row in json.loads(line.removeprefix(ROWS))]
                continue
            said.append(line.rstrip())
            tell(said[-1])
    if running.returncode or not rows:
        raise BenchFailed(f"the lab ended with {running.returncode}: {' / '.join(said[-3:])}")
    return rows
