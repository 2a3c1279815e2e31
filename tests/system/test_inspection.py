"""``explain`` and ``describe`` against a server: the API and the commands."""

from __future__ import annotations

import json

import grpc
import pytest
from running.command import EPL, EVPL, INFEASIBLE, LAB_SMALL, line, trunkline, write
from running.lines import line as ring_line
from running.simulated import simulated
from running.terminal import on_a_terminal, plain

from controller.domain.rule_words import rule_words
from controller.wire.gen.trunkline.v1 import explain_pb2
from controller.wire.gen.trunkline.v1 import intent_pb2 as pb
from controller.wire.intents import line_to_wire
from controller.wire.names import intent_name

ALL = ["acme/bj-gz", "acme/sh-cd", "acme/xa-sh", "harbor/cd-gz", "harbor/sh-gz", "harbor/xa-bj"]
ALL += ["nimbus/bj-cd", "nimbus/bj-gz", "nimbus/bj-sh"]


@pytest.fixture(scope="module")
def net(processes):
    """Nobody here changes the lines that are applied first."""
    with simulated(processes, LAB_SMALL) as made:
        made.start()
        assert trunkline("apply", "-f", EPL, "-f", EVPL, "--server", made.server).code == 0
        yield made


@pytest.fixture(autouse=True)
def here(net, monkeypatch):
    monkeypatch.setenv("TRUNKLINE_SERVER", net.server)
    before = net.tables()
    yield
    assert net.tables() == before


def shown(*arguments, code=0):
    answer = trunkline(*arguments, "-o", "json")
    assert (answer.code, answer.err) == (code, ""), answer
    return json.loads(answer.out)


# describe


def test_describe_tells_what_a_line_holds_of_each_link():
    one = shown("describe", "nimbus/bj-gz")
    (route,) = one["routes"]
    assert [hop["link"] for hop in route["hops"]] == one["status"]["paths"][0]["links"]
    assert sum(hop["delayUs"]["aToZ"] for hop in route["hops"]) == one["status"]["paths"][0]["delayUs"]["aToZ"]
    links = shown("plan", "-f", EPL)["links"]  # nothing new in it: the ledger as it is
    for hop in route["hops"]:
        assert hop["reservedBps"] == {"aToZ": 3_000_000, "zToA": 3_000_000}
        left = [use["capacityBps"] - use["reservedBps"] for use in links if use["link"] == hop["link"]]
        assert sorted(hop["freeBps"].values()) == sorted(left)


def test_free_and_held_are_told_in_the_directions_of_the_line():
    """acme/xa-sh asks for 6 Mbps there and 2 back, and crosses links that are declared the other way round."""
    hops = shown("describe", "acme/xa-sh")["routes"][0]["hops"]
    uses = {(use["link"], use["direction"]): use for use in shown("plan", "-f", EPL)["links"]}
    declared = {"zz-xa": "zToA", "zz-wh": "aToZ", "wh-nj": "aToZ", "nj-sh": "aToZ"}
    assert [hop["link"] for hop in hops] == list(declared)
    for hop in hops:
        use = uses[hop["link"], declared[hop["link"]]]
        assert hop["freeBps"]["aToZ"] == use["capacityBps"] - use["reservedBps"]


def test_the_rules_told_are_those_on_the_switches(net):
    """All lines together account for every rule that the switches hold."""
    planner = net.planner(net.saved())
    assert net.switches_hold(planner)
    on_switches = {(node, rule_words(rule)) for node, rules in planner.desired.items() for rule in rules.values()}
    told = set()
    for name in ALL:
        for part in shown("describe", name)["devices"]:
            told |= {(part["device"], words) for words in (*part["rules"], *part["trunkRules"])}
    assert told == on_switches


def test_a_shared_trunk_says_how_many_ride_it():
    lines = {name: shown("describe", name)["trunks"] for name in ALL}
    for trunks in lines.values():
        for trunk in trunks:
            riders = sum(trunk["label"] in {one["label"] for one in others} for others in lines.values())
            assert trunk["lines"] == riders


def test_describe_tells_the_history_with_the_requests(net):
    one = ring_line("history", "dc-bj-2.700", "dc-sh-3.700")
    net.apply(one, request_id="first")
    changed = ring_line("history", "dc-bj-2.700", "dc-sh-3.700", mbps=5)
    net.apply(changed, request_id="second")
    told = [
        (entry["state"], entry["generation"], entry["requestId"])
        for entry in shown("describe", "acme/history")["history"]
    ]
    net.delete(changed)
    assert told == [
        ("APPLYING", 1, "first"),
        ("ACTIVE", 1, "first"),
        ("APPLYING", 1, "second"),
        ("ACTIVE", 2, "second"),
    ]
    answer = trunkline("describe", "acme/history")
    assert (answer.code, answer.out) == (1, "")


@pytest.mark.parametrize("columns", [80, 56])
@pytest.mark.parametrize("command", ["describe", "explain"])
def test_what_is_for_people_fits_a_narrow_terminal_in_colour(command, columns):
    code, screen = on_a_terminal(command, "acme/xa-sh", columns=columns)
    assert code == 0
    assert plain(screen) != screen
    assert max(map(len, plain(screen).splitlines())) <= columns
    assert "zz-xa" in plain(screen)
    assert "\x1b" not in trunkline(command, "acme/xa-sh").out


def test_a_protected_line_has_both_paths_and_its_pairs(net, tmp_path):
    gold = line("gold", ("dc-bj-2", 800), ("dc-gz-2", 800), "2Mbps", protection="1:1", disjoint="node")
    file = write(tmp_path / "gold.yaml", gold)
    explained = shown("explain", "-f", file)["intents"][0]
    assert trunkline("apply", "-f", file).code == 0
    one = shown("describe", "acme/gold")
    words = trunkline("describe", "acme/gold").out
    carried = shown("explain", "acme/gold")["intents"][0]
    on_the_line = {
        (part["device"], words) for part in one["devices"] for words in (*part["rules"], *part["trunkRules"])
    }
    planner = net.planner(net.saved())
    on_switches = {(node, rule_words(rule)) for node, rules in planner.desired.items() for rule in rules.values()}
    assert trunkline("delete", "acme/gold").code == 0
    working, protect = one["routes"]
    assert [path["role"] for path in (working, protect)] == ["working", "protect"]
    assert set(working["nodes"]) & set(protect["nodes"]) == {"pe-bj", "pe-gz"}
    assert [(trunk["role"], trunk["direction"]) for trunk in one["trunks"]] == [
        ("working", "aToZ"),
        ("working", "zToA"),
        ("protect", "aToZ"),
        ("protect", "zToA"),
    ]
    assert {pair["head"] for pair in one["pairs"]} == {"pe-bj", "pe-gz"}
    assert on_the_line <= on_switches
    assert "│ working" in words
    assert "│ protect" in words
    for told, is_carried in ((explained, False), (carried, True)):
        assert (told["feasible"], told["carried"]) == (True, is_carried)
        assert [path["role"] for path in told["paths"]] == ["working", "protect"]
        chosen = [each["links"] for each in told["candidates"] if each["standing"] == "CHOSEN"]
        assert chosen == [told["paths"][0]["links"]]


# explain


def test_lines_that_are_carried():
    first, second = shown("explain", "nimbus/bj-gz", "acme/bj-gz")["intents"]
    assert (first["tenant"], first["name"], first["carried"]) == ("nimbus", "bj-gz", True)
    told = {tuple(one["links"]): one for one in first["candidates"]}
    assert told["bj-nj", "wh-nj", "wh-gz"]["standing"] == "CHOSEN"
    shortest = told["bj-zz-1", "zz-wh", "wh-gz"]
    assert (shortest["standing"], shortest["lacks"]) == (
        "NOT_POSSIBLE",
        [{"reason": "NO_PATH", "message": "p-zz is to be avoided"}],
    )
    assert second["candidates"][0]["standing"] == "CHOSEN"
    assert "acme/bj-gz: is carried (at most 15ms one way)\n" in trunkline("explain", "acme/bj-gz").out


def test_a_file_is_weighed_against_what_is_reserved(tmp_path):
    more = line("wide", ("dc-cd-2", 900), ("dc-gz-2", 900), "48Mbps", maxDelay="25ms", avoid={"nodes": ["p-wh"]})
    (one,) = shown("explain", "-f", write(tmp_path / "wide.yaml", more), code=2)["intents"]
    (refusal,) = one["reasons"]
    assert refusal["reason"] == "NO_BANDWIDTH" or refusal["reason"] == "DELAY_BOUND_UNREACHABLE"
    straight = next(each for each in one["candidates"] if each["links"] == ["cd-gz"])
    lack = {"reason": "NO_BANDWIDTH", "message": "cd-gz has 47Mbps free, 48Mbps needed", "link": "cd-gz"}
    assert straight["lacks"] == [lack]


def test_a_change_is_explained_with_what_the_line_holds_now_free(net):
    """The whole of what the line has and what is free beside it is enough, so the change is possible."""
    wider = line("cd-gz", ("dc-cd-2", 300), ("dc-gz-2", 300), "50Mbps", tenant="harbor")
    now = shown("describe", "harbor/cd-gz")
    spec = now["spec"]
    message = pb.Intent()
    message.CopyFrom(net.stub.Get(pb.GetRequest(name="tenants/harbor/privateLines/cd-gz")))
    assert wider["metadata"]["name"] == "cd-gz"
    free = now["routes"][0]["hops"][0]["freeBps"]["aToZ"]
    most = free + spec["bandwidthBps"]["aToZ"]
    for rate, possible in ((most, True), (most + 1, False)):
        message.private_line.spec.bandwidth.a_to_z_bps = rate
        message.private_line.spec.bandwidth.z_to_a_bps = rate
        (one,) = net.stub.Explain(pb.ExplainRequest(intents=[message])).explanations
        assert not one.carried
        straight = next(each for each in one.candidates if list(each.path.links) == ["cd-gz"])
        assert (straight.standing != explain_pb2.Candidate.NOT_POSSIBLE) is possible


def test_what_is_not_there(net):
    answer = trunkline("explain", "acme/nothing")
    assert (answer.code, answer.out) == (1, "")
    assert "there is no PrivateLine acme/nothing" in answer.err
    with pytest.raises(grpc.RpcError) as caught:
        net.stub.Describe(pb.DescribeRequest(name="tenants/acme/privateLines/nothing"))
    assert caught.value.code() is grpc.StatusCode.NOT_FOUND


def test_a_line_with_a_fault_is_no_finding_but_an_error(net):
    taken = line_to_wire(ring_line("other", "dc-bj-2.120", "dc-sh-3.701"))
    with pytest.raises(grpc.RpcError) as caught:
        net.stub.Explain(pb.ExplainRequest(intents=[taken]))
    assert caught.value.code() is grpc.StatusCode.ALREADY_EXISTS
    assert "intents[0].private_line.spec.a.vlan" in caught.value.details()


def test_explanations_come_in_the_order_asked_for(net):
    lines = [ring_line(f"order-{number}", f"dc-bj-2.{710 + number}", f"dc-sh-3.{710 + number}") for number in range(3)]
    asked = [lines[2], lines[0], lines[1]]
    found = net.stub.Explain(pb.ExplainRequest(intents=map(line_to_wire, asked))).explanations
    assert [one.verdict.name for one in found] == [one.name for one in asked]
    assert intent_name(asked[0].key) == "tenants/acme/privateLines/order-2"


def test_what_apply_refuses_says_what_binds():
    answer = trunkline("apply", "-f", INFEASIBLE)
    assert (answer.code, answer.out) == (1, "")
    assert "    binds: delay, the least is 11.1ms one way\n" in answer.err
    assert "    binds: links gz-sh (" in answer.err
    assert "    would do: spec.bandwidth: " in answer.err
