"""The help that a message can give to somebody who mistyped a word."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

_MOST_COMPARED = 200


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return ``; did you mean 'bandwidth'?`` when one of ``known`` is close to ``word``, else an empty text.

    Only words that begin alike and are about as long are compared, and at most 200 of them: a large
    topology holds thousands of names, and a file may be wrong in every line.
    """
    begin = word[:1].lower()
    near = (other for other in known if abs(len(other) - len(word)) <= 2 and other[:1].lower() == begin)
    candidates = {other.lower(): other for other, _ in zip(near, range(_MOST_COMPARED), strict=False)}
    found = get_close_matches(word.lower(), candidates, n=1, cutoff=0.6)
    return f"; did you mean '{candidates[found[0]]}'?" if found else ""
