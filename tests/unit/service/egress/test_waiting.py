"""Why a policy may be planned otherwise than its traffic leaves."""

from __future__ import annotations

from dataclasses import replace

import pytest
from steering_in_memory import TOPOLOGY, MemoryStore

from controller.domain.topology import NextHop
from controller.service.egress.report import CycleReport, Ending, Losses, Mode
from controller.service.egress.waiting import why_not_steered
from controller.service.freeze import Freeze

HOP = NextHop(mac="02:00:00:00:21:01", ip="192.0.2.1")
STEERABLE = replace(TOPOLOGY, gateways=tuple(replace(one, next_hop=HOP) for one in TOPOLOGY.gateways))


def report(ending, *reasons):
    return CycleReport(
        number=1, at=0.0, causes=(), mode=Mode.ON, ending=ending, urgent=False, losses=Losses(), reasons=reasons
    )


def why(mode=Mode.ON, latest=None, topology=STEERABLE):
    return why_not_steered(topology, mode, Freeze(MemoryStore(), None, lambda: 0.0), latest)


@pytest.mark.parametrize(
    ("mode", "latest", "words"),
    [
        (Mode.ON, None, "the next egress cycle steers it"),
        (Mode.ON, report(Ending.CHANGED, "a"), "the next egress cycle steers it"),
        (
            Mode.ON,
            report(Ending.FAILED, "p-a: gone", "b"),
            "the last egress cycle failed, and is tried again: p-a: gone",
        ),
        (Mode.ON, report(Ending.HELD), "the last egress cycle decided nothing"),
        (Mode.OFF, report(Ending.FAILED), "egress is off (serve --egress): nothing is steered anew"),
    ],
)
def test_what_stands_in_the_way_is_named(mode, latest, words):
    assert why(mode, latest) == words


def test_where_no_gateway_has_a_next_hop_nothing_will_ever_lead_there():
    assert why(topology=TOPOLOGY).startswith("no gateway has a next hop")
