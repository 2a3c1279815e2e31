"""Doing things on trial: everything that is done notes how to undo it, as long as a trial is open."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Trial:
    """What was changed since the trial began is undone at its end, unless ``keep`` was called."""

    def __init__(self) -> None:
        self.kept = False
        self.touched: set[str] = set()
        """The parts that have noted, as a whole, what they were before."""

    def keep(self) -> None:
        self.kept = True


class Trials:
    """The trials that are open, one inside the other, and how to undo what was done in them."""

    def __init__(self) -> None:
        self._undo: list[Callable[[], None]] = []
        self._open: list[Trial] = []

    @contextmanager
    def begin(self) -> Iterator[Trial]:
        """Everything noted inside is undone at the end, last first, also after an exception, unless the trial is kept.

        What an inner trial keeps, an outer one can still undo.
        """
        mark = len(self._undo)
        trial = Trial()
        self._open.append(trial)
        try:
            yield trial
        except BaseException:
            trial.kept = False
            raise
        finally:
            self._open.pop()
            if not trial.kept:
                while len(self._undo) > mark:
                    self._undo.pop()()
            if not self._open:
                self._undo.clear()

    def note(self, undo: Callable[[], None]) -> None:
        """Say how to undo what is about to be done."""
        if self._open:
            self._undo.append(undo)

    def first_change(self, part: str) -> bool:
        """Whether a trial is open in which ``part``, which notes what it was as a whole, has not changed yet; from now
        on it has."""
        if not self._open or part in self._open[-1].touched:
            return False
        self._open[-1].touched.add(part)
        return True
