"""The reference in C++ answers as ours does: else it would be no measure of it."""

from __future__ import annotations

import numpy as np
import pytest

from controller.bench.cases import case_named
from controller.bench.cpp.reference import Reference, compiler_found
from controller.bench.demands import batches, congested
from controller.bench.engine import Engine
from controller.paths.batch import answer
from controller.paths.kernels.layout import START


@pytest.mark.skipif(not compiler_found(), reason="g++ is not installed")
@pytest.mark.parametrize("name", ["topozoo/Abilene", "geometric/300"])
def test_reference_gives_the_same_answers_to_the_last_arc(name):
    case = congested(case_named(name, 1), 1)
    engine = Engine(case)
    questions = engine.pack(batches(case, 1, count=1, size=2_000, corouted=True)[0])
    ours = answer(engine.network, questions)
    reference = Reference(engine.network.mirror)
    theirs = reference.room(questions, hops=len(questions) * len(engine.names))
    settled = reference.answer(questions, theirs)
    assert settled > 0
    columns = [column for column in range(ours.rows.shape[1]) if column != START]
    np.testing.assert_array_equal(ours.rows[:, columns], theirs.rows[:, columns])
    assert [ours.links(index) for index in range(len(questions))] == [
        theirs.links(index) for index in range(len(questions))
    ]
