from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.domain.topology import Gateway, Link, Node, PerDirection, Role, Site, Topology
from controller.service.port_states import Outages, PortStates


def link(name, a, a_port, z, z_port):
    return Link(
        name=name,
        a=a,
        z=z,
        a_port=a_port,
        z_port=z_port,
        capacity_bps=PerDirection.both(10**9),
        delay_ns=PerDirection.both(10**6),
    )


TOPOLOGY = Topology(
    name="two ways",
    nodes=tuple(Node(name=name, role=Role.PE) for name in ("west", "east")),
    links=(link("one", "west", 1, "east", 1), link("two", "west", 2, "east", 2)),
    sites=(Site(name="province", node="west", port=11),),
    gateways=(Gateway(name="igw", node="east", port=21, capacity_bps=10**9),),
)
WEST, EAST = (1, 2, 11), (1, 2, 21)
NOTHING = Outages()


@dataclass
class Told:
    """All that ``on_change`` was told, each change with what it began from."""

    changes: list = field(default_factory=list)

    def __call__(self, before, after):
        assert before == (self.changes[-1] if self.changes else NOTHING)
        assert after != before
        self.changes.append(after)


def watched():
    told = Told()
    states = PortStates(TOPOLOGY, told)
    states.listed("west", dict.fromkeys(WEST, True))
    states.listed("east", dict.fromkeys(EAST, True))
    return states, told


def test_nobody_is_down_of_whom_nothing_is_known():
    states = PortStates(TOPOLOGY, Told())
    assert (states.down, states.silent) == (NOTHING, frozenset())
    states.changed("west", 1, False)  # from a device that has not said how its other ports are
    assert states.down == NOTHING
    states.listed("west", dict.fromkeys(WEST, True))
    assert (states.down, states.silent) == (NOTHING, frozenset())
    states.gone("west")
    assert (states.down, states.silent) == (NOTHING, {"west"})


def test_a_link_is_down_while_either_end_says_so_and_that_is_told_once():
    states, told = watched()
    states.changed("west", 1, False)
    states.changed("east", 1, False)
    states.changed("east", 1, False)
    states.changed("west", 1, True)
    assert told.changes == [Outages(links=frozenset({"one"}))]
    states.changed("east", 1, True)
    assert told.changes[1:] == [NOTHING]


def test_gateways_and_sites_are_down_with_their_ports():
    states, told = watched()
    states.changed("east", 21, False)
    states.changed("west", 11, False)
    assert told.changes == [
        Outages(gateways=frozenset({"igw"})),
        Outages(gateways=frozenset({"igw"}), sites=frozenset({"province"})),
    ]


def test_a_port_that_a_device_does_not_have_is_down_and_those_of_no_concern_are_not():
    states, told = watched()
    states.listed("west", {1: True, 2: True, 99: False})
    states.changed("west", 99, False)
    assert told.changes == [Outages(sites=frozenset({"province"}))]


def test_a_device_that_goes_takes_what_it_said_along():
    states, told = watched()
    states.changed("west", 1, False)
    states.changed("east", 2, False)
    states.gone("west")
    states.gone("west")
    assert told.changes[-1] == states.down == Outages(links=frozenset({"two"}))
    states.listed("west", {1: False, 2: True, 11: True})
    assert states.down == Outages(links=frozenset({"one", "two"}))


def test_what_others_report_of_a_link_stands_beside_its_ports():
    states, told = watched()
    states.report_link("two", up=False)
    states.changed("west", 2, False)
    states.changed("west", 2, True)
    assert told.changes == [Outages(links=frozenset({"two"}))]
    states.report_link("two", up=True)
    assert states.down == NOTHING
    with pytest.raises(KeyError):
        states.report_link("three", up=False)


listings = st.tuples(
    st.just("listed"),
    st.sampled_from(("west", "east")),
    st.dictionaries(st.sampled_from((1, 2, 11, 21)), st.booleans()),
)
changes = st.tuples(
    st.just("changed"), st.sampled_from(("west", "east")), st.sampled_from((1, 2, 11, 21)), st.booleans()
)
departures = st.tuples(st.just("gone"), st.sampled_from(("west", "east")))


@given(st.lists(listings | changes | departures, max_size=25))
def test_what_is_down_follows_from_the_last_that_each_device_said(steps):
    states = PortStates(TOPOLOGY, Told())
    said, ever = {}, set()
    for what, device, *rest in steps:
        getattr(states, what)(device, *rest)
        if what == "listed":
            said[device] = dict(rest[0])
            ever.add(device)
        elif what == "gone":
            said.pop(device, None)
        elif device in said:
            said[device][rest[0]] = rest[1]

        def down(device, port):
            return device in said and not said[device].get(port, False)

        assert states.down == Outages(
            links=frozenset(
                link.name for link in TOPOLOGY.links if down("west", link.a_port) or down("east", link.z_port)
            ),
            gateways=frozenset({"igw"} if down("east", 21) else ()),
            sites=frozenset({"province"} if down("west", 11) else ()),
        )
        assert states.silent == ever - said.keys()
