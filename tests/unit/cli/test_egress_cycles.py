"""``egress cycles``: a report, as a message, in a table and as plain data."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from controller.cli.egress_cycles import cycle_json, cycles_table
from controller.compiler.steering.resources import Exceeded
from controller.domain.topology import Direction
from controller.service.egress.report import CycleReport, Ending, Losses, Mode
from controller.wire.egress import cycle_to_wire

GBPS = 10**9


def cycle(**changes):
    given = {"number": 7, "at": 0.0, "causes": ("x",), "mode": Mode.ON, "ending": Ending.CHANGED, "urgent": False}
    return cycle_to_wire(CycleReport(**(given | {"losses": Losses(), "moved_bps": 3 * GBPS} | changes)))


def said(*found):
    out = io.StringIO()
    cycles_table(Console(file=out, width=250, color_system=None), list(found))
    return out.getvalue().splitlines()


@pytest.mark.parametrize(
    ("resource", "shown", "words"),
    [
        (("igw-a", None), {"gateway": "igw-a"}, "gateway igw-a"),
        (("a-b", Direction.Z_TO_A), {"link": "a-b", "direction": "zToA"}, "link a-b (zToA)"),
    ],
)
def test_moves_that_bring_too_much_somewhere_are_marked_and_told(resource, shown, words):
    one = cycle(overloads=(Exceeded(resource, 9 * GBPS, 8 * GBPS, 11 * GBPS),))
    assert cycle_json(one)["overloads"] == [shown | {"roomBps": 9 * GBPS, "beforeBps": 8 * GBPS, "mostBps": 11 * GBPS}]
    _, row, told = said(one)
    assert "3Gbps!" in row.split()
    assert told.startswith(f"! moves bring up to 11Gbps to {words}, which has room for 9Gbps (8Gbps before)")


def test_moves_with_room_on_their_way_are_not_marked():
    one = cycle()
    assert cycle_json(one)["overloads"] == []
    _, row = said(one)
    assert "3Gbps" in row.split()
