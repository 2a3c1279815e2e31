"""Building the reference, and calling it."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
import tempfile
from importlib.resources import as_file, files
from pathlib import Path

import numpy as np
import numpy.typing as npt

from controller.paths.batch import Answers
from controller.paths.kernels.layout import ANSWER, HOP_BITS, NO_SLOT, NODE_BITS, NODES, QUESTION, SPAN_BITS, UNREACHED
from controller.paths.mirror import Mirror
from controller.paths.questions import Questions

COMPILER = "g++"
FLAGS = ("-O3", "-march=native", "-std=c++17", "-shared", "-fPIC", "-Wall", "-Wextra", "-Werror")


def compiler_found() -> bool:
    return shutil.which(COMPILER) is not None


class _Network(ctypes.Structure):
    """``struct Network`` of reference.cpp."""

    _fields_ = [(name, ctypes.c_void_p) for name in ("first", "arcs", "row_of", "slots", "reach", "far")] + [
        (name, ctypes.c_int64) for name in ("nodes", "node_bits", "hop_bits", "span_bits", "landmarks")
    ]


class _Scratch(ctypes.Structure):
    """``struct Scratch`` of reference.cpp."""

    _fields_ = [(name, ctypes.c_void_p) for name in ("best", "onward", "heap", "seen", "trail")] + [
        (name, ctypes.c_int64) for name in ("offset", "look", "settled")
    ]


class Reference:
    """Answers questions about a network of ours with the trees that it has at this moment; it grows none itself."""

    def __init__(self, mirror: Mirror) -> None:
        self._mirror = mirror
        self._answer_all = _library(mirror).answer_all
        self._answer_all.restype = ctypes.c_int64
        first, arcs = mirror.graph[:2]
        row_of, slots, reach, _, _, _, _, far = mirror.potentials.arrays
        scale = mirror.graph[8]
        self._network = _Network(
            *(array.ctypes.data for array in (first, arcs, row_of, slots, reach, far)),
            *(int(scale[cell]) for cell in (NODES, NODE_BITS, HOP_BITS, SPAN_BITS)),
            far.shape[1],
        )
        nodes = len(mirror.nodes)
        self._arrays: tuple[npt.NDArray[np.int64] | npt.NDArray[np.int32], ...] = (
            np.full(nodes, UNREACHED, np.int64),
            np.zeros(nodes, np.int32),
            np.zeros(len(arcs) + 2, np.int64),
            np.zeros(nodes, np.int64),
            np.zeros(nodes, np.int32),
        )
        self._scratch = _Scratch(*(array.ctypes.data for array in self._arrays), 0, 0, 0)

    def answer(self, questions: Questions, room: Answers) -> int:
        """Fill ``room``, the nodes settled; only for questions by least delay without a bound or exclusions."""
        settled: int = self._answer_all(
            ctypes.byref(self._network),
            ctypes.byref(self._scratch),
            ctypes.c_void_p(questions.rows.ctypes.data),
            ctypes.c_int64(len(questions)),
            ctypes.c_void_p(room.rows.ctypes.data),
            ctypes.c_void_p(room.routes.ctypes.data),
        )
        return settled

    def room(self, questions: Questions, hops: int) -> Answers:
        """For the answers, and routes of ``hops`` arcs together."""
        rows = np.zeros((len(questions), ANSWER), np.int64)
        return Answers(self._mirror, questions, rows, np.zeros(hops, np.int32))


def _library(mirror: Mirror) -> ctypes.CDLL:
    """Built anew for each run: it takes a second, and is never stale."""
    slots = mirror.potentials.slots
    given = (
        f"-DSLOT_TYPE=uint{8 * slots.itemsize}_t",
        f"-DNO_SLOT={NO_SLOT}",
        f"-DQUESTION={QUESTION}",
        f"-DANSWER={ANSWER}",
    )
    with tempfile.TemporaryDirectory(prefix="trunkline-bench-") as folder:
        built = Path(folder) / "reference.so"
        with as_file(files("controller.bench.cpp") / "reference.cpp") as source:
            subprocess.run([COMPILER, *FLAGS, *given, "-o", str(built), str(source)], check=True, capture_output=True)
        return ctypes.CDLL(str(built))
