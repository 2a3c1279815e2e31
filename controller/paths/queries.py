"""Questions to the network as it is: single routes, pairs and alternatives, many at once or one after the other.

Plain routes, pairs and alternatives go to the kernels by the thousand (``batch``, ``disjoint``, ``kshortest``); routes
by way of nodes, and every "no" for its reasons, take a search each.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from controller.domain.errors import Refusal
from controller.domain.placement import PlacedPath
from controller.paths import batch, disjoint, kshortest
from controller.paths.admission import least, least_pair, undecided
from controller.paths.budget import LABEL_BUDGET, SearchLimit
from controller.paths.lines import reservations_along
from controller.paths.network import Network
from controller.paths.questions import pack
from controller.paths.request import PathRequest

Answer = tuple[PlacedPath, ...] | Refusal
"""The route, (working, protect), or alternatives, the best first."""

AT_ONCE = 1_024
"""Routes that the kernels are asked for together: one step towards the answers takes about their time, at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """``k``: so many alternatives, ``None``: the best route, or the best pair where ``disjoint`` is given."""

    request: PathRequest
    k: int | None = None


def each_by_itself(network: Network, questions: Sequence[Question]) -> Iterator[tuple[int, Answer]]:
    """(number of the question, answer), as they are found: in any order, bit by bit. Nothing is reserved.

    The network must be the same at each step; what it is between two steps does not matter.
    """
    for (kind, k), numbers in _by_kind(questions).items():
        share = max(1, AT_ONCE // max(1, k))
        for begin in range(0, len(numbers), share):
            some = numbers[begin : begin + share]
            answers = kind(network, [questions[number].request for number in some], k)
            for number, answer in zip(some, answers, strict=True):
                yield number, _one(network, questions[number].request) if answer is None else answer


def in_sequence(network: Network, questions: Sequence[Question]) -> Iterator[tuple[int, Answer]]:
    """As ``each_by_itself``, in order, each answer reserved before the next question is looked at: the network is
    changed. ``ValueError`` for alternatives."""
    for number, question in enumerate(questions):
        if question.k is not None:
            raise ValueError("alternatives are not reserved one after the other")
        answer = _one(network, question.request)
        if not isinstance(answer, Refusal):
            held = [taken for path in answer for taken in reservations_along(path, network)]
            network.reserve(("question", number), held)
        yield number, answer


Kind = Callable[[Network, Sequence[PathRequest], int], Iterator[Answer | None]]
"""Answers in order; ``None``: to be looked for once more, one by one."""


def _by_kind(questions: Sequence[Question]) -> dict[tuple[Kind, int], list[int]]:
    kinds: defaultdict[tuple[Kind, int], list[int]] = defaultdict(list)
    for number, question in enumerate(questions):
        request = question.request
        if question.k is not None:
            kinds[_alternatives, question.k].append(number)
        elif request.via:
            kinds[_singly, 0].append(number)
        elif request.disjoint is not None:
            kinds[_pairs, 0].append(number)
        else:
            kinds[_plain, 0].append(number)
    return kinds


def _plain(network: Network, requests: Sequence[PathRequest], _k: int) -> Iterator[Answer | None]:
    answers = batch.answer(network, pack(network, requests))
    for index, request in enumerate(requests):
        if answers.unproved(index):
            yield undecided(request, LABEL_BUDGET)
        else:
            path = answers.path(index)
            yield None if path is None else (path,)


def _pairs(network: Network, requests: Sequence[PathRequest], _k: int) -> Iterator[Answer | None]:
    for request, pair in zip(requests, disjoint.find_pairs(network, requests), strict=True):
        yield undecided(request, LABEL_BUDGET) if isinstance(pair, SearchLimit) else pair


def _alternatives(network: Network, requests: Sequence[PathRequest], k: int) -> Iterator[Answer | None]:
    ranked = kshortest.answer(network, pack(network, requests), k)
    for index, request in enumerate(requests):
        try:
            paths = ranked.paths(index)
            yield paths if paths else None
        except SearchLimit:
            yield undecided(request, LABEL_BUDGET)


def _singly(network: Network, requests: Sequence[PathRequest], _k: int) -> Iterator[Answer | None]:
    yield from (None for _ in requests)


def _one(network: Network, request: PathRequest) -> Answer:
    if request.disjoint is not None:
        return least_pair(network, request)
    answer = least(network, request)
    return answer if isinstance(answer, Refusal) else (answer,)
