"""Plans that are kept: what changes elsewhere never makes one stale, what it rests on does; a hold keeps its room."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from controller.compiler.planner import Planner
from controller.domain.errors import InvalidInput, Reason
from controller.domain.foreign import ForeignRule
from controller.domain.intents import Attachment, Avoid, Disjointness, PrivateLine, Protection
from controller.domain.rules import MeterRule
from controller.domain.topology import Direction, Link, Node, OpenFlowDevice, PerDirection, Role, Site, Topology

MBPS = 10**6
PLAN = "p1"


def ring():
    """west - north - east, west - south - east: 100 Mbps a link; the north is the shorter way."""
    names = ("west", "north", "east", "south")
    nodes = tuple(
        Node(name=name, role=Role.PE, device=OpenFlowDevice(datapath_id=number)) for number, name in enumerate(names, 1)
    )

    def link(name, a, z, a_port, z_port, ms):
        return Link(
            name=name,
            a=a,
            z=z,
            a_port=a_port,
            z_port=z_port,
            capacity_bps=PerDirection.both(100 * MBPS),
            delay_ns=PerDirection.both(ms * 10**6),
        )

    links = (
        link("wn", "west", "north", 1, 1, 1),
        link("ne", "north", "east", 2, 1, 1),
        link("ws", "west", "south", 2, 1, 2),
        link("se", "south", "east", 2, 2, 2),
    )
    sites = tuple(Site(name=f"at-{name}", node=name, port=9) for name in names)
    return Topology(name="ring", nodes=nodes, links=links, sites=sites)


RING = ring()


def line(name, vlan, mbps=40, a="west", z="east", **more):
    return PrivateLine(
        tenant="acme",
        name=name,
        a=Attachment(site=f"at-{a}", vlan=vlan),
        z=Attachment(site=f"at-{z}", vlan=vlan),
        cir_bps=PerDirection.both(mbps * MBPS),
        **more,
    )


SOUTH = Avoid(nodes=("north",))


class Kept:
    """A planner with one plan that is kept."""

    def __init__(self, *wanted, before=(), unwanted=(), hold=False, topology=RING):
        self.planner = Planner(topology)
        self.planner.adopt(self.planner.plan(before))
        self.wanted, self.unwanted = wanted, unwanted
        self.plan = self.planner.plan(wanted, unwanted)
        assert self.plan.feasible
        self.planner.kept.keep(PLAN, self.plan.movement, hold=hold)

    def again(self):
        return self.planner.plan_again(PLAN, self.wanted, self.unwanted, self.plan.movement)

    def why_stale(self):
        plan = self.again()
        assert not plan.feasible
        refusals = [refusal for verdict in plan.verdicts for refusal in verdict.refusals]
        assert {refusal.reason for refusal in refusals} == {Reason.PLAN_STALE}
        return " / ".join(refusal.message for refusal in refusals)

    def change(self, *wanted, unwanted=()):
        plan = self.planner.plan(wanted, unwanted)
        assert plan.feasible
        self.planner.adopt(plan)


def rates(planner):
    return {(use.link, use.direction): use.reserved_bps for use in planner.link_use() if use.reserved_bps}


def test_a_kept_plan_is_made_again_as_it_was():
    kept = Kept(line("one", 1), line("two", 2, mbps=20))
    assert kept.again() == kept.plan
    kept.planner.adopt(kept.again(), fulfils=PLAN)
    assert set(kept.planner.lines.values()) == set(kept.plan.movement.lines_in)


def test_only_a_hold_reserves():
    assert rates(Kept(line("one", 1)).planner) == {}
    held = Kept(line("one", 1), hold=True)
    assert set(rates(held.planner).values()) == {40 * MBPS}
    held.planner.kept.end_hold(PLAN)
    assert rates(held.planner) == {}
    assert held.again() == held.plan


@pytest.mark.parametrize("hold", [False, True])
def test_what_a_plan_kept_is_free_when_it_is_let_go(hold):
    fresh = Planner(RING)
    kept = Kept(line("one", 1), hold=hold)
    kept.planner.kept.let_go(PLAN)
    assert rates(kept.planner) == {}
    number = next(iter(kept.plan.movement.lines_in)).number
    assert kept.planner._inventory.numbers.is_free(number)
    assert kept.planner.plan([line("two", 1)]).feasible == fresh.plan([line("two", 1)]).feasible


def test_a_hold_keeps_bandwidth_and_ports_from_others():
    kept = Kept(line("one", 1, mbps=80, avoid=SOUTH), hold=True)
    refused = kept.planner.plan([line("two", 2, mbps=80, avoid=SOUTH)]).verdicts[0].refusals[0]
    assert refused.reason is Reason.NO_BANDWIDTH
    with pytest.raises(InvalidInput, match=f"VLAN 1 of site at-west is held by plan {PLAN}"):
        kept.planner.plan([line("two", 1)])
    assert kept.again() == kept.plan
    assert kept.planner.plan([line("two", 2, mbps=80)]).feasible


def test_a_hold_of_a_moved_line_reserves_only_what_the_line_has_not_yet():
    kept = Kept(line("one", 1, mbps=70), before=[line("one", 1, mbps=40)], hold=True)
    assert set(rates(kept.planner).values()) == {70 * MBPS}
    kept.planner.adopt(kept.again(), fulfils=PLAN)
    assert set(rates(kept.planner).values()) == {70 * MBPS}


def test_a_hold_has_room_for_every_step_not_only_for_the_end():
    """Two lines change places on full links: what is needed in between is more than before and after."""
    before = [line("big", 1, mbps=60), line("small", 2, mbps=30, avoid=SOUTH)]
    after = [line("big", 1, mbps=60, avoid=SOUTH), line("small", 2, mbps=30, avoid=Avoid(nodes=("south",)))]
    kept = Kept(*after, before=before, hold=True)
    north = {rate for (link, _), rate in rates(kept.planner).items() if link in ("ws", "se")}
    assert north == {90 * MBPS}
    with pytest.raises(AssertionError):
        kept.change(line("other", 3, mbps=20, avoid=SOUTH))
    assert kept.again() == kept.plan


def test_a_trunk_that_others_made_meanwhile_is_ridden():
    kept = Kept(line("one", 1))
    kept.change(line("two", 2, mbps=10))
    again = kept.again()
    assert again.feasible
    assert again.movement.trunks_in == ()
    kept.planner.adopt(again, fulfils=PLAN)
    kept.change(unwanted=[line("two", 2).key])
    kept.change(unwanted=[line("one", 1).key])
    assert kept.planner.trunks == {}


def test_a_trunk_that_went_meanwhile_is_made_anew():
    kept = Kept(line("one", 1), before=[line("two", 2, mbps=10)])
    kept.change(unwanted=[line("two", 2).key])
    again = kept.again()
    assert again.feasible
    assert len(again.movement.trunks_in) == 2
    assert [placed.routes for placed in again.movement.lines_in] == [p.routes for p in kept.plan.movement.lines_in]


NORTH_FULL = [line("other", 7, mbps=70)]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda kept: kept.change(*NORTH_FULL), "ne has 30Mbps free, 40Mbps needed"),
        (lambda kept: network(kept).set_link_enabled(RING.link["wn"], False), "wn is out of service"),
        (lambda kept: network(kept).set_link_up(RING.link["wn"], False), "wn is out of service"),
        (lambda kept: network(kept).set_node_enabled("north", False), "north is out of service"),
        (lambda kept: kept.change(line("other", 1, mbps=1, z="south")), "VLAN 1 of site at-west is in use by"),
        (lambda kept: set_delays(kept, 5_000_000), "6ms one way is over 4ms"),
        (lambda kept: others_meter(kept), "the meter 1 is in use by others"),
        (lambda kept: others_label(kept), "label 524288 is in use by others"),
    ],
)
def test_what_a_plan_rests_on_makes_it_stale(change, words):
    kept = Kept(line("one", 1, max_delay_ns=4_000_000))
    change(kept)
    assert words in kept.why_stale()
    assert kept.planner.lines.keys() <= {one.key for one in (line("other", 7),)}


def network(kept):
    return kept.planner._network


def set_delays(kept, delay_ns):
    for direction in Direction:
        network(kept).set_measured_delay(RING.link["wn"], direction, delay_ns)


def others_meter(kept):
    meter = kept.plan.movement.lines_in[0].meter_id.a_to_z
    kept.planner.keep_clear("west", [MeterRule(meter_id=meter, rate_kbps=1, burst_kbits=1)])


def others_label(kept):
    label = kept.plan.movement.lines_in[0].service_label.a_to_z
    kept.planner.set_aside({"north": [ForeignRule(kind="flow", words="theirs", labels=(label,))]})


def test_a_longer_way_within_the_bound_is_no_matter():
    kept = Kept(line("one", 1, max_delay_ns=4_000_000))
    set_delays(kept, 2_900_000)
    again = kept.again()
    assert again.feasible
    assert again.verdicts[0].placed.working.delay_ns == PerDirection.both(3_900_000)


def test_another_topology_matters_where_the_plan_uses_it():
    kept = Kept(line("one", 1))
    for changed, stale in (
        (replace(RING, links=RING.links[:3]), False),
        (replace(RING, links=RING.links[1:]), True),
        (replace(RING, links=(replace(RING.links[0], mtu_bytes=1500), *RING.links[1:])), True),
        (replace(RING, links=(replace(RING.links[0], capacity_bps=PerDirection.both(MBPS)), *RING.links[1:])), True),
        (
            replace(RING, links=(replace(RING.links[0], capacity_bps=PerDirection.both(50 * MBPS)), *RING.links[1:])),
            False,
        ),
    ):
        planner = Planner(changed)
        planner.kept.keep(PLAN, kept.plan.movement, hold=False)
        again = planner.plan_again(PLAN, kept.wanted, (), kept.plan.movement)
        assert again.feasible is not stale
        assert rates(planner) == {}


def test_routes_that_are_not_apart_any_more_are_stale():
    protected = line("one", 1, protection=Protection.ONE_TO_ONE, disjoint=Disjointness.SRLG)
    kept = Kept(protected)
    shared = tuple(replace(link, srlgs=("duct",)) if link.name in ("wn", "ws") else link for link in RING.links)
    planner = Planner(replace(RING, links=shared))
    planner.kept.keep(PLAN, kept.plan.movement, hold=False)
    again = planner.plan_again(PLAN, kept.wanted, (), kept.plan.movement)
    assert "srlg in common" in again.verdicts[0].refusals[0].message


unrelated = st.lists(
    st.tuples(
        st.sampled_from(["add", "drop"]),
        st.integers(10, 15),
        st.sampled_from([("west", "north"), ("west", "east"), ("south", "east"), ("north", "south")]),
        st.integers(1, 25),
        st.booleans(),
    ),
    max_size=12,
)


@settings(max_examples=60, deadline=None)
@given(changes=unrelated, hold=st.booleans(), protected=st.booleans(), moves=st.booleans())
def test_nothing_that_happens_elsewhere_makes_a_plan_stale(changes, hold, protected, moves):
    """Lines come and go on the same links and trunks, as long as there is room beside the plan."""
    wanted = line("one", 1, mbps=30, protection=Protection.ONE_TO_ONE if protected else Protection.NONE)
    before = [line("one", 1, mbps=10)] if moves else []
    kept = Kept(wanted, line("two", 2, mbps=20), before=before, hold=hold)
    routes = {placed.line.key: placed.routes for placed in kept.plan.movement.lines_in}
    labels = {placed.line.key: placed.service_label for placed in kept.plan.movement.lines_in}
    for what, vlan, (a, z), mbps, also_pair in changes:
        one = line(f"other{vlan}", vlan, mbps, a, z, protection=Protection(["none", "1:1"][also_pair]))
        if what == "drop" and one.key in kept.planner.lines:
            kept.change(unwanted=[one.key])
        elif what == "add":
            plan = kept.planner.plan([one])
            room = min(use.capacity_bps - use.reserved_bps for use in plan.links)
            if plan.feasible and (hold or room >= 50 * MBPS):
                kept.planner.adopt(plan)
    again = kept.again()
    assert again.feasible, again.verdicts
    assert {placed.line.key: placed.routes for placed in again.movement.lines_in} == routes
    assert {placed.line.key: placed.service_label for placed in again.movement.lines_in} == labels
    kept.planner.adopt(again, fulfils=PLAN)
    everything = Planner(RING, kept.planner.lines.values(), kept.planner.trunks.values(), kept.planner.pairs.values())
    assert everything.desired == kept.planner.desired
    assert rates(everything) == rates(kept.planner)
