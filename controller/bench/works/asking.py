"""Contenders that are asked one question after the other, and answer each by itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Generic, TypeVar

from controller.bench.checking import Judge
from controller.bench.timing import Contender, timed

Question = TypeVar("Question", bound=tuple[Any, ...])
Ask = Callable[[Sequence[Question]], tuple[float, Sequence[object]]]
"""Questions to (seconds, what every engine must find), the latter worked out after the clock has stopped."""
NOT_COMPARED = object()
"""What an engine answers that gave up."""


class Asked(Generic[Question]):
    """An engine, its questions, batch by batch, and how many of each batch it gets (``works.shares``)."""

    def __init__(
        self, name: str, ask: Ask[Question], batches: Sequence[Sequence[Question]], judge: Judge, **detail: Any
    ) -> None:
        self.name = name
        self.share = len(batches[0])
        self.most = len(batches)
        self._ask = ask
        self._batches = batches
        self._judge = judge
        self._detail = detail
        self._asked = 0
        self._gave_up = 0

    @property
    def library(self) -> str:
        return self.name.partition("/")[0]

    def seconds_each(self, count: int) -> float:
        return self._ask(self._batches[0][:count])[0] / count

    def run(self, repetition: int) -> float:
        """Microseconds for each question."""
        questions = self._batches[repetition][: self.share]
        seconds, answers = self._ask(questions)
        self._asked += len(questions)
        for position, (question, answer) in enumerate(zip(questions, answers, strict=True)):
            if answer is NOT_COMPARED:
                self._gave_up += 1
            else:
                self._judge.compare(self.name, (repetition, position, *question), answer)
        return seconds / len(questions) * 1e6

    def detail(self) -> Mapping[str, Any]:
        gave_up = {"gaveUp": self._gave_up} if self._gave_up else {}
        return {"queriesEachTime": self.share, "queries": self._asked, **gave_up, **self._detail}

    def contender(self) -> Contender:
        return Contender(self.name, self.run, self.detail, self.most)


def one_by_one(call: Callable[[Question], Any], digest: Callable[[Question, Any], object]) -> Ask[Question]:
    """Ask by one call for each question, and then digest each result into what is compared."""

    def ask(questions: Sequence[Question]) -> tuple[float, Sequence[object]]:
        seconds, results = timed(lambda: [call(question) for question in questions])
        return seconds, [digest(question, result) for question, result in zip(questions, results, strict=True)]

    return ask
