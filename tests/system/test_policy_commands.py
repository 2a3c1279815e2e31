"""Egress policies on the command line of a server: the example of the China backbone, from file to file."""

from __future__ import annotations

import json

import pytest
import yaml
from running.command import ROOT, trunkline, write
from running.simulated import simulated

BACKBONE = ROOT / "topologies" / "china-backbone.yaml"
EGRESS = ROOT / "intents" / "china-egress.yaml"
NAMES = [
    f"egresspolicy/backbone/{name}" for name in ("east-to-na", "gd-to-na", "north-to-europe", "xj-to-central-asia")
]
GUANGDONG = NAMES[1]


@pytest.fixture(scope="module")
def server(processes):
    with simulated(processes, BACKBONE) as made:
        made.start()
        yield made


@pytest.fixture(autouse=True)
def applied(server, monkeypatch):
    """Each test begins with the example, and no other intent, in generations of its own."""
    monkeypatch.setenv("TRUNKLINE_SERVER", server.server)
    there = [row.split()[0] for row in trunkline("get").out.splitlines() if "/" in row]
    if there:
        assert trunkline("delete", *there).code == 0
    done = trunkline("apply", "-f", EGRESS)
    assert (done.code, done.err) == (0, "")
    return server


def shown(*arguments):
    answer = trunkline(*arguments, "-o", "json")
    assert (answer.code, answer.err) == (0, ""), answer
    return json.loads(answer.out)


def changed(tmp_path, **spec):
    """A file of the example with other values in the policy of Guangdong."""
    documents = list(yaml.safe_load_all(EGRESS.read_text()))
    documents[0]["spec"] |= spec
    return write(tmp_path / "changed.yaml", *documents)


def test_what_is_listed_can_be_named_again(tmp_path):
    lines = trunkline("get").out.splitlines()
    assert lines[0].split() == ["POLICY", "CLASS", "FROM", "TO", "DEMAND", "STATE", "CARRIED", "GATEWAYS"]
    assert [line.split()[0] for line in lines[1:5]] == NAMES
    (unknown,) = lines[5:]
    assert unknown.startswith("4 policies are shown as planned, not steered: no prefix is known to be where it goes")
    assert "400Gbps  ACTIVE  400Gbps" in lines[2]
    (one,) = shown("get", GUANGDONG)["intents"]
    assert (one["kind"], one["metadata"]["name"], one["status"]["state"]) == ("EgressPolicy", "gd-to-na", "ACTIVE")
    assert one["spec"]["demandBps"] == sum(part["rateBps"] for part in one["status"]["assignments"]) == 400 * 10**9
    written = write(tmp_path / "again.yaml", trunkline("get", "egresspolicies", "-o", "yaml").out)
    assert trunkline("diff", "-f", written).code == 0
    assert trunkline("get", "privatelines").out == "no intents\n"


def test_lines_and_policies_stand_in_one_list_each_in_its_table(tmp_path):
    line = """
apiVersion: trunkline/v1
kind: PrivateLine
metadata: {tenant: acme, name: bj-tj}
spec: {a: {site: dc-bj-1, vlan: 7}, z: {site: dc-tj-1, vlan: 7}, bandwidth: 1Gbps}
"""
    file = write(tmp_path / "both.yaml", line, EGRESS.read_text())
    plan = shown("plan", "-f", file)
    assert [one["kind"] for one in plan["intents"]] == ["PrivateLine"] + 4 * ["EgressPolicy"]
    assert trunkline("apply", "-f", file).code == 0
    heads = [row.split()[0] for row in trunkline("get").out.splitlines() if row and not row.startswith("egress")]
    assert heads == ["INTENT", "acme/bj-tj", "POLICY", "4"]  # the last: of how many policies no prefix is known
    assert "intents: 5 ACTIVE" in trunkline("status").out
    assert [row.split()[0] for row in trunkline("get", "egresspolicies").out.splitlines()[1:5]] == NAMES


def test_describe_and_explain_tell_where_it_leaves():
    words = trunkline("describe", GUANGDONG).out
    assert "EgressPolicy backbone/gd-to-na" in words
    assert "pe-gz by igw-sh: 179Gbps, 80.26ms" in words
    assert "APPLYING" in words
    why = trunkline("explain", GUANGDONG)
    assert (why.code, why.out.splitlines()[0]) == (0, "backbone/gd-to-na: is carried (at most 180ms one way)")
    assert "trunkline egress why" in why.out
    (found,) = shown("explain", GUANGDONG)["intents"]
    assert sum(one["rateBps"] for one in found["assignments"]) == 400 * 10**9


def test_a_change_is_seen_before_and_after_and_taken_back(tmp_path):
    file = changed(tmp_path, demand="300Gbps")
    seen = trunkline("diff", "-f", file)
    assert (seen.code, seen.out.splitlines()[1]) == (2, "  spec.demand: 400Gbps -> 300Gbps")
    assert trunkline("apply", "-f", file).code == 0
    assert trunkline("history", GUANGDONG).out.splitlines()[-1] == "    spec.demand: 400Gbps -> 300Gbps"
    assert trunkline("rollback", GUANGDONG).code == 0
    assert trunkline("diff", "-f", EGRESS).code == 0


def test_what_is_wrong_is_told_with_file_and_line(tmp_path):
    other = """
apiVersion: trunkline/v1
kind: EgressPolicy
metadata: {tenant: other, name: twice}
spec:
  from: {nodes: [pe-gz]}
  to:
    region: north-america
  demand: 1Gbps
  class: gold
"""
    file = write(tmp_path / "twice.yaml", other)
    for command in ("apply", "plan", "explain"):
        answer = trunkline(command, "-f", file)
        assert answer.code == 1
        where = f"{file}:7: spec.to: gold traffic from pe-gz to region north-america is what "
        assert answer.err == f"{where}EgressPolicy backbone/gd-to-na is for, too [INVALID_VALUE]\n"
    file.write_text(other.replace("north-america", "north-amerika").replace("pe-gz", "pe-gx"))
    answer = trunkline("apply", "-f", file)
    assert [line.split(": ")[0].rpartition(":")[2] for line in answer.err.splitlines()] == ["6", "8"]
    assert "did you mean 'north-america'?" in answer.err


def test_what_cannot_be_carried_is_refused_with_what_would_do(tmp_path):
    file = changed(tmp_path, demand="5Tbps")
    planned = trunkline("plan", "-f", file)
    assert (planned.code, "GATEWAY_CAPACITY" in planned.out) == (2, True)
    refused = trunkline("apply", "-f", file)
    assert refused.code == 1
    assert "would do: spec.demand: " in refused.err
    assert trunkline("diff", "-f", EGRESS).code == 0


def test_names_that_are_none_are_told():
    answer = trunkline("get", "tunnel/backbone/gd-to-na")
    assert answer.code == 1
    assert "write TENANT/NAME, as in acme/bj-sh-gold, or egresspolicy/TENANT/NAME" in answer.err
    assert "there is no EgressPolicy backbone/nobody" in trunkline("delete", "egresspolicy/backbone/nobody").err
