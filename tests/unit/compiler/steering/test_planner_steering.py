"""A planner that steers: what devices should hold follows from its state, and packets leave where it says."""

from __future__ import annotations

from dataclasses import replace

import pytest
from ip_frames import packet_frame
from steered_networks import ABROAD_MAC, CUSTOMER_MAC, GATEWAY_PORT, GBPS, REGION, SITE_PORT, network

from controller.compiler.planner import Planner
from controller.compiler.steering.inputs import SteeringInputs
from controller.compiler.steering.rules import VIRTUAL_MAC
from controller.domain.egress import EgressPolicy, GatewayChoice, Sources
from controller.domain.intents import Attachment, PrivateLine
from controller.domain.prefixes import parse_prefix
from controller.domain.regions import RegionMap
from controller.domain.routes import Path as RoutePath
from controller.domain.routes import RouteTable
from controller.domain.topology import PerDirection, Site
from controller.forwarding.fabric import Fabric
from controller.forwarding.switch import Switch

PREFIX = "198.51.100.0/24"
ABROAD_HOST, AT_HOME = "198.51.100.7", "10.44.0.9"


def policy(name="gd", demand_bps=GBPS, node="gd", **more) -> EgressPolicy:
    return EgressPolicy(
        tenant="backbone",
        name=name,
        sources=Sources(nodes=(node,)),
        to_region=REGION,
        prefixes=(PREFIX,),
        demand_bps=demand_bps,
        **more,
    )


def put(planner: Planner, *intents):
    """In force, and steered."""
    plan = planner.plan(intents)
    assert plan.feasible
    planner.adopt(plan)
    planner.adopt(planner.plan_steering(SteeringInputs()).plan)


def fabric(planner: Planner) -> Fabric:
    return Fabric(planner.topology, {node: Switch(rules.values()) for node, rules in planner.desired.items()})


def leaves(planner: Planner, source=AT_HOME, destination=ABROAD_HOST, site="gd"):
    """Where a packet from a site comes out: node, port, whom it is for."""
    (arrival,) = fabric(planner).send(site, SITE_PORT, packet_frame(source, destination, eth_dst=VIRTUAL_MAC))
    return arrival.node, arrival.port, arrival.frame[:6].hex(":")


def restarted(planner: Planner) -> Planner:
    return Planner(
        planner.topology,
        planner.lines.values(),
        planner.trunks.values(),
        planner.pairs.values(),
        planner.policies.values(),
        planner.steering,
        planner.prefixes,
    )


def test_packets_leave_by_the_gateway_that_was_chosen_and_come_back():
    planner = Planner(network())
    put(planner, policy())
    assert leaves(planner) == ("gz", GATEWAY_PORT, ABROAD_MAC["gz"])
    back = packet_frame(ABROAD_HOST, AT_HOME, eth_dst=VIRTUAL_MAC)
    (arrival,) = fabric(planner).send("bj", GATEWAY_PORT, back)
    assert (arrival.node, arrival.port, arrival.frame[:6].hex(":")) == ("gd", SITE_PORT, CUSTOMER_MAC["gd"])


def test_a_gateway_that_is_lost_is_left_at_once_and_a_better_one_only_when_it_has_proved_itself():
    planner = Planner(network())
    put(planner, policy())
    found = planner.plan_steering(SteeringInputs(gateways_away=frozenset({"igw-gz"}), urgent=True))
    assert found.moved_bps == GBPS
    planner.adopt(found.plan)
    away = leaves(planner)
    assert away[0] != "gz"
    memory = found.memory
    # One millisecond is less than what makes it worth to move.
    found = planner.plan_steering(SteeringInputs(memory=memory))
    assert found.moved_bps == 0
    planner.adopt(found.plan)  # what nobody knows any traffic of goes to the nearest again
    assert leaves(planner) == away


def test_a_policy_is_explained_as_it_is_steered_and_not_as_it_would_be_with_everything_there():
    planner = Planner(network())
    put(planner, policy())
    (found,) = planner.explain_policies([policy()])
    assert [one.gateway for one in found.verdict.assignments] == ["igw-gz"]
    planner.adopt(planner.plan_steering(SteeringInputs(gateways_away=frozenset({"igw-gz"}), urgent=True)).plan)
    (found,) = planner.explain_policies([policy()])
    assert [one.gateway for one in found.verdict.assignments] == [
        one.gateway for one in planner.assignments()[found.policy.key]
    ]
    assert "igw-gz" not in {one.gateway for one in found.verdict.assignments}
    everything = frozenset(gateway.name for gateway in planner.topology.gateways)
    planner.adopt(planner.plan_steering(SteeringInputs(gateways_away=everything, urgent=True)).plan)
    (found,) = planner.explain_policies([policy()])
    assert (found.carried, found.verdict.assignments) == (True, ())
    (asked,) = planner.explain_policies([policy(demand_bps=2 * GBPS)])
    assert not asked.carried
    assert [one.gateway for one in asked.verdict.assignments] == ["igw-gz"]


def test_a_policy_is_decided_for_once_a_plan_for_it_is_adopted_or_changes_nothing():
    planner = Planner(network())
    key = policy().key
    plan = planner.plan([policy()])
    planner.adopt(plan)
    assert planner.decided_policies == set()
    away = SteeringInputs(gateways_away=frozenset({"igw-gz"}), urgent=True)
    found = planner.plan_steering(away)
    assert planner.decided_policies == set()
    planner.adopt(found.plan)
    assert planner.decided_policies == {key}
    told = planner.assignments()[key]
    assert {one.gateway for one in told} != {one.gateway for one in plan.verdicts[0].assignments}
    # After a restart nothing changes, and what is decided is what there is.
    again = restarted(planner)
    assert again.decided_policies == set()
    assert not again.plan_steering(away).plan.changes_something
    assert (again.decided_policies, again.assignments()[key]) == ({key}, told)
    # A change of it asks for another decision.
    again.adopt(again.plan([policy(demand_bps=2 * GBPS)]))
    assert again.decided_policies == set()


def test_a_gateway_without_a_next_hop_is_not_steered_to():
    topology = network()
    without = [replace(one, next_hop=None) if one.name == "igw-gz" else one for one in topology.gateways]
    planner = Planner(replace(topology, gateways=tuple(without)))
    put(planner, policy())
    assert leaves(planner)[0] == "bj"


def test_a_link_that_is_cut_is_not_crossed():
    planner = Planner(network())
    put(planner, policy(gateways=GatewayChoice(allow=("igw-gz",))))
    found = planner.plan_steering(SteeringInputs(links_down=frozenset({"gd-gz"}), urgent=True))
    planner.adopt(found.plan)
    (arrival,) = fabric(planner).send("gd", SITE_PORT, packet_frame(AT_HOME, ABROAD_HOST, eth_dst=VIRTUAL_MAC))
    assert arrival.nodes == ("gd", "bj", "sh", "zj", "gz")
    assert "gd-gz" not in {link for trunk in planner.trunks.values() for link in trunk.route.links}


def test_a_source_that_cannot_be_told_keeps_its_entries():
    planner = Planner(network())
    put(planner, policy(), policy("zj", node="zj", gateways=GatewayChoice(allow=("igw-gz", "igw-sh"))))
    before = [entry for entry in planner.steering.entries if entry.source == "gd"]
    inputs = SteeringInputs(gateways_away=frozenset({"igw-gz"}), nodes_away=frozenset({"gd"}), urgent=True)
    found = planner.plan_steering(inputs)
    assert "gd" not in {device for part in found.plan.rounds for device, _ in part.changes}
    planner.adopt(found.plan)
    assert [entry for entry in planner.steering.entries if entry.source == "gd"] == before


def test_a_policy_that_ends_leaves_its_prefixes_to_the_nearest_gateway_and_no_rules():
    planner = Planner(network())
    put(planner, policy(gateways=GatewayChoice(allow=("igw-sh",))))
    assert leaves(planner)[0] == "sh"
    plan = planner.plan((), (policy().key,))
    planner.adopt(plan)
    planner.adopt(planner.plan_steering(SteeringInputs()).plan)
    assert planner.prefixes.routes == ()
    assert not planner.steering.groups
    assert leaves(planner)[0] == "bj"  # as near as gz


def test_what_devices_should_hold_follows_from_what_is_stored():
    planner = Planner(network())
    put(planner, policy())
    assert restarted(planner).desired == planner.desired
    again = restarted(planner)
    assert not again.plan_steering(SteeringInputs()).plan.changes_something


def test_a_plan_that_is_not_adopted_leaves_no_trace():
    planner = Planner(network())
    put(planner, policy())
    before = planner.desired, planner.steering, dict(planner.trunks)
    planner.plan_steering(SteeringInputs(gateways_away=frozenset({"igw-gz", "igw-sh"}), urgent=True))
    planner.plan_steering(SteeringInputs(links_down=frozenset({"gd-gz"}), urgent=True))
    assert (planner.desired, planner.steering, dict(planner.trunks)) == before
    assert not planner.plan_steering(SteeringInputs()).plan.changes_something


def test_a_route_that_is_withdrawn_takes_eligibility_away():
    planner = Planner(network())
    table = RouteTable()
    for gateway in ("igw-bj", "igw-gz"):
        table.announce(parse_prefix(PREFIX), RoutePath(gateway=gateway, origin_as=64500, length=2))
    regions = RegionMap(by_as={64500: REGION})
    planner.follow_routes(table.snapshot(), regions, table.touched())
    put(planner, replace(policy(), prefixes=()))
    assert leaves(planner)[0] == "gz"
    table.withdraw(parse_prefix(PREFIX), "igw-gz")
    planner.follow_routes(table.snapshot(), regions, table.touched())
    planner.adopt(planner.plan_steering(SteeringInputs(urgent=True)).plan)
    assert leaves(planner)[0] == "bj"


def test_routes_that_could_not_be_followed_are_grouped_anew(monkeypatch):
    regions = RegionMap(by_prefix={parse_prefix(PREFIX): REGION})
    table = RouteTable()
    for gateway in ("igw-bj", "igw-gz"):
        table.announce(parse_prefix(PREFIX), RoutePath(gateway, 1, 1))
    planner = Planner(network())
    planner.follow_routes(table.snapshot(), regions, table.touched())
    put(planner, policy())
    assert leaves(planner)[0] == "gz"

    def broken(*_):
        raise ZeroDivisionError("oh")

    with monkeypatch.context() as patched:
        patched.setattr("controller.compiler.steering.grouping.Grouping.follow", broken)
        table.withdraw(parse_prefix(PREFIX), "igw-gz")
        with pytest.raises(ZeroDivisionError):
            planner.follow_routes(table.snapshot(), regions, table.touched())
    planner.adopt(planner.plan_steering(SteeringInputs(urgent=True)).plan)
    assert leaves(planner)[0] == "bj"


def with_line_sites():
    topology = network()
    return replace(
        topology, sites=(*topology.sites, Site(name="a", node="gd", port=31), Site(name="z", node="gz", port=31))
    )


BIG = PrivateLine(
    tenant="acme",
    name="big",
    a=Attachment(site="a"),
    z=Attachment(site="z"),
    cir_bps=PerDirection.both(9 * GBPS),
    max_delay_ns=1_000_000,
)


def test_a_line_gets_its_room_before_it_is_there():
    planner = Planner(with_line_sites())
    put(planner, policy(demand_bps=8 * GBPS))
    assert leaves(planner)[0] == "gz"
    plan = planner.plan([BIG])
    assert plan.feasible
    assert plan.movement.steering_in is not None
    planner.adopt(plan)
    loads = {(entry.source, gateway): bps for entry in planner.steering.entries for gateway, bps in entry.bps().items()}
    assert loads.get(("gd", "igw-gz"), 0) <= 0.5 * GBPS
    assert restarted(planner).desired == planner.desired


def test_a_plan_that_is_only_made_changes_nothing_of_what_is_carried_out():
    """A dry run, or an apply that is refused, may come between a cycle's decision and its commit point."""
    topology = with_line_sites()
    planner = Planner(replace(topology, sites=(*topology.sites, Site(name="n", node="bj", port=31))))
    put(planner, policy(demand_bps=8 * GBPS))
    found = planner.plan_steering(SteeringInputs(gateways_away=frozenset({"igw-gz"}), urgent=True))
    other = replace(BIG, name="other", a=Attachment(site="a", vlan=2), z=Attachment(site="n", vlan=2))
    dry = planner.plan([replace(BIG, a=Attachment(site="a", vlan=1), z=Attachment(site="z", vlan=1)), other])
    assert dry.movement.steering_in not in (None, found.plan.movement.steering_in)
    planner.adopt(found.plan)
    (assigned,) = planner.assignments().values()
    assert {one.gateway for one in assigned} == {gateway for entry in carrying(planner) for gateway in entry.gateways}
    assert "igw-gz" not in {one.gateway for one in assigned}


def test_a_line_that_takes_room_changes_what_policies_are_said_to_leave_by():
    planner = Planner(with_line_sites())
    put(planner, policy(demand_bps=8 * GBPS))
    before = planner.assignments()
    planner.adopt(planner.plan([BIG]))
    assert planner.assignments() != before
    (assigned,) = planner.assignments().values()
    assert {one.gateway for one in assigned} == {gateway for entry in carrying(planner) for gateway in entry.gateways}


def carrying(planner):
    return [entry for entry in planner.steering.entries if entry.rate_bps]


def test_before_anybody_has_said_what_is_away_nothing_makes_room():
    planner = Planner(with_line_sites())
    put(planner, policy(demand_bps=8 * GBPS))
    planner.adopt(planner.plan_steering(SteeringInputs(gateways_away=frozenset({"igw-bj"}), urgent=True)).plan)
    again = restarted(planner)
    plan = again.plan([BIG])
    assert plan.feasible
    assert plan.movement.steering_in is None
    again.adopt(plan)
    # The first cycle knows, and moves it.
    found = again.plan_steering(SteeringInputs(gateways_away=frozenset({"igw-bj"}), urgent=True))
    again.adopt(found.plan)
    assert leaves(again)[0] == "sh"


def test_a_small_line_moves_nothing():
    planner = Planner(with_line_sites())
    put(planner, policy(demand_bps=2 * GBPS))
    line = PrivateLine(
        tenant="acme", name="small", a=Attachment(site="a"), z=Attachment(site="z"), cir_bps=PerDirection.both(GBPS)
    )
    assert planner.plan([line]).movement.steering_in is None


@pytest.mark.parametrize("lost", ["igw-gz", "igw-sh", "igw-bj"])
def test_whatever_is_lost_packets_leave_elsewhere(lost):
    planner = Planner(network())
    put(planner, policy(), policy("zj", node="zj"))
    planner.adopt(planner.plan_steering(SteeringInputs(gateways_away=frozenset({lost}), urgent=True)).plan)
    for site, source in (("gd", AT_HOME), ("zj", "10.33.0.9")):
        for destination in (ABROAD_HOST, "192.0.2.200"):
            assert leaves(planner, source, destination, site)[0] != lost.removeprefix("igw-")
