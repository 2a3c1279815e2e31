"""What ``trunkline plan`` prints: the JSON that scripts rely on, key by key, and the tables that people read."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys

import pytest
import yaml
from running.command import EPL, EVPL, INFEASIBLE, LAB_SMALL, ROOT, line, plan, topology, write

NUMBER = (int, float)
PATH = {
    "role": str,
    "nodes": [str],
    "links": [str],
    "delayUs": {"aToZ": NUMBER, "zToA": NUMBER},
    "reservedBps": {"aToZ": int, "zToA": int},
}
FREE = {"link": str, "freeBps": {"aToZ": int, "zToA": int}}
FEASIBLE = {"kind": str, "tenant": str, "name": str, "feasible": bool, "paths": [PATH]}
REFUSED = {
    "kind": str,
    "tenant": str,
    "name": str,
    "feasible": bool,
    "reasons": [
        {
            "reason": str,
            "message": str,
            "relaxations": [{"field": str, "value": str}],
            "binding": {"links": [FREE], "nodes": [str], "srlgs": [str]},
        }
    ],
}
LINK = {"link": str, "direction": str, "capacityBps": int, "reservedBps": int, "egressBps": int}
LINK |= {"layer": str, "slotsUsed": int}
DEVICE = {"device": str, "driver": str, "changes": [{"op": str, "what": str}]}
ROUND = {"round": str, "devices": [str], "changes": int}


def assert_shape(value, shape):
    """Exactly these keys, in this order, with values of these types."""
    if isinstance(shape, dict):
        assert list(value) == list(shape)
        for key, inner in shape.items():
            assert_shape(value[key], inner)
    elif isinstance(shape, list):
        assert isinstance(value, list)
        for item in value:
            assert_shape(item, shape[0])
    else:
        assert isinstance(value, shape)
        assert isinstance(value, bool) == (shape is bool)


@pytest.fixture
def two_ways(tmp_path):
    """West and east by a short link, or by way of south; nothing is round, and each link crossed costs 50 us more."""
    return write(
        tmp_path / "two-ways.yaml",
        topology(
            "two-ways",
            hopDelay="50us",
            overheadFactor=1.1,
            nodes=[
                {"name": "west", "role": "pe", "device": {"driver": "openflow", "datapathId": "0000000000000001"}},
                {"name": "east", "role": "pe", "device": {"driver": "openflow", "datapathId": "0000000000000002"}},
                {"name": "south", "role": "p", "device": {"driver": "openflow", "datapathId": "0000000000000003"}},
            ],
            links=[
                {
                    "name": "short",
                    "a": "west",
                    "z": "east",
                    "aPort": 1,
                    "zPort": 1,
                    "capacity": {"aToZ": "10Mbps", "zToA": "20Mbps"},
                    "delay": {"aToZ": "1234567ns", "zToA": "2ms"},
                },
                {"name": "ws", "a": "south", "z": "west", "aPort": 1, "zPort": 2, "capacity": "1Gbps", "delay": "4ms"},
                {"name": "se", "a": "south", "z": "east", "aPort": 2, "zPort": 2, "capacity": "1Gbps", "delay": "5ms"},
            ],
            sites=[
                {"name": "w", "node": "west", "port": 11},
                {"name": "e", "node": "east", "port": 11},
                {"name": "e2", "node": "east", "port": 12},
            ],
        ),
    )


def feasible(name, nodes, links, delay_us, reserved_bps):
    path = {
        "role": "working",
        "nodes": nodes,
        "links": links,
        "delayUs": dict(zip(("aToZ", "zToA"), delay_us, strict=True)),
        "reservedBps": dict(zip(("aToZ", "zToA"), reserved_bps, strict=True)),
    }
    return {"kind": "PrivateLine", "tenant": "acme", "name": name, "feasible": True, "paths": [path]}


def use(link, direction, capacity_bps, reserved_bps):
    return {
        "link": link,
        "direction": direction,
        "capacityBps": capacity_bps,
        "reservedBps": reserved_bps,
        "egressBps": 0,
        "layer": "packet",
        "slotsUsed": 0,
    }


def test_a_plan_to_the_last_digit(tmp_path, two_ways):
    # Planned in the order hasty, wide (larger first, then by name), narrow, late.
    intents = write(
        tmp_path / "lines.yaml",
        line("late", ("w", 1), ("e", 1), "2Mbps", maxDelay="5ms"),
        line("narrow", ("w", 2), ("e", 2), {"aToZ": "3Mbps", "zToA": "1Mbps"}),
        line("wide", ("e2", 3), ("w", 3), "8Mbps", maxDelay="10ms"),
        line("hasty", ("w", 4), ("e", 4), "8Mbps", maxDelay="5ms"),
    )
    answer = plan(two_ways, intents)
    assert (answer.code, answer.err) == (2, "")
    shown = json.loads(answer.out)
    (refusal,) = shown["intents"][0].pop("reasons")
    devices, rounds = shown.pop("devices"), shown.pop("rounds")
    assert [part["round"] for part in rounds] == ["prepare", "flip"]
    assert shown == {
        "topology": "two-ways",
        "feasible": False,
        "intents": [
            {"kind": "PrivateLine", "tenant": "acme", "name": "late", "feasible": False},
            feasible("narrow", ["west", "south", "east"], ["ws", "se"], (9100, 9100), (3_300_000, 1_100_000)),
            feasible("wide", ["east", "south", "west"], ["se", "ws"], (9100, 9100), (8_800_000, 8_800_000)),
            feasible("hasty", ["west", "east"], ["short"], (1284.567, 2050), (8_800_000, 8_800_000)),
        ],
        "links": [
            use("se", "aToZ", 10**9, 12_100_000),
            use("se", "zToA", 10**9, 9_900_000),
            use("short", "aToZ", 10_000_000, 8_800_000),
            use("short", "zToA", 20_000_000, 8_800_000),
            use("ws", "aToZ", 10**9, 9_900_000),
            use("ws", "zToA", 10**9, 12_100_000),
        ],
    }
    assert refusal["reason"] == "DELAY_BOUND_UNREACHABLE"
    assert sorted((one["field"], one["value"]) for one in refusal["relaxations"]) == [
        ("spec.bandwidth", "1.090909Mbps"),
        ("spec.maxDelay", "9.1ms"),
    ]
    assert [(device["device"], device["driver"]) for device in devices] == [
        ("east", "openflow"),
        ("south", "openflow"),
        ("west", "openflow"),
    ]
    assert {change["op"] for device in devices for change in device["changes"]} == {"add"}
    # South switches two trunks, one each way, though two lines ride them.
    assert len(devices[1]["changes"]) == 2


def test_a_protected_line_is_shown_with_both_its_routes(tmp_path, two_ways):
    file = write(tmp_path / "gold.yaml", line("gold", "w", "e", "2Mbps", protection="1:1"))
    shown = json.loads(plan(two_ways, file).out)
    (verdict,) = shown["intents"]
    assert_shape(verdict, FEASIBLE)
    reserved = (2_200_000, 2_200_000)
    working = feasible("gold", ["west", "east"], ["short"], (1284.567, 2050), reserved)["paths"]
    protect = feasible("gold", ["west", "south", "east"], ["ws", "se"], (9100, 9100), reserved)["paths"]
    assert verdict["paths"] == [*working, *({**path, "role": "protect"} for path in protect)]
    assert {use["reservedBps"] for use in shown["links"]} == {2_200_000}
    table = plan(two_ways, file, output="table").out
    assert [row.split()[:2] for row in table.splitlines()[1:3]] == [["acme/gold", "feasible"], ["acme/gold", "protect"]]
    assert table.count("fast-failover -> while port") == 2  # one group at each end


@pytest.mark.parametrize(("files", "code"), [((EPL, EVPL), 0), ((EPL, INFEASIBLE), 2)])
def test_the_json_has_exactly_these_keys(files, code):
    answer = plan(LAB_SMALL, *files)
    assert (answer.code, answer.err) == (code, "")
    shown = json.loads(answer.out)
    assert list(shown) == ["topology", "feasible", "intents", "links", "devices", "rounds"]
    assert shown["feasible"] is (code == 0)
    for verdict in shown["intents"]:
        for refusal in verdict.get("reasons", ()):
            # The least delay that can be had is told where delay binds.
            assert ("leastDelayUs" in refusal["binding"]) == (refusal["reason"] == "DELAY_BOUND_UNREACHABLE")
            assert isinstance(refusal["binding"].pop("leastDelayUs", 0.0), NUMBER)
        assert_shape(verdict, FEASIBLE if verdict["feasible"] else REFUSED)
        assert verdict["feasible"] or verdict["reasons"]
    assert_shape(shown["links"], [LINK])
    assert_shape(shown["devices"], [DEVICE])
    assert_shape(shown["rounds"], [ROUND])
    links = [link["name"] for link in yaml.safe_load(LAB_SMALL.read_text())["spec"]["links"]]
    both_ways = {(name, direction) for name in links for direction in ("aToZ", "zToA")}
    assert {(use["link"], use["direction"]) for use in shown["links"]} == both_ways
    assert len(shown["links"]) == len(both_ways)
    assert {change["op"] for device in shown["devices"] for change in device["changes"]} <= {"add", "modify", "delete"}


def test_yaml_says_what_json_says():
    assert yaml.safe_load(plan(LAB_SMALL, EPL, INFEASIBLE, output="yaml").out) == json.loads(
        plan(LAB_SMALL, EPL, INFEASIBLE).out
    )


@pytest.mark.parametrize("seed", range(3))
def test_the_order_of_files_and_documents_changes_nothing(tmp_path, seed):
    shuffled = random.Random(seed)
    documents = [text for file in (EPL, EVPL, INFEASIBLE) for text in file.read_text().split("\n---\n")]
    shuffled.shuffle(documents)
    spread = [documents[:4], documents[4:5], documents[5:]]
    files = [write(tmp_path / f"{number}.yaml", *part) for number, part in enumerate(spread)]
    assert in_one_order(plan(LAB_SMALL, *files)) == in_one_order(plan(LAB_SMALL, EPL, EVPL, INFEASIBLE))


def in_one_order(answer):
    """Verdicts stand as they were asked for; everything else must be the same to the byte."""
    shown = json.loads(answer.out)
    shown["intents"].sort(key=lambda verdict: (verdict["tenant"], verdict["name"]))
    return json.dumps(shown)


def test_the_same_bytes_whatever_the_hash_seed():
    command = [sys.executable, "-m", "controller", "plan", "-t", LAB_SMALL, "-f", EPL, "-f", EVPL, "-o", "json"]
    outputs = {
        subprocess.run(
            command, cwd=ROOT, env={**os.environ, "PYTHONHASHSEED": seed}, capture_output=True, check=True
        ).stdout
        for seed in ("0", "1", "4711")
    }
    assert len(outputs) == 1


def test_the_table_names_every_intent_and_why_not(tmp_path):
    one = write(tmp_path / "one.yaml", line("xa-sh", "dc-xa-1", "dc-sh-2", {"aToZ": "6Mbps", "zToA": "2Mbps"}))
    answer = plan(LAB_SMALL, one, INFEASIBLE, output="table")
    assert answer.code == 2
    lines = answer.out.splitlines()
    assert lines[0].split() == ["INTENT", "VERDICT", "RESERVES", "DELAY", "ROUTE"]
    assert lines[1].split()[:4] == ["acme/xa-sh", "feasible", "6Mbps/2Mbps", "10.8ms"]
    assert lines[1].split()[4:] == ["pe-xa", "p-zz", "p-wh", "p-nj", "pe-sh"]
    assert lines[2].split() == ["acme/bj-cd-too-fast", "DELAY_BOUND_UNREACHABLE"]
    (why,) = [text for text in lines if text.startswith("acme/bj-cd-too-fast: ")]
    assert why.endswith("[DELAY_BOUND_UNREACHABLE]")  # nothing is folded where nobody looks at a terminal
    assert "    would do: spec.maxDelay: 11.1ms" in lines
    rules = len([text for text in lines if text.split()[1:2] == ["add"]])
    assert lines[-1] == f"{rules} rules change on 5 devices"


def test_many_rules_are_counted_not_listed():
    shown = json.loads(plan(LAB_SMALL, EPL, EVPL).out)
    lines = plan(LAB_SMALL, EPL, EVPL, output="table").out.splitlines()
    total = 0
    for device in shown["devices"]:
        (row,) = [text.split() for text in lines if text.split()[:1] == [device["device"]]]
        assert row[1:] == [str(len(device["changes"])), "0", "0"]
        total += len(device["changes"])
    assert lines[-1] == f"{total} rules change on {len(shown['devices'])} devices; -o json lists them"


ASSIGNMENT = {
    "from": str,
    "gateway": str,
    "class": str,
    "rateBps": int,
    "delayUs": NUMBER,
    "nodes": [str],
    "links": [str],
}


def test_egress_policies_in_json_have_exactly_these_keys():
    answer = plan(ROOT / "topologies/china-backbone.yaml", ROOT / "intents/china-egress.yaml")
    shown = json.loads(answer.out)
    assert answer.code == 0
    for verdict in shown["intents"]:
        assert_shape(verdict, {**{key: FEASIBLE[key] for key in list(FEASIBLE)[:4]}, "assignments": [ASSIGNMENT]})
    sent = {}
    for verdict in shown["intents"]:
        assert sum(one["rateBps"] for one in verdict["assignments"]) % 10**9 == 0
        for one in verdict["assignments"]:
            for link in one["links"]:
                sent[link] = sent.get(link, 0) + one["rateBps"]
    over_links = {}
    for use in shown["links"]:
        over_links[use["link"]] = over_links.get(use["link"], 0) + use["egressBps"]
    assert {link: bps for link, bps in over_links.items() if bps} == sent


def test_people_see_what_leaves_where():
    answer = plan(ROOT / "topologies/china-backbone.yaml", ROOT / "intents/china-egress.yaml", output="table")
    (line_shown,) = [one for one in answer.out.splitlines() if one.startswith("backbone/xj-to-central-asia  bulk")]
    assert "igw-ur" in line_shown
    assert "60Gbps" in line_shown
