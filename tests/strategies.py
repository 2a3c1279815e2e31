"""Random networks, and random orders of customers, for property tests.

An order is drawn without regard to any network; ``resolve`` makes of a batch of orders what a client could ask of
a planner in its present state: lines that keep the rules of ``domain.validation``, and names to delete.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from hypothesis import strategies as st

from controller.domain.intents import Attachment, Avoid, Disjointness, IntentKey, PrivateLine, Protection
from controller.domain.topology import Link, Node, PerDirection, Role, Site, Topology
from controller.domain.validation import check_lines

MBPS = 10**6
VLANS = (100, 200, 300)
FIRST_SITE_PORT = 100


@st.composite
def topologies(draw, max_nodes=5):
    """A connected multigraph: a random tree and more links over it, parallel ones too, some in one of two ducts; one to
    three sites a node, so that some pairs of sites share a PE. Delays differ by link and direction, so that a delay
    tells the route."""
    count = draw(st.integers(2, max_nodes))
    pairs = [(draw(st.integers(0, node - 1)), node) for node in range(1, count)]
    others = st.tuples(st.integers(0, count - 1), st.integers(1, count - 1))
    pairs += [(a, (a + step) % count) for a, step in draw(st.lists(others, max_size=4))]
    capacities = st.sampled_from((5, 10, 20, 50))
    links = []
    ports = dict.fromkeys(range(count), 0)
    for index, (a, z) in enumerate(pairs):
        ports[a] += 1
        ports[z] += 1
        there, back = draw(st.tuples(st.integers(0, 4_000), st.integers(0, 4_000)))
        links.append(
            Link(
                name=f"l{index}",
                a=f"n{a}",
                z=f"n{z}",
                a_port=ports[a],
                z_port=ports[z],
                capacity_bps=PerDirection(draw(capacities) * MBPS, draw(capacities) * MBPS),
                delay_ns=PerDirection(there * 1_000 + index, back * 1_000 + index + 100),
                srlgs=draw(st.sampled_from(((), (), (), ("duct-1",), ("duct-2",)))),
            )
        )
    sites = [
        Site(name=f"s{node}-{number}", node=f"n{node}", port=FIRST_SITE_PORT + number)
        for node in range(count)
        for number in range(draw(st.integers(1, 3)))
    ]
    return Topology(
        name="random",
        nodes=tuple(Node(name=f"n{node}", role=Role.PE) for node in range(count)),
        links=tuple(links),
        sites=tuple(sites),
        hop_delay_ns=draw(st.sampled_from((0, 50_000))),
        overhead_factor=draw(st.sampled_from((Fraction(1), Fraction(11, 10)))),
    )


@dataclass(frozen=True, kw_only=True)
class Put:
    """A line as specified, new or in place of the one of that name. ``a`` and ``z`` choose sites, modulo their number;
    the VLANs count if ``vlans`` is given."""

    name: int
    a: int
    z: int
    vlans: tuple[int, int] | None
    cir_mbps: tuple[int, int]
    max_delay_us: int | None
    priority: int
    disjoint: Disjointness | None
    """Protected by a second route that is apart so; ``None``: not protected."""


@dataclass(frozen=True, kw_only=True)
class Rate:
    """Another rate for a line, all else as it is."""

    name: int
    cir_mbps: tuple[int, int]


@dataclass(frozen=True, kw_only=True)
class Protect:
    """Another protection for a line, all else as it is."""

    name: int
    disjoint: Disjointness | None


@dataclass(frozen=True, kw_only=True)
class Reroute:
    """Another link that a line avoids, modulo their number, or none."""

    name: int
    link: int | None


@dataclass(frozen=True, kw_only=True)
class Kind:
    """Other VLANs for a line between the same sites, or the whole ports."""

    name: int
    vlans: tuple[int, int] | None


@dataclass(frozen=True, kw_only=True)
class Swap:
    """Two lines exchange their a ends."""

    names: tuple[int, int]


@dataclass(frozen=True, kw_only=True)
class Delete:
    name: int


_names = st.integers(0, 7)
_rates = st.one_of(st.integers(1, 12).map(lambda mbps: (mbps, mbps)), st.tuples(st.integers(1, 12), st.integers(1, 12)))
_vlan_pairs = st.tuples(st.sampled_from(VLANS), st.sampled_from(VLANS))
_vlans = st.one_of(_vlan_pairs, _vlan_pairs, st.none())
_disjoint = st.one_of(st.none(), st.none(), st.sampled_from(Disjointness))
_puts = st.builds(
    Put,
    name=_names,
    a=st.integers(0, 20),
    z=st.integers(0, 20),
    vlans=_vlans,
    cir_mbps=_rates,
    max_delay_us=st.none() | st.integers(100, 12_000),
    priority=st.integers(0, 2),
    disjoint=_disjoint,
)
orders = st.one_of(
    _puts,
    _puts,
    _puts,
    _puts,
    st.builds(Rate, name=_names, cir_mbps=_rates),
    st.builds(Protect, name=_names, disjoint=st.none() | st.sampled_from(Disjointness)),
    st.builds(Reroute, name=_names, link=st.none() | st.integers(0, 7)),
    st.builds(Kind, name=_names, vlans=_vlans),
    st.builds(Swap, names=st.tuples(_names, _names)),
    st.builds(Delete, name=_names),
)
batches = st.lists(orders, min_size=1, max_size=8)
histories = st.lists(batches, min_size=2, max_size=5)
"""Batches one after the other."""


def key(name: int) -> IntentKey:
    return IntentKey(kind="PrivateLine", tenant=f"tenant-{name % 2}", name=f"line-{name}")


def resolve(
    batch: Sequence[Put | Rate | Protect | Reroute | Kind | Swap | Delete],
    standing: Mapping[IntentKey, PrivateLine],
    topology: Topology,
) -> tuple[list[PrivateLine], list[IntentKey]]:
    """The lines to plan and those to delete. Orders without meaning in this state are left out, and so are lines that
    would be refused before they are planned, because a port or VLAN of theirs is taken."""
    after = dict(standing)
    named: dict[IntentKey, None] = {}
    for order in batch:
        for line_key, line in _ordered(order, after, topology).items():
            named[line_key] = None
            if line is None:
                after.pop(line_key, None)
            else:
                after[line_key] = line
    wanted = [after[line_key] for line_key in named if line_key in after]
    unwanted = [line_key for line_key in named if line_key not in after and line_key in standing]
    while True:
        staying = [line for line_key, line in standing.items() if line_key not in unwanted]
        faulty = {fault.document for fault in check_lines(wanted, topology, standing=staying)}
        if not faulty:
            return wanted, unwanted
        wanted = [line for index, line in enumerate(wanted) if index not in faulty]


def _ordered(order, lines, topology):
    """What each line named would be after the order; ``None``: gone."""
    if isinstance(order, Put):
        return {key(order.name): _line(order, topology)}
    if isinstance(order, Swap):
        one, two = (lines.get(key(name)) for name in order.names)
        if one is None or two is None:
            return {}
        return {one.key: replace(one, a=two.a), two.key: replace(two, a=one.a)}
    line = lines.get(key(order.name))
    if line is None:
        return {}
    if isinstance(order, Delete):
        return {line.key: None}
    if isinstance(order, Rate):
        return {line.key: replace(line, cir_bps=_bps(order.cir_mbps))}
    if isinstance(order, Protect):
        return {line.key: _protected(line, order.disjoint)}
    if isinstance(order, Reroute):
        links = () if order.link is None else (topology.links[order.link % len(topology.links)].name,)
        return {line.key: replace(line, avoid=Avoid(links=links))}
    a_vlan, z_vlan = (None, None) if order.vlans is None else order.vlans
    return {line.key: replace(line, a=replace(line.a, vlan=a_vlan), z=replace(line.z, vlan=z_vlan))}


def _line(put, topology):
    sites = topology.sites
    a = put.a % len(sites)
    z = (a + 1 + put.z % (len(sites) - 1)) % len(sites)
    a_vlan, z_vlan = (None, None) if put.vlans is None else put.vlans
    name = key(put.name)
    line = PrivateLine(
        tenant=name.tenant,
        name=name.name,
        a=Attachment(site=sites[a].name, vlan=a_vlan),
        z=Attachment(site=sites[z].name, vlan=z_vlan),
        cir_bps=_bps(put.cir_mbps),
        max_delay_ns=None if put.max_delay_us is None else put.max_delay_us * 1_000,
        priority=put.priority,
    )
    return _protected(line, put.disjoint)


def _protected(line, disjoint):
    if disjoint is None:
        return replace(line, protection=Protection.NONE)
    return replace(line, protection=Protection.ONE_TO_ONE, disjoint=disjoint)


def _bps(mbps):
    return PerDirection(mbps[0] * MBPS, mbps[1] * MBPS)
