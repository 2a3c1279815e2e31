"""``python -m controller.bench.weighing CASE SEED``: the memory that a network of ours takes, in MB.

In a process of its own, for in one that has worked before, a new network lies down where others have lain. What is
weighed: networkx's graph, its mirror and the trees towards every site; the topology and the compiled kernels are not.
"""

from __future__ import annotations

import subprocess
import sys

from controller.bench.cases import case_named
from controller.bench.demands import batches, congested
from controller.bench.engine import Engine
from controller.bench.machine import resident_mb
from controller.paths.batch import answer
from controller.paths.warm import warm


def network_mb(case: str, seed: int) -> float:
    """Weigh in a process of its own."""
    command = [sys.executable, "-m", "controller.bench.weighing", case, str(seed)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def weigh(name: str, seed: int) -> float:
    """Weigh in this process."""
    warm()
    case = congested(case_named(name, seed), seed)
    before_mb = resident_mb()
    engine = Engine(case)
    for batch in batches(case, seed, count=8, size=1_000, corouted=True, purpose="warm-up"):
        answer(engine.network, engine.pack(batch))
    return round(resident_mb() - before_mb, 1)


if __name__ == "__main__":
    print(weigh(sys.argv[1], int(sys.argv[2])))  # noqa: T201
