"""``egress show`` of a server: what only a server knows is said, and only if there is anything to say."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from controller.cli.egress_served import served_json, served_table
from controller.wire.gen.trunkline.v1 import egress_pb2 as pb

GBPS = 10**9


def answer(**more):
    figures = pb.CycleFigures(
        gateways=[
            pb.GatewayFigures(gateway="igw-a", capacity_bps=10 * GBPS, usable_bps=95 * GBPS // 10),
            pb.GatewayFigures(gateway="igw-b", capacity_bps=10 * GBPS, carried_bps=4 * GBPS),
        ],
        classes=[pb.ClassFigures(traffic_class="gold", demand_bps=4 * GBPS, carried_bps=4 * GBPS, bound_bps=4 * GBPS)],
        waiting_bps=more.pop("waiting_bps", 0),
    )
    return pb.GetAssignmentsResponse(
        topology="net",
        mode="on",
        decided=pb.EgressView(figures=figures),
        steered=[pb.GatewayRate(gateway="igw-a", rate_bps=3 * GBPS), pb.GatewayRate(gateway="igw-b")],
        **more,
    )


def said(found):
    out = io.StringIO()
    served_table(found)(Console(file=out, width=200, color_system=None))
    return out.getvalue()


def rows(text):
    return {line.split()[0]: line.split()[4:] for line in text.splitlines() if line.startswith("igw-")}


def test_what_is_steered_is_beside_what_is_decided():
    text = said(answer())
    assert rows(text) == {"igw-a": ["10Gbps", "3Gbps"], "igw-b": ["10Gbps", "0bps"]}
    assert "STATE" not in text.upper().splitlines()[0]
    assert text.splitlines()[-1].startswith("certified: ")


def test_what_is_for_elsewhere_has_a_column_and_a_part_of_the_bar():
    assert "ELSEWHERE" not in said(answer())
    found = answer(elsewhere=[pb.GatewayRate(gateway="igw-b", rate_bps=5 * GBPS)])
    found.decided.figures.gateways[1].elsewhere_bps = 5 * GBPS
    text = said(found)
    assert rows(text) == {"igw-a": ["10Gbps", "0bps", "3Gbps"], "igw-b": ["10Gbps", "5Gbps", "0bps"]}
    assert "igw-b    ++++++++++++##########..  90.0%" in text
    assert "for addresses that no prefix is known for leave 5Gbps by igw-b: it takes room, and is not planned\n" in text
    assert served_json(found)["elsewhereBps"] == {"igw-b": 5 * GBPS}
    assert [one["share"] for one in served_json(found)["gateways"]] == [0, 0.9]


def test_gateways_that_are_away_say_so():
    drained = pb.DrainedGateway(gateway="igw-a", reason="new line card")
    text = said(answer(drained=[drained], gateways_down=["igw-b"], waits="it is frozen"))
    assert rows(text)["igw-a"][-1] == "drained"
    assert rows(text)["igw-b"][-1] == "down"
    assert text.startswith("it is frozen\n")
    assert "gateway igw-a is drained since 1970-01-01T00:00:00Z: new line card\n" in text
    assert "gateways that are down: igw-b\n" in text


@pytest.mark.parametrize(
    ("more", "line"),
    [
        ({"to_move_bps": 2 * GBPS}, "2Gbps leave elsewhere than decided now, and are to move"),
        ({"waiting_bps": GBPS}, "1Gbps would be better elsewhere, and do not move yet"),
        ({"links_down": ["a-b", "b-c"]}, "links that are down: a-b, b-c"),
        ({"unreachable": ["pe-a"]}, "devices that cannot be told anything: pe-a"),
        (
            {"held": [pb.HeldSource(source="pe-a", why="it does not answer")]},
            "pe-a: it does not answer; its last good rates count",
        ),
        (
            {"regions_without_prefixes": ["japan"]},
            "no prefix is known to be in japan: what is sent there leaves as all that is for elsewhere",
        ),
    ],
)
def test_what_there_is_to_say_is_said(more, line):
    assert line in said(answer(**more)).splitlines()
    assert line not in said(answer()).splitlines()


def test_json_has_the_offline_keys_and_those_of_a_server():
    found = served_json(answer(to_move_bps=5, waiting_bps=7, links_down=["a-b"]))
    assert (found["topology"], found["carriedBps"], found["mode"], found["waits"]) == ("net", 4 * GBPS, "on", None)
    assert found["steeredBps"] == {"igw-a": 3 * GBPS, "igw-b": 0}
    assert (found["toMoveBps"], found["waitingBps"], found["linksDown"]) == (5, 7, ["a-b"])
    assert found["lastCycle"] is None


def test_what_gateways_bill_is_told_in_words_and_as_numbers():
    bill = pb.GatewayBill(
        gateway="igw-a",
        month="2026-11",
        committed_bps=2 * GBPS,
        billed_bps=3 * GBPS,
        free_slots=430,
        free_slots_left=12,
        known_slots=5000,
        unknown_slots=40,
        slot_bps=4 * GBPS,
    )
    bill.slot_known.FromMilliseconds(90_500)
    plain = pb.GatewayBill(gateway="igw-b", month="2026-11", free_slots=432, free_slots_left=432)
    text = said(answer(bills=[bill, plain]))
    assert (
        "gateway igw-a bills 3Gbps (2Gbps committed) for 2026-11 so far, 12 of 430 free slots left, 40 slots unknown; "
        "this slot 4Gbps in 90 s\n"
    ) in text
    assert "gateway igw-b bills 0bps for 2026-11 so far, 432 of 432 free slots left\n" in text
    first, second = served_json(answer(bills=[bill, plain]))["bills"]
    assert first == {
        "gateway": "igw-a",
        "month": "2026-11",
        "committedBps": 2 * GBPS,
        "billedBps": 3 * GBPS,
        "freeSlots": 430,
        "freeSlotsLeft": 12,
        "knownSlots": 5000,
        "unknownSlots": 40,
        "slotBps": 4 * GBPS,
        "slotKnownSeconds": 90.5,
    }
    assert (second["billedBps"], second["slotKnownSeconds"]) == (0, 0)


def test_before_any_traffic_is_known_gateways_are_listed_all_the_same():
    found = pb.GetAssignmentsResponse(
        steered=[pb.GatewayRate(gateway="igw-a"), pb.GatewayRate(gateway="igw-b")], gateways_down=["igw-b"]
    )
    first, _, head, *gateways = said(found).splitlines()[:5]
    assert first.startswith("no traffic is known: ")
    assert [line.split(maxsplit=2) for line in (head, *gateways)] == [
        ["GATEWAY", "STEERED", "STATE"],
        ["igw-a", "0bps", "in service"],
        ["igw-b", "0bps", "down"],
    ]
