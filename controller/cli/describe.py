"""``trunkline describe``: one intent with its route on a map, what it holds, and what became of it over time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from textwrap import wrap

import click
from rich.console import Console
from rich.text import Text

from controller.cli.app import output_option, server_option, trunkline
from controller.cli.client import connected
from controller.cli.failing import telling
from controller.cli.inspection_views import description_json
from controller.cli.names import intent_argument
from controller.cli.output import Format, emit
from controller.cli.route_map import route_map
from controller.cli.words import counted, description, end_words
from controller.wire.gen.trunkline.v1 import describe_pb2
from controller.wire.gen.trunkline.v1 import intent_pb2 as pb


@trunkline.command(short_help="Show one intent: state, route on a map, what it holds, history.")
@click.argument("name", metavar="[KIND/]TENANT/NAME")
@server_option
@output_option
def describe(name: str, server: str, output: Format) -> None:
    """Show one intent: what was asked, its state, its route on a map, the rules and labels it has, its history. Of an
    egress policy: what of its traffic leaves where."""
    with telling(server), connected(server) as client:
        answer = client.call(client.stub.Describe, pb.DescribeRequest(name=intent_argument(name)))

    def words(to: Console) -> None:
        for line in _everything(answer, to.width):
            to.print(line, soft_wrap=True)

    emit(output, description_json(answer), words)


def _everything(answer: pb.DescribeResponse, width: int) -> Iterator[Text]:
    more, spec = answer.description, answer.intent.private_line.spec
    for name, value in description(answer.intent):
        yield from _folded(f"{name:<12}", value, width)
    if more.paths:
        yield Text("")
        yield from route_map(more.paths, end_words(spec.a), end_words(spec.z), width)
        yield Text("")
    yield from _numbers(more, width)
    yield from _rules(more, width)
    yield from _history(more, width)


def _numbers(more: describe_pb2.Description, width: int) -> Iterator[Text]:
    for trunk in more.trunks:
        shared = "this line alone" if trunk.lines == 1 else f"{trunk.lines} lines"
        yield from _folded(
            f"{'trunk':<12}",
            f"{trunk.role} {trunk.direction}: label {trunk.label}, group {trunk.group_id}, {shared}",
            width,
        )
    for circuit in more.circuits:
        slots = ", ".join(f"{use.link} {_spans(use.slots)}" for use in circuit.slots)
        words = f"{circuit.number}: {circuit.odu} by {' '.join(circuit.nodes)}"
        words += f", client links {circuit.entry} and {circuit.exit}{', slots of ' + slots if slots else ''}"
        yield from _folded(f"{'circuit':<12}", words, width)
    for pair in more.pairs:
        labels = f"{pair.working_label}, else {pair.protect_label}"
        yield from _folded(f"{'pair':<12}", f"at {pair.head}: label {labels}, by group {pair.group_id}", width)
    if more.HasField("numbers"):
        one = more.numbers
        labels = f"aToZ {one.service_label_a_to_z}, zToA {one.service_label_z_to_a}"
        meters = f"aToZ {one.meter_id_a_to_z}, zToA {one.meter_id_z_to_a}"
        yield from _folded(f"{'labels':<12}", labels, width)
        yield from _folded(f"{'meters':<12}", meters, width)
        yield from _folded(f"{'line number':<12}", str(one.line), width)


def _spans(numbers: Sequence[int]) -> str:
    """``1-8 10``: ascending numbers, neighbours as one."""
    spans: list[tuple[int, int]] = []
    for number in numbers:
        if spans and number == spans[-1][1] + 1:
            spans[-1] = spans[-1][0], number
        else:
            spans.append((number, number))
    return " ".join(str(first) if first == last else f"{first}-{last}" for first, last in spans)


def _rules(more: describe_pb2.Description, width: int) -> Iterator[Text]:
    if not more.devices:
        return
    total = sum(len(part.rules) for part in more.devices)
    yield Text(f"{'rules':<12}{total} on {counted(len(more.devices), 'device')}")
    for part in more.devices:
        shared = len(part.rules) - part.own
        yield Text(f"  {part.device}: {part.own} of the line, {shared} of its trunks", style="bold")
        for rule in part.rules:
            yield from _folded("    ", rule, width, hanging="  ")


def _history(more: describe_pb2.Description, width: int) -> Iterator[Text]:
    if not more.history:
        return
    yield Text("history     time, state, generation, request, caller")
    for entry in more.history:
        asked = entry.request_id if entry.request_id else "-"
        when = entry.time.ToDatetime().strftime("%Y-%m-%d %H:%M:%SZ")
        by = entry.caller if entry.caller else "-"
        yield from _folded("  ", f"{when}  {entry.state:<9} {entry.generation:>2}  {asked}  {by}", width)
        if entry.reason:
            yield from _folded("      ", f"{entry.message} [{entry.reason}]", width)
        # Of a generation with something before it; what the first one asked for stands above.
        for change in entry.changes if any(one.before for one in entry.changes) else ():
            before, after = change.before or "(none)", change.after or "(none)"
            yield from _folded("      ", f"{change.field}: {before} -> {after}", width)


def _folded(head: str, text: str, width: int, hanging: str = "") -> Iterator[Text]:
    """``head`` once, and the text behind it, folded at words; ``hanging`` sets off what is folded."""
    lines = wrap(text, max(width - len(head), 20), subsequent_indent=hanging, break_on_hyphens=False)
    for number, line in enumerate(lines if lines else [""]):
        yield Text(f"{head if number == 0 else ' ' * len(head)}{line}".rstrip())
