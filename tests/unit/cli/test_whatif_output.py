"""What ``trunkline whatif`` prints: the JSON that scripts rely on, key by key, tables, exit codes, and wrong uses."""

from __future__ import annotations

import json

import pytest
import yaml
from running.command import EVPL, INFEASIBLE, LAB_SMALL, line, topology, trunkline, write

FATES = [
    "DELAY_BOUND_UNREACHABLE",
    "END_FAILED",
    "NO_BANDWIDTH",
    "NO_PATH",
    "REPLACED",
    "SEARCH_LIMIT",
    "SWITCHED",
    "UNPROTECTED",
]


@pytest.fixture
def square(tmp_path):
    """West and east by a short way in the north or one of 60 Mbps in the south; the link n-e and the node n-e."""
    return write(
        tmp_path / "square.yaml",
        topology(
            "square",
            nodes=[
                {"name": name, "role": "pe", "device": {"driver": "openflow", "datapathId": f"{number:016}"}}
                for number, name in enumerate(("west", "east", "north", "south"), 1)
            ],
            links=[
                {"name": name, "a": a, "z": z, "aPort": port, "zPort": port, "capacity": capacity, "delay": delay}
                for port, (name, a, z, capacity, delay) in enumerate(
                    (
                        ("w-n", "west", "north", "100Mbps", "1ms"),
                        ("north", "north", "east", "100Mbps", "1ms"),
                        ("w-s", "west", "south", "60Mbps", "3ms"),
                        ("s-e", "south", "east", "60Mbps", "3ms"),
                    ),
                    1,
                )
            ],
            sites=[
                {"name": f"{node}-{number}", "node": node, "port": 10 + number}
                for node in ("west", "east")
                for number in (1, 2, 3)
            ],
        ),
    )


@pytest.fixture
def orders(tmp_path):
    return write(
        tmp_path / "orders.yaml",
        line("first", "west-1", "east-1", "40Mbps", priority=0),
        line("fast", "west-2", "east-2", "10Mbps", maxDelay="5ms"),
        line("wide", "west-3", "east-3", "50Mbps"),
    )


def whatif(topology_file, orders_file, *more, output="json"):
    return trunkline("whatif", "-t", topology_file, "-f", orders_file, *more, "-o", output)


def test_json_of_one_failure(square, orders):
    outcome = whatif(square, orders, "--fail", "w-n")
    assert (outcome.code, outcome.err) == (2, "")
    overloads = [
        {"link": link, "direction": direction, "excessBps": 30_000_000}
        for link in ("s-e", "w-s")
        for direction in ("aToZ", "zToA")
    ]
    shown = json.loads(outcome.out)
    shown["failures"][0]["overloads"].sort(key=lambda over: (over["link"], over["direction"]))

    def hit(name, fate):
        then = {"before": {"aToZ": 2000.0, "zToA": 2000.0}, "after": {"aToZ": 6000.0, "zToA": 6000.0}}
        return {"kind": "PrivateLine", "tenant": "acme", "name": name, "fate": fate, "delayUs": then}

    lost = {"kind": "PrivateLine", "tenant": "acme", "hitBy": 1, "lostBy": 1, "lostTo": ["link/w-n"]}
    assert shown == {
        "topology": "square",
        "lines": 3,
        "failures": [
            {
                "failure": [{"element": "link", "name": "w-n"}],
                "hit": 3,
                "survive": 1,
                "lost": 2,
                "ended": 0,
                "fates": dict.fromkeys(FATES, 0) | {"REPLACED": 1, "NO_BANDWIDTH": 1, "DELAY_BOUND_UNREACHABLE": 1},
                "worstDelayUs": 6000.0,
                "worstExtraDelayUs": 4000.0,
                "overloads": overloads,
                "lines": [
                    hit("first", "REPLACED"),
                    hit("wide", "NO_BANDWIDTH"),
                    hit("fast", "DELAY_BOUND_UNREACHABLE"),
                ],
            }
        ],
        "atRisk": [lost | {"name": "fast"}, lost | {"name": "wide"}],
        "infeasible": [],
    }
    assert yaml.safe_load(whatif(square, orders, "--fail", "w-n", output="yaml").out).keys() == shown.keys()


def test_every_single_failure_the_worst_first(square, orders):
    outcome = whatif(square, orders, "--all-single")
    failures = json.loads(outcome.out)["failures"]
    assert len(failures) == 8
    lost = [one["lost"] for one in failures]
    assert lost == sorted(lost, reverse=True)
    assert [one["failure"][0]["name"] for one in failures][:5] == ["north", "w-n", "north", "east", "west"]
    assert [one["hit"] for one in failures][5:] == [0, 0, 0]
    assert whatif(square, orders).out == outcome.out


def test_table(square, orders):
    outcome = whatif(square, orders, "--fail", "link/north", "--fail", "south", "--lines", output="table")
    assert outcome.code == 2
    assert outcome.out == (
        "FAILURE                HIT  SURVIVE  WORST DELAY  LONGER BY  CUT OFF  OVERLOADS\n"
        "link/north+node/south  3    0        -            -          3\n"
        "\n"
        "link/north+node/south:\n"
        "LINE        FATE     DELAY NOW  DELAY THEN\n"
        "acme/first  NO_PATH  2ms        -\n"
        "acme/wide   NO_PATH  2ms        -\n"
        "acme/fast   NO_PATH  2ms        -\n"
        "\n"
        "LINE AT RISK  HIT BY  LOST BY  LOST TO\n"
        "acme/fast     1       1        link/north+node/south\n"
        "acme/first    1       1        link/north+node/south\n"
        "acme/wide     1       1        link/north+node/south\n"
        "\n"
        "1 failure tried on 3 lines: lines are hit by 1, lost by 1; 3 lines at risk\n"
    )


def test_all_is_well(square, tmp_path):
    one = write(tmp_path / "one.yaml", line("first", "west-1", "east-1", "40Mbps"))
    outcome = whatif(square, one, output="table")
    assert outcome.code == 0
    assert outcome.out.endswith(
        "8 failures tried on 1 line: lines are hit by 5; none is lost while both its ends stand\n"
    )


def test_infeasible_intents_are_listed_and_left_out():
    outcome = whatif(LAB_SMALL, INFEASIBLE)
    shown = json.loads(outcome.out)
    assert outcome.code == 2
    assert shown["lines"] == 0
    assert {one["name"] for one in shown["infeasible"]} == {"bj-cd-too-fast", "sh-gz-too-wide"}
    assert all(one["reasons"][0]["relaxations"] for one in shown["infeasible"])
    table = whatif(LAB_SMALL, INFEASIBLE, output="table").out
    assert "left out, as there is no place for them even without a failure:" in table
    assert "[NO_BANDWIDTH]" in table


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["-t", LAB_SMALL], "name one with -f FILE"),
        (["-f", EVPL], "-f goes with -t TOPOLOGY"),
        (["-t", LAB_SMALL, "-f", EVPL, "--fail", "bj-nj", "--all-single"], "exclude each other"),
        (["-t", LAB_SMALL, "-f", EVPL, "--fail", "bj-nn"], "--fail: there is no link, node or SRLG 'bj-nn'"),
        (["-t", LAB_SMALL, "-f", EVPL, "--fail", "bj-nn"], "did you mean 'bj-nj'? [REFERENCE_NOT_FOUND]"),
        (["-t", LAB_SMALL, "-f", EVPL, "--fail", ""], "[REFERENCE_NOT_FOUND]"),
        (["-t", "/nowhere", "-f", EVPL], "/nowhere"),
        (["--server", "unix:/nowhere"], "no Trunkline server answers"),
    ],
)
def test_wrong_uses_are_errors_that_say_what_is_right(arguments, message):
    outcome = trunkline("whatif", *arguments)
    assert (outcome.code, outcome.out) == (1, "")
    assert message in outcome.err


def test_a_name_of_two_things_is_refused_with_both(square, orders):
    outcome = whatif(square, orders, "--fail", "north")
    assert outcome.code == 1
    assert "'north' names several things: write link/north or node/north [INVALID_VALUE]" in outcome.err
