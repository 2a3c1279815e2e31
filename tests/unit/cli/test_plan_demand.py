"""``trunkline plan --demand``: the matrix gives rates, what no policy is for has a key of its own, and bad input."""

import csv
import json
from collections import Counter, defaultdict

import pytest
from running.command import LAB_SMALL, ROOT, plan, trunkline, write

from controller.documents import load_topology
from controller.domain.units import parse_rate_bps

BACKBONE = ROOT / "topologies" / "china-backbone.yaml"
POLICIES = ROOT / "intents" / "china-egress.yaml"
DEMAND = ROOT / "intents" / "china-demand.csv"
COVERED = {
    "gd-to-na": {("guangdong", "north-america", "gold")},
    "east-to-na": {(region, "north-america", "bulk") for region in ("shanghai", "jiangsu", "zhejiang")},
    "north-to-europe": {(region, "europe", "silver") for region in ("beijing", "shaanxi", "sichuan")},
}


GOLD = """
apiVersion: trunkline/v1
kind: EgressPolicy
metadata: {tenant: backbone, name: gold}
spec: {from: {nodes: [pe-ur]}, to: {region: central-asia}, demand: 60Gbps, class: gold}
"""


def planned(*options, policies=POLICIES):
    return trunkline("plan", "-t", BACKBONE, "-f", policies, *options)


def matrix():
    with DEMAND.open() as file:
        return {
            (row["source"], row["destination"], row["class"]): parse_rate_bps(row["rate"])
            for row in csv.DictReader(file)
        }


def test_rates_are_those_of_the_matrix_summed_independently():
    answer = planned("--demand", DEMAND, "-o", "json")
    assert (answer.code, answer.err) == (0, "")
    found, rates = json.loads(answer.out), matrix()
    region = {node.name: node.region for node in load_topology(BACKBONE).nodes}
    sums = {verdict["name"]: sum(one["rateBps"] for one in verdict["assignments"]) for verdict in found["intents"]}
    by_rows = {name: sum(rates[flow] for flow in flows) for name, flows in COVERED.items()}
    assert sums == {**by_rows, "xj-to-central-asia": 60 * 10**9}  # which the matrix says nothing of
    others = {
        (region[one["from"]], one["to"], one["class"]): (one["demandBps"], one["carriedBps"], one["reasons"])
        for one in found["egress"]["unpoliced"]
    }
    rest = set(rates) - set.union(*COVERED.values())
    assert others == {flow: (rates[flow], rates[flow], []) for flow in rest}


def test_caps_and_links_count_both_kinds_of_traffic():
    found = json.loads(planned("--demand", DEMAND, "-o", "json").out)
    everything = [one for verdict in found["intents"] for one in verdict["assignments"]]
    everything += [share for one in found["egress"]["unpoliced"] for share in one["assignments"]]
    at_gateway, on_link = Counter(), Counter()
    for one in everything:
        at_gateway[one["gateway"]] += one["rateBps"]
        for link in one["links"]:
            on_link[link] += one["rateBps"]
    capacity = {gateway.name: gateway.capacity_bps for gateway in load_topology(BACKBONE).gateways}
    assert all(load * 100 <= capacity[name] * 95 for name, load in at_gateway.items())
    told = defaultdict(int)
    for use in found["links"]:
        told[use["link"]] += use["egressBps"]
    assert {name: bps for name, bps in told.items() if bps} == on_link


def test_the_json_without_a_matrix_is_as_it_was():
    without, with_it = (json.loads(planned(*more, "-o", "json").out) for more in ((), ("--demand", DEMAND)))
    assert [*without, "egress"] == list(with_it)
    assert [verdict["name"] for verdict in without["intents"]] == [verdict["name"] for verdict in with_it["intents"]]


@pytest.fixture
def gold(tmp_path):
    return write(tmp_path / "gold.yaml", GOLD)


def test_the_table_lists_what_has_no_policy_and_what_is_not_carried(tmp_path, gold):
    file = tmp_path / "m.csv"
    file.write_text("source,destination,class,rate\npe-km,south-asia,,5Gbps\npe-ur,central-asia,gold,3Tbps\n")
    answer = planned("--demand", file, policies=gold)
    lines = answer.out.splitlines()
    assert any(line.split()[:5] == ["pe-km", "south-asia", "bulk", "5Gbps", "5Gbps"] for line in lines)
    assert answer.code == 2
    assert any("of 3Tbps are not carried" in line for line in lines)
    assert "would do: spec.demand" not in answer.out  # the matrix says how much it is, not the policy


def test_too_much_without_a_policy_is_told_and_takes_nothing_from_a_better_class(tmp_path, gold):
    file = tmp_path / "m.csv"
    file.write_text("source,destination,class,rate\npe-ur,russia,bulk,9Tbps\n")
    answer = planned("--demand", file, policies=gold)
    assert answer.code == 0
    assert "bulk from pe-ur to russia: " in answer.out
    assert "[GATEWAY_CAPACITY]" in answer.out


def test_a_policy_of_which_the_matrix_says_that_nothing_is_sent_is_listed(tmp_path, gold):
    file = tmp_path / "m.csv"
    file.write_text("source,destination,class,rate\npe-ur,central-asia,gold,0bps\n")
    answer = planned("--demand", file, policies=gold)
    assert answer.code == 0
    assert [line.split() for line in answer.out.splitlines()][1] == ["backbone/gold", "feasible", "0bps"]


def test_faults_have_file_and_line(tmp_path):
    file = tmp_path / "m.csv"
    file.write_text("source,destination,rate\npe-km,south-asia,-5Gbps\n")
    answer = planned("--demand", file)
    assert answer.code == 1
    assert answer.err.startswith(f"{file}:2: rate: '-5Gbps' is not a rate")
    assert answer.err.endswith("[INVALID_VALUE]\n")


@pytest.mark.parametrize("options", [(), ("--server", "127.0.0.1:1")])
def test_a_matrix_needs_a_topology(options):
    answer = trunkline("plan", "-f", POLICIES, "--demand", DEMAND, *options)
    assert answer.code == 1
    assert "--demand is for offline plans so far: give -t TOPOLOGY" in answer.err


def test_a_network_without_gateways_has_no_destinations(tmp_path):
    file = tmp_path / "m.csv"
    file.write_text("source,destination,rate\npe-bj,japan,1Gbps\n")
    answer = trunkline("plan", "-t", LAB_SMALL, "-f", ROOT / "intents" / "lab-small-epl.yaml", "--demand", file)
    assert answer.code == 1
    assert f"{file}:2: " in answer.err
    assert plan(LAB_SMALL, ROOT / "intents" / "lab-small-epl.yaml").code == 0
