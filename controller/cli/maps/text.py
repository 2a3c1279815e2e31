"""A map of letters, for a terminal."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from controller.cli.maps.layout import Point, lay_out
from controller.domain.topology import Role, Topology

MARKS: Final = {Role.P: "◆", Role.PE: "●", Role.OTN: "■"}
CORE, ACCESS = "∙", "·"
_LETTER_IS_TALL: Final = 2.0
"""How much higher than wide a letter of a terminal is."""


def to_text(topology: Topology, columns: int) -> Iterator[str]:
    """Yield the lines of a map this many letters wide, with a legend below."""
    sheet = lay_out(topology, columns, margin=3, apart=2.5, tall=(0.3, 0.9))
    rows = int(sheet.height / _LETTER_IS_TALL) + 1
    paper = [[" "] * columns for _ in range(rows)]
    cells = {name: _cell(point, columns, rows) for name, point in sheet.points.items()}
    is_core = {node.name: node.role is Role.P for node in topology.nodes}
    for link in sorted(topology.links, key=lambda link: is_core[link.a] and is_core[link.z]):
        mark = CORE if is_core[link.a] and is_core[link.z] else ACCESS
        for x, y in _between(cells[link.a], cells[link.z]):
            paper[y][x] = mark
    taken = set(cells.values())
    for name, (x, y) in cells.items():
        paper[y][x] = MARKS[topology.node[name].role]
    # The core first: where there is little room, its names have it.
    for node in sorted(topology.nodes, key=lambda node: node.role is not Role.P):
        _write(paper, taken, cells[node.name], node.name)
    yield from ("".join(row).rstrip() for row in paper)
    yield "   ".join(_legend(topology, is_core))


def _legend(topology: Topology, is_core: dict[str, bool]) -> Iterator[str]:
    for role, word in ((Role.PE, "edge"), (Role.P, "transit"), (Role.OTN, "optical")):
        if any(node.role is role for node in topology.nodes):
            yield f"{MARKS[role]} {word}"
    if any(is_core[link.a] and is_core[link.z] for link in topology.links):
        yield f"{CORE} core link"
        yield f"{ACCESS} access link"
    else:
        yield f"{ACCESS} link"


def _write(paper: list[list[str]], taken: set[tuple[int, int]], at: tuple[int, int], name: str) -> None:
    x, y = at
    for begin, row in ((x + 1, y), (x - len(name), y), (x - len(name) // 2, y - 1), (x - len(name) // 2, y + 1)):
        cells = {(begin + index, row) for index in range(len(name))}
        inside = 0 <= row < len(paper) and begin >= 0 and begin + len(name) <= len(paper[0])
        if inside and not cells & taken:
            taken |= cells
            paper[row][begin : begin + len(name)] = name
            return


def _cell(point: Point, columns: int, rows: int) -> tuple[int, int]:
    x, y = int(point.x), int(point.y / _LETTER_IS_TALL)
    return min(max(x, 0), columns - 1), min(max(y, 0), rows - 1)


def _between(a: tuple[int, int], z: tuple[int, int]) -> Iterator[tuple[int, int]]:
    steps = max(abs(z[0] - a[0]), abs(z[1] - a[1]))
    for step in range(1, steps):
        yield round(a[0] + (z[0] - a[0]) * step / steps), round(a[1] + (z[1] - a[1]) * step / steps)
