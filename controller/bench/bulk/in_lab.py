"""Over Open vSwitch: a lab is started by its command line, and the works run inside it (``python -m lab.bench``)."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from controller.bench.bulk.figures import ORDERS
from controller.bench.bulk.server import BenchFailed
from controller.bench.rows import Row

RULES = "rules"
LIMIT_S = 900


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
    # The lab hides /run and nothing else: the file is seen inside and outside.
    with tempfile.NamedTemporaryFile("r", suffix=".json") as answer:
        bench = [sys.executable, "-m", "lab.bench", "--seed", str(seed), "--repetitions", str(repetitions)]
        bench += ["--to", answer.name, *works]
        lab = [sys.executable, "-m", "lab", "run", "-t", str(topology_file), "--limit", str(LIMIT_S), *options]
        with subprocess.Popen(
            [*lab, "--", *bench], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        ) as running:
            said: list[str] = []
            assert running.stdout is not None
            for line in running.stdout:
                said.append(line.rstrip())
                tell(said[-1])
        if running.returncode:
            raise BenchFailed(f"the lab ended with {running.returncode}: {' / '.join(said[-3:])}")
        return [Row(**row) for row in json.load(answer)]
