"""What ``trunkline explain`` prints offline, and the map that ``describe`` draws."""

from __future__ import annotations

import json

import pytest
from rich.text import Text
from running.command import EPL, INFEASIBLE, LAB_SMALL, line, trunkline, write

from controller.cli.route_map import route_map
from controller.wire.gen.trunkline.v1 import describe_pb2, plan_pb2


def explained(*files):
    answer = trunkline("explain", "-t", LAB_SMALL, *[word for file in files for word in ("-f", file)], "-o", "json")
    assert answer.err == ""
    return answer.code, {one["name"]: one for one in json.loads(answer.out)["intents"]}


def test_a_feasible_line_is_explained_by_its_route_and_the_next_ones():
    code, found = explained(EPL)
    assert code == 0
    one = found["bj-gz"]
    assert (one["feasible"], one["carried"], one["objective"], one["maxDelayUs"]) == (True, False, "delay", 15_000)
    assert one["paths"][0]["links"] == ["bj-zz-1", "zz-wh", "wh-gz"]
    told = [(candidate["standing"], candidate["links"]) for candidate in one["candidates"]]
    assert told[:3] == [
        ("CHOSEN", ["bj-zz-1", "zz-wh", "wh-gz"]),
        ("POSSIBLE", ["bj-nj", "wh-nj", "wh-gz"]),
        ("NOT_POSSIBLE", ["bj-zz-2", "zz-wh", "wh-gz"]),
    ]
    assert one["candidates"][2]["lacks"] == [
        {"reason": "DELAY_BOUND_UNREACHABLE", "message": "15.4ms one way is over 15ms"}
    ]
    assert one["candidates"][1]["message"] == "possible, but 3.4ms longer there and back"


def test_a_refused_line_says_what_binds_and_what_would_do():
    code, found = explained(INFEASIBLE)
    assert code == 2
    (refusal,) = found["bj-cd-too-fast"]["reasons"]
    assert refusal["binding"]["leastDelayUs"] == 11_100
    (refusal,) = found["sh-gz-too-wide"]["reasons"]
    assert [one["link"] for one in refusal["binding"]["links"]] == ["gz-sh", "nj-sh"]
    assert refusal["relaxations"] == [{"field": "spec.bandwidth", "value": "80Mbps"}]
    lacks = found["sh-gz-too-wide"]["candidates"][1]["lacks"]
    assert lacks == [{"reason": "NO_BANDWIDTH", "message": "gz-sh has 50Mbps free, 200Mbps needed", "link": "gz-sh"}]


def test_lines_are_explained_in_the_order_of_planning(tmp_path):
    """The larger one is planned first, and what it took is what the smaller one lacks."""
    wide = line("wide", a="dc-bj-1", z="dc-gz-1", bandwidth="45Mbps")
    wider = line("wider", a="dc-bj-2", z="dc-gz-2", bandwidth="60Mbps")
    code, found = explained(write(tmp_path / "two.yaml", wide, wider))
    assert code == 0
    assert found["wider"]["candidates"][0]["standing"] == "CHOSEN"
    first = found["wide"]["candidates"][0]
    assert (first["standing"], first["links"]) == ("NOT_POSSIBLE", ["bj-zz-1", "zz-wh", "wh-gz"])
    assert "bj-zz-1 has 40Mbps free, 45Mbps needed" in first["message"]


def test_words_are_for_people_and_fit():
    answer = trunkline("explain", "-t", LAB_SMALL, "-f", EPL, "-f", INFEASIBLE)
    assert answer.code == 2
    assert "acme/bj-gz: can be carried (at most 15ms one way)\n" in answer.out
    assert "  => 12.7ms, cost 3, by bj-zz-1, zz-wh, wh-gz\n" in answer.out
    assert "acme/bj-cd-too-fast: refused (at most 8ms one way)\n" in answer.out
    assert "    binds: links gz-sh (50Mbps free), nj-sh (95Mbps free)\n" in answer.out
    assert "    would do: spec.bandwidth: 80Mbps\n" in answer.out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "name intents that there are"),
        (("acme/x", "-f", EPL), "name intents that there are"),
        (("acme/x", "-t", LAB_SMALL), "-t explains the intents of files"),
        (("acme", "--server", "unix:/nobody"), "write TENANT/NAME"),
    ],
)
def test_wrong_uses_are_errors(arguments, said):
    answer = trunkline("explain", *arguments)
    assert (answer.code, answer.out) == (1, "")
    assert said in answer.err


def hop(link, delay_ms=(1, 1), free_mbps=(90, 90)):
    def rates(there, back):
        return plan_pb2.Rates(a_to_z=there * 10**6, z_to_a=back * 10**6)

    there, back = (value * 10**6 for value in delay_ms)
    return describe_pb2.HopUse(
        link=link,
        delay_ns=plan_pb2.DelayNs(a_to_z=there, z_to_a=back),
        capacity_bps=rates(100, 100),
        reserved_bps=rates(4, 4),
        free_bps=rates(*free_mbps),
    )


def drawn(*paths, width=80):
    lines = list(route_map(paths, "dc-a", "dc-z", width))
    assert all(isinstance(one, Text) for one in lines)
    assert max(len(one.plain) for one in lines) <= width
    return [one.plain for one in lines]


def path(role, nodes, *hops):
    return describe_pb2.PathUse(role=role, nodes=nodes.split(), hops=hops)


def test_the_map_has_the_nodes_in_order_with_the_links_between():
    assert drawn(path("working", "pe-a p-m pe-z", hop("l-1"), hop("l-22", (2, 3), (80, 90)))) == [
        "  dc-a",
        "  │",
        "  ● pe-a",
        "  │  l-1       1ms  holds 4Mbps, 90Mbps free of 100Mbps",
        "  ● p-m",
        "  │  l-22  2ms/3ms  holds 4Mbps, 80Mbps/90Mbps free of 100Mbps",
        "  ● pe-z",
        "  │",
        "  dc-z",
    ]


def test_figures_go_to_a_line_of_their_own_on_a_narrow_terminal():
    lines = drawn(path("working", "pe-a pe-z", hop("l-1")), width=44)
    assert lines[3:5] == ["  │  l-1  1ms", "  │    holds 4Mbps, 90Mbps free of 100Mbps"]


def test_a_protect_path_stands_alongside():
    working = path("working", "pe-a pe-z", hop("short"))
    protect = path("protect", "pe-a p-m pe-z", hop("up", (5, 5), (7, 7)), hop("down", (6, 6)))
    assert drawn(working, protect, width=60) == [
        "  dc-a",
        "  │",
        "  ● pe-a",
        "  │ working        │ protect",
        "  │ short  1ms     │ up  5ms",
        "  │ 90Mbps free    │ 7Mbps free",
        "  │                ○ p-m",
        "  │                │ down  6ms",
        "  │                │ 90Mbps free",
        "  ● pe-z",
        "  │",
        "  dc-z",
    ]


def test_a_line_within_one_pe_and_one_without_a_place_have_short_maps():
    assert drawn(path("working", "pe-a")) == ["  dc-a", "  │", "  ● pe-a", "  │", "  dc-z"]
    assert list(route_map([], "dc-a", "dc-z", 80)) == []


def test_into_a_pipe_which_has_no_width_the_columns_are_as_wide_as_their_words():
    working, protect = path("working", "pe-a pe-z", hop("short")), path("protect", "pe-a p-m pe-z", hop("u"), hop("d"))
    assert drawn(working, protect, width=10_000) == drawn(working, protect, width=80)
