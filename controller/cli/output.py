"""Printing: data as JSON or YAML, tables for people, messages to standard error."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from enum import StrEnum
from typing import Any

import click
import yaml
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table

# Into a file or a pipe nothing is folded: a line is a line.
_WIDTH_OF_A_PIPE = 10_000
# Narrower than this nobody reads a column that is folded.
_LEAST_FOLDED = 24
# What takes another number of columns than it has letters' widths: line breaks, tabs, control characters.
_UNEVEN = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


class Format(StrEnum):
    TABLE = "table"
    JSON = "json"
    YAML = "yaml"


def emit(output: Format, data: Any, as_table: Callable[[Console], None]) -> None:
    """Print ``data`` in the format asked for."""
    match output:
        case Format.JSON:
            click.echo(json.dumps(data, indent=2, ensure_ascii=False))
        case Format.YAML:
            click.echo(as_yaml(data), nl=False)
        case Format.TABLE:
            as_table(console())


def as_yaml(data: Any) -> str:
    return yaml.safe_dump(data, sort_keys=False, allow_unicode=True)


def console(*, stderr: bool = False) -> Console:
    """Colour and folding only on a terminal."""
    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() else _WIDTH_OF_A_PIPE
    return Console(stderr=stderr, width=width, highlight=False, markup=False, emoji=False)


def note(message: str) -> None:
    """A line for people, on standard error."""
    click.echo(message, err=True)


def say(to: Console, line: str) -> None:
    """A line of text, which a terminal may fold but we do not."""
    to.print(line, soft_wrap=True)


def columns(to: Console, headers: Sequence[str], rows: Sequence[Sequence[str]], spare: Sequence[int] = ()) -> None:
    """A table without lines: it suits narrow terminals, `grep` and `awk`. ``spare``: by number, the columns that a
    terminal without room for them does without, the first of them first; a column without a header behind one that goes
    has its header. The last column is folded if need be. Nothing is cut off: names are there to be copied, so what is
    too wide even so is left to the terminal to fold."""
    even = not any(_UNEVEN.search(cell) for row in rows for cell in row)
    if to.width == _WIDTH_OF_A_PIPE and even:
        for line in _aligned([[header.upper() for header in headers], *rows]):
            to.out(line, highlight=False)
        return
    headers, rows = _narrowed(to.width, headers, rows, spare)
    if even and _least_width(headers, rows) > to.width:
        for line in _aligned([[header.upper() for header in headers], *rows]):
            to.print(line, soft_wrap=True)
        return
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for header in headers[:-1]:
        table.add_column(header.upper(), no_wrap=True)
    table.add_column(headers[-1].upper(), overflow="fold")
    for row in rows:
        table.add_row(*row)
    with to.capture() as captured:
        to.print(table)
    for line in captured.get().splitlines():
        to.out(line.rstrip(), highlight=False)


def _narrowed(
    width: int, headers: Sequence[str], rows: Sequence[Sequence[str]], spare: Sequence[int]
) -> tuple[Sequence[str], Sequence[Sequence[str]]]:
    """The columns that there is room for."""
    left, names = list(range(len(headers))), list(headers)
    for number in spare:
        shown = [[row[index] for index in left] for row in rows]
        if _least_width([names[index] for index in left], shown) <= width:
            break
        position = left.index(number)
        if position + 1 < len(left) and not names[left[position + 1]]:
            names[left[position + 1]] = names[number]
        left.remove(number)
    return [names[index] for index in left], [[row[index] for index in left] for row in rows]


def _least_width(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> int:
    """What a table takes if its last column is folded."""
    *firm, last = (max(map(cell_len, column)) for column in zip(headers, *rows, strict=True))
    return sum(width + 2 for width in firm) + min(last, _LEAST_FOLDED)


def _aligned(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """What rich makes of a table that nothing folds, in a seventh of the time: networks have thousands of rows."""
    widths = [max(map(cell_len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (cell + " " * (width + 2 - cell_len(cell)) for cell, width in zip(row, widths, strict=True))
        yield "".join(cells).rstrip()
