"""Changing things on trial: every step leaves behind how to take it back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager


class UndoLog:
    """Outside a trial nothing is recorded; trials nest."""

    def __init__(self) -> None:
        self._steps: list[Callable[[], object]] = []
        self._depth = 0

    def record(self, take_back: Callable[[], object]) -> None:
        if self._depth:
            self._steps.append(take_back)

    @contextmanager
    def trial(self) -> Iterator[None]:
        """Whatever is done inside is taken back at the end, in reverse, also when an exception passes."""
        with self._watched() as mark:
            try:
                yield
            finally:
                self._take_back(mark)

    @contextmanager
    def all_or_nothing(self) -> Iterator[None]:
        """Whatever is done inside is taken back only when an exception passes."""
        with self._watched() as mark:
            try:
                yield
            except BaseException:
                self._take_back(mark)
                raise

    @contextmanager
    def _watched(self) -> Iterator[int]:
        self._depth += 1
        try:
            yield len(self._steps)
        finally:
            self._depth -= 1
            if not self._depth:
                self._steps.clear()

    def _take_back(self, mark: int) -> None:
        depth, self._depth = self._depth, 0  # a step taken back is not itself a step
        try:
            while len(self._steps) > mark:
                self._steps.pop()()
        finally:
            self._depth = depth
