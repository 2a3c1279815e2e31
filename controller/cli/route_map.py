"""The route of a line as a small map of text: nodes from top to bottom, links between, a protect path alongside."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import zip_longest

from rich.text import Text

from controller.cli.words import both_ways
from controller.domain.units import format_delay, format_rate
from controller.wire.gen.trunkline.v1 import describe_pb2, plan_pb2

_NODE = "bold"
_BAR = "│"


def route_map(paths: Sequence[describe_pb2.PathUse], a: str, z: str, width: int) -> Iterator[Text]:
    """Lines of at most ``width`` columns as far as names allow; ``a`` and ``z`` are the sites. Values that differ by
    direction stand as ``aToZ/zToA``."""
    if not paths:
        return
    first = paths[0]
    yield Text(f"  {a}")
    yield Text(f"  {_BAR}")
    yield _node(first.nodes[0])
    if len(paths) == 1:
        yield from _single(first, width)
    else:
        yield from _beside(paths, width)
    yield Text(f"  {_BAR}")
    yield Text(f"  {z}")


def _single(path: describe_pb2.PathUse, width: int) -> Iterator[Text]:
    """One link a line, where there is room; else its figures on a second one."""
    names = max((len(hop.link) for hop in path.hops), default=0)
    delays = max((len(_delay(hop)) for hop in path.hops), default=0)
    rows = [(f"{hop.link:<{names}}  {_delay(hop):>{delays}}", _figures(hop)) for hop in path.hops]
    folded = any(len(head) + len(figures) + 7 > width for head, figures in rows)
    for (head, figures), node in zip(rows, path.nodes[1:], strict=True):
        if folded:
            yield Text(f"  {_BAR}  {head}")
            yield Text(f"  {_BAR}    {figures}")
        else:
            yield Text(f"  {_BAR}  {head}  {figures}")
        yield _node(node)


def _beside(paths: Sequence[describe_pb2.PathUse], width: int) -> Iterator[Text]:
    """Columns, one a path, between the two ends that they have in common: no wider than their words need."""
    widest = max(len(text) for path in paths for text, _ in _cells(path))
    column = min(max((width - 2) // len(paths), 24), widest + 4)
    yield Text("  " + "".join(f"{_BAR} {path.role}".ljust(column) for path in paths).rstrip())
    for cells in zip_longest(*map(_cells, paths), fillvalue=(_BAR, "")):
        line = Text("  ")
        for number, (text, style) in enumerate(cells):
            last = number == len(cells) - 1
            line.append(text if last else text.ljust(column), style=style)
        yield line
    yield _node(paths[0].nodes[-1])


def _cells(path: describe_pb2.PathUse) -> Iterator[tuple[str, str]]:
    for hop, node in zip(path.hops, path.nodes[1:], strict=True):
        yield f"{_BAR} {hop.link}  {_delay(hop)}", ""
        yield f"{_BAR} {_free(hop)} free", ""
        if node != path.nodes[-1]:
            yield f"○ {node}", _NODE


def _node(name: str) -> Text:
    return Text(f"  ● {name}", style=_NODE)


def _delay(hop: describe_pb2.HopUse) -> str:
    return both_ways(format_delay, hop.delay_ns.a_to_z, hop.delay_ns.z_to_a)


def _figures(hop: describe_pb2.HopUse) -> str:
    return f"holds {_rate(hop.reserved_bps)}, {_free(hop)} free of {_rate(hop.capacity_bps)}"


def _free(hop: describe_pb2.HopUse) -> str:
    return _rate(hop.free_bps)


def _rate(rates: plan_pb2.Rates) -> str:
    return both_ways(format_rate, rates.a_to_z, rates.z_to_a)
