"""Explanations in words, for people: no line is longer than the terminal is wide."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from textwrap import wrap

from rich.console import Console
from rich.text import Text

from controller.cli.words import binding_words, delay_words
from controller.domain.units import format_delay, format_loss, format_rate
from controller.wire.gen.trunkline.v1 import explain_pb2

Candidate = explain_pb2.Candidate

_MARKS = {Candidate.CHOSEN: ("=>", "bold green"), Candidate.POSSIBLE: ("+", ""), Candidate.NOT_POSSIBLE: ("x", "dim")}
_INDENT = " " * 4


def explanations_words(found: Sequence[explain_pb2.Explanation]) -> Callable[[Console], None]:
    def show(to: Console) -> None:
        for number, explanation in enumerate(found):
            if number:
                to.print()
            for line in _explanation(explanation, to.width):
                to.print(line, soft_wrap=True)

    return show


def _explanation(explanation: explain_pb2.Explanation, width: int) -> Iterator[Text]:
    verdict = explanation.verdict
    name = f"{verdict.tenant}/{verdict.name}"
    yield Text(f"{name}: {_headline(explanation)}", style="bold" if verdict.feasible else "bold red")
    for refusal in verdict.reasons:
        yield from _wrapped(f"{refusal.message} [{refusal.reason}]", width, "  ")
        for words in binding_words(refusal.binding):
            yield from _wrapped(f"binds: {words}", width, _INDENT)
        for one in refusal.relaxations:
            yield from _wrapped(f"would do: {one.field}: {one.value}", width, _INDENT)
        if not refusal.relaxations:
            yield Text(f"{_INDENT}no single change would do")
    for share in verdict.assignments:
        words = f"{share.source} by {share.gateway}: {format_rate(share.rate_bps)}, {format_delay(share.delay_ns)}"
        yield from _wrapped(f"{words}, over {', '.join(share.links) or 'no link'}", width, "  ")
    if verdict.kind == "EgressPolicy":
        yield from _wrapped("every gateway with its delay and what room there costs: trunkline egress why", width, "  ")
    if verdict.feasible:
        for path in verdict.paths[1:]:
            yield from _wrapped(f"{path.role} path: {delay_words(path)} by {', '.join(path.links)}", width, "  ")
    if explanation.candidates:
        yield Text(f"  routes, the best by {explanation.objective} first:")
    for candidate in explanation.candidates:
        yield from _candidate(candidate, width)


def _headline(explanation: explain_pb2.Explanation) -> str:
    asked = (
        f"at most {format_delay(explanation.max_delay_ns)} one way"
        if explanation.HasField("max_delay_ns")
        else "no bound on delay"
    )
    if explanation.HasField("max_loss_ppm"):
        asked += f", at most {format_loss(explanation.max_loss_ppm)} lost"
    if not explanation.verdict.feasible:
        return f"refused ({asked})"
    if explanation.carried and explanation.verdict.kind == "EgressPolicy" and not explanation.verdict.assignments:
        return f"is in force, and nothing of it is carried now ({asked})"
    return f"{'is carried' if explanation.carried else 'can be carried'} ({asked})"


def _candidate(candidate: explain_pb2.Candidate, width: int) -> Iterator[Text]:
    mark, style = _MARKS[candidate.standing]
    path = candidate.path
    figures = f"{delay_words(path)}, cost {candidate.cost}, by {', '.join(path.links) or 'no link'}"
    first = f"  {mark:>2} "
    for number, line in enumerate(wrap(figures, max(width - 5, 20), break_on_hyphens=False)):
        yield Text(f"{first if number == 0 else '     '}{line}", style=style)
    yield from _wrapped(candidate.message, width, " " * 7)


def _wrapped(text: str, width: int, indent: str) -> Iterator[Text]:
    room = max(width - len(indent), 20)
    for line in wrap(text, room, subsequent_indent="  ", break_on_hyphens=False):
        yield Text(f"{indent}{line}")
