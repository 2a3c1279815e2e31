"""Whatever is changed at once, and however far the head ends have come with it: no link is asked for more than it has.

What may enter the links is read from the tables of the devices, not from the plan.
"""

from __future__ import annotations

import random
from collections import Counter

import pytest
from hypothesis import event, given
from hypothesis import strategies as st
from installation import Installation, interleaved
from strategies import histories, resolve, topologies

from controller.compiler.plan import RoundKind
from controller.compiler.planner import Planner
from controller.domain.intents import Attachment, Avoid, Disjointness, PrivateLine, Protection
from controller.domain.rules import FlowRule, Op, Police, RuleKey, SetTrunk, UseGroup
from controller.domain.topology import Link, Node, PerDirection, Role, Site, Topology

MBPS = 10**6


def entering(installed, trunks):
    """bps by (link, direction): of every customer port or VLAN what its meter lets through, on each trunk that its
    group may send into."""
    total = Counter()
    for device, switch in installed.switches.items():
        by_entry = {}
        for rule in switch.rules.values():
            if isinstance(rule, FlowRule) and any(isinstance(action, UseGroup) for action in rule.actions):
                entry = (device, rule.match.in_port, rule.match.vlan)
                by_entry[entry] = by_entry.get(entry, Counter()) | may_send(installed.topology, switch, rule, trunks)
        for load in by_entry.values():
            total.update(load)
    return total


def may_send(topology, switch, flow, trunks):
    (meter,) = (switch.rules[RuleKey("meter", (one.meter_id,))] for one in flow.actions if isinstance(one, Police))
    (group,) = (switch.rules[RuleKey("group", (one.group_id,))] for one in flow.actions if isinstance(one, UseGroup))
    return Counter(
        {
            (link.name, direction): topology.reservation_bps(meter.rate_kbps * 1000)
            for bucket in group.buckets
            for action in bucket.actions
            if isinstance(action, SetTrunk)
            for link, direction in trunks[action.label].route.hops(topology)
        }
    )


def check_links(installed, trunks):
    for (name, direction), bps in entering(installed, trunks).items():
        assert bps <= installed.topology.link[name].capacity_bps[direction], (name, direction)


@given(topologies(), histories, st.integers(0, 2**32 - 1))
def test_no_link_is_asked_for_more_than_it_has_at_any_moment(topology, orders, seed):
    change_and_watch(topology, [lambda lines, batch=batch: resolve(batch, lines, topology) for batch in orders], seed)


def change_and_watch(topology, orders, seed):
    """Plan and carry out each order (of the lines there are: what is wanted, what unwanted), one change of a device
    after the other, and look at the links after each; the way back from some point before the commit point, too."""
    rng = random.Random(seed)
    planner, installed = Planner(topology), Installation(topology)
    for order in orders:
        before = dict(planner.trunks)
        plan = planner.plan(*order({key: placed.line for key, placed in planner.lines.items()}))
        planner.adopt(plan)
        trunks = before | planner.trunks
        revocable = [part for part in plan.rounds if part.kind is not RoundKind.REMOVE]
        event(f"{sum(part.kind is RoundKind.FLIP for part in revocable)} flips")
        steps = [(number, *step) for number, part in enumerate(revocable) for step in interleaved(part.changes, rng)]
        done = steps[: rng.randint(0, len(steps))]
        for _, device, change in done:
            installed.apply(device, change)
            check_links(installed, trunks)
        for number in reversed(range(len(revocable))):
            of_round = [(device, change.inverse) for at, device, change in reversed(done) if at == number]
            by_device = {device: [one for name, one in of_round if name == device] for device, _ in of_round}
            for device, change in interleaved(by_device.items(), rng):
                installed.apply(device, change)
                check_links(installed, trunks)
        for _ in installed.install(plan, rng):
            check_links(installed, trunks)
        assert installed.tables() == planner.desired


def link(name, a, z, ports, delay_us):
    return Link(
        name=name,
        a=a,
        z=z,
        a_port=ports[0],
        z_port=ports[1],
        capacity_bps=PerDirection.both(10 * MBPS),
        delay_ns=PerDirection.both(delay_us * 1_000),
    )


# Three ways of 10 Mbps each from west to east.
TOPOLOGY = Topology(
    name="three-ways",
    nodes=tuple(Node(name=name, role=Role.PE) for name in ("west", "east")),
    links=tuple(
        link(name, "west", "east", (port, port), 1_000 * port)
        for port, name in enumerate(("first", "second", "third"), 1)
    ),
    sites=tuple(Site(name=f"{node}-{port}", node=node, port=port) for node in ("west", "east") for port in (11, 12)),
)


def line(name, vlan, mbps, avoid=(), end="west-11", **more):
    return PrivateLine(
        tenant="acme",
        name=name,
        a=Attachment(site=end, vlan=vlan),
        z=Attachment(site="east-11", vlan=vlan),
        cir_bps=PerDirection.both(mbps * MBPS),
        avoid=Avoid(links=tuple(avoid)),
        **more,
    )


_wishes = st.fixed_dictionaries(
    {
        "mbps": st.integers(3, 7),
        "avoid": st.sets(st.sampled_from(("first", "second", "third")), max_size=2),
        "protection": st.sampled_from((Protection.NONE, Protection.NONE, Protection.NONE, Protection.ONE_TO_ONE)),
    }
)
_vlans = st.permutations(range(1, 9)).map(lambda vlans: vlans[:5])
_batches = st.tuples(st.lists(_wishes, min_size=5, max_size=5), _vlans | st.just([1, 2, 3, 4, 5]), st.integers(0, 5))


@given(st.lists(_batches, min_size=2, max_size=4), st.integers(0, 2**32 - 1))
def test_nor_in_a_crowd(batches, seed):
    """Every line wants something else each time, and some go: most changes need several flips."""

    def order(batch):
        wishes, vlans, wanted = batch

        def of(lines):
            names = [f"line-{number}" for number in range(len(wishes))]
            asked = [
                line(name, vlan, **wish)
                for name, vlan, wish in zip(names[:wanted], vlans[:wanted], wishes[:wanted], strict=True)
            ]
            return asked, [key for key in lines if key.name in names[wanted:]]

        return of

    change_and_watch(TOPOLOGY, [order(batch) for batch in batches], seed)


def planner_with(*lines):
    planner = Planner(TOPOLOGY)
    planner.adopt(planner.plan(lines))
    assert len(planner.lines) == len(lines)
    return planner


def flips_of(plan):
    """Of each flip the operations by VLAN of the rule for all frames, at west."""
    assert plan.feasible
    return [
        [
            (change.op, change.rule.match.vlan)
            for device, changes in part.changes
            if device == "west"
            for change in changes
            if change.rule.match.ethertype is None
        ]
        for part in plan.rounds
        if part.kind is RoundKind.FLIP
    ]


def test_who_leaves_a_link_goes_before_who_takes_the_room():
    planner = planner_with(line("a", 1, 9), line("b", 2, 8, avoid=["first"]))
    assert [placed.working.route.links for placed in planner.lines.values()] == [("first",), ("second",)]
    plan = planner.plan([line("a", 1, 9, avoid=["first", "second"]), line("b", 2, 8)])
    assert flips_of(plan) == [[(Op.MODIFY, 1)], [(Op.MODIFY, 2)]]


def test_whoever_waits_for_nobody_goes_at_once():
    planner = planner_with(line("a", 1, 9), line("b", 2, 4, avoid=["first"]))
    plan = planner.plan([line("a", 1, 9, avoid=["first", "second"]), line("b", 2, 5, avoid=["first"]), line("c", 3, 4)])
    assert flips_of(plan) == [[(Op.MODIFY, 1), (Op.MODIFY, 2)], [(Op.ADD, 3)]]


def test_a_chain_flips_one_after_the_other():
    planner = planner_with(line("a", 1, 9), line("b", 2, 8, avoid=["first"]))
    moves = [line("a", 1, 9, avoid=["first", "second"]), line("b", 2, 8), line("c", 3, 7, avoid=["first", "third"])]
    assert flips_of(planner.plan(moves)) == [[(Op.MODIFY, 1)], [(Op.MODIFY, 2)], [(Op.ADD, 3)]]


def test_who_is_deleted_goes_before_who_takes_the_room():
    planner = planner_with(line("a", 1, 9), line("b", 2, 8, avoid=["first"]))
    plan = planner.plan([line("b", 2, 8)], [line("a", 1, 9).key])
    assert flips_of(plan) == [[(Op.DELETE, 1)], [(Op.MODIFY, 2)]]


def test_room_that_protection_gave_up_is_waited_for_too():
    protected = line("a", 1, 9, protection=Protection.ONE_TO_ONE, disjoint=Disjointness.LINK)
    planner = planner_with(protected, line("b", 2, 8, avoid=["first", "second"]))
    plan = planner.plan([line("a", 1, 9), line("b", 2, 8, avoid=["first"])])
    assert flips_of(plan) == [[(Op.MODIFY, 1)], [(Op.MODIFY, 2)]]


@pytest.mark.parametrize(
    ("mbps", "flips"), [(5, [[(Op.ADD, 7), (Op.DELETE, 1)]]), (6, [[(Op.DELETE, 1)], [(Op.ADD, 7)]])]
)
def test_an_end_that_moves_is_closed_first_where_both_have_no_room(mbps, flips):
    only_way = ["second", "third"]
    planner = planner_with(line("a", 1, mbps, avoid=only_way))
    assert flips_of(planner.plan([line("a", 7, mbps, avoid=only_way)])) == flips


def test_ends_that_two_lines_exchange_are_closed_first_where_both_have_no_room():
    planner = planner_with(line("a", 1, 9), line("b", 2, 9, avoid=["first"]))
    exchanged = [line("a", 2, 9), line("b", 1, 9, avoid=["first"])]
    first, second = flips_of(planner.plan(exchanged))
    assert sorted(first) == [(Op.DELETE, 1), (Op.DELETE, 2)]
    assert sorted(second) == [(Op.ADD, 1), (Op.ADD, 2)]
