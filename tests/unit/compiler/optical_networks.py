"""Small random networks of two layers, and lines for them, drawn from a seed: a failure names it.

Few and small: so client ports, slots, capacities and bounds bind in most of them, and ties and parallel links abound.
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

from controller.domain.intents import (
    Attachment,
    Avoid,
    Disjointness,
    Isolation,
    LayerChoice,
    Objective,
    PrivateLine,
    Protection,
)
from controller.domain.otn import OduType
from controller.domain.topology import Link, NetconfDevice, Node, OpenFlowDevice, PerDirection, Role, Site, Topology

GBPS = 10**9
# Around what the ODUs hold, which for the three smallest is 1.239, 2.488 and 9.995 Gbit/s.
RATES = tuple(int(gbps * GBPS) for gbps in (0.3, 1, 1.2389, 1.239, 2, 2.4, 2.5, 9, 9.99, 10.2, 11, 40, 41, 100, 110))
SERVERS = (OduType.ODU1, OduType.ODU2, OduType.ODU2, OduType.ODU3, OduType.ODU4)
SRLGS = ("duct-1", "duct-2")
REGIONS = (None, None, "north", "south")


def random_network(rng):
    """Two or three PEs, at most one transit node, one to three OTN nodes."""
    pes = [f"pe{number}" for number in range(rng.choice((2, 2, 3)))]
    ps = ["p0"] * (rng.random() < 0.4)
    otns = [f"otn{number}" for number in range(rng.choice((1, 2, 2, 3, 3)))]
    ports = dict.fromkeys((*pes, *ps, *otns), 0)
    links = []
    names = [f"l{number}" for number in range(20)]
    rng.shuffle(names)

    def join(a, z, **more):
        ports[a] += 1
        ports[z] += 1
        spread = rng.choice((0, 1, 5))
        links.append(
            Link(
                name=names[len(links)],
                a=a,
                z=z,
                a_port=ports[a],
                z_port=ports[z],
                capacity_bps=PerDirection(*(rng.choice((10, 30, 100, 200)) * GBPS for _ in range(2))),
                delay_ns=PerDirection(*(1_000 * rng.randint(1, 1 + spread) for _ in range(2))),
                srlgs=tuple(srlg for srlg in SRLGS if rng.random() < 0.15),
                cost=rng.randint(0, 3),
                mtu_bytes=1500 if rng.random() < 0.06 else 1600,
                enabled=rng.random() > 0.03,
                **more,
            )
        )

    for _ in range(rng.randint(0, 3)):
        a, z = rng.sample([*pes, *ps], 2)
        join(a, z)
    for pe in pes:
        for _ in range(rng.choice((1, 2, 2, 3))):
            ends = [pe, rng.choice(otns)]
            rng.shuffle(ends)
            join(*ends)
    for _ in range(rng.randint(2, 5) if len(otns) > 1 else 0):
        join(*rng.sample(otns, 2), odu=rng.choice(SERVERS))
    nodes = [
        Node(name=name, role=role, region=rng.choice(REGIONS), device=device(role, number), enabled=rng.random() > 0.02)
        for number, (name, role) in enumerate(
            [(name, Role.PE) for name in pes] + [(name, Role.P) for name in ps] + [(name, Role.OTN) for name in otns], 1
        )
    ]
    rng.shuffle(nodes)
    return Topology(
        name="random",
        nodes=tuple(nodes),
        links=tuple(links),
        sites=tuple(Site(name=f"s-{pe}-{number}", node=pe, port=100 + number) for pe in pes for number in (1, 2)),
        hop_delay_ns=rng.choice((0, 100)),
        otn_node_delay_ns=rng.choice((0, 2, 1_000)),
        overhead_factor=rng.choice((Fraction(1), Fraction(1), Fraction(11, 10))),
    )


def device(role, number):
    if role is Role.OTN:
        return NetconfDevice(host="127.0.0.1", port=number, username="u", key_file="k")
    return OpenFlowDevice(datapath_id=number)


def random_line(rng, topology, number):
    """A line of this number: its VLAN, so that no two lines meet at a site."""
    a, z = rng.sample([site.name for site in topology.sites], 2)
    while topology.site[a].node == topology.site[z].node and rng.random() < 0.9:
        a, z = rng.sample([site.name for site in topology.sites], 2)
    line = PrivateLine(
        tenant="acme",
        name=f"line{number}",
        a=Attachment(site=a, vlan=100 + number),
        z=Attachment(site=z, vlan=100 + number),
        cir_bps=random_rates(rng),
        layer=rng.choice((LayerChoice.PACKET, LayerChoice.OTN, LayerChoice.AUTO, LayerChoice.AUTO)),
        priority=rng.randint(3, 5),
        mtu_bytes=rng.choice((1500, 1500, 1400)),
    )
    if line.layer is not LayerChoice.PACKET and rng.random() < 0.3:
        line = replace(line, isolation=Isolation.DEDICATED)
    return changed(rng, topology, line)


def random_rates(rng):
    there = small_rate(rng)
    return PerDirection(there, there if rng.random() < 0.6 else small_rate(rng))


def small_rate(rng):
    return rng.choice(RATES[:8] if rng.random() < 0.7 else RATES)


def changed(rng, topology, line):
    """The line with other constraints."""

    def some_of(names, chance):
        return tuple(rng.sample(names, 1)) if names and rng.random() < chance else ()

    ends = {topology.site[line.a.site].node, topology.site[line.z.site].node}
    inner = sorted(set(topology.node) - ends)
    return replace(
        line,
        max_delay_ns=None if rng.random() < 0.4 else 1_000 * rng.randint(1, 14),
        protection=Protection.ONE_TO_ONE if rng.random() < 0.3 else Protection.NONE,
        disjoint=rng.choice(tuple(Disjointness)),
        objective=rng.choice(tuple(Objective)),
        avoid=Avoid(
            nodes=some_of(inner, 0.08),
            links=some_of(sorted(topology.link), 0.1),
            srlgs=some_of(sorted(topology.srlgs), 0.05),
            regions=some_of(sorted(topology.regions), 0.03),
        ),
        via=some_of(inner, 0.12),
    )


def random_batch(rng, topology, standing, numbers):
    """(lines wanted, keys of lines unwanted): new lines, other rates, other constraints, and some that go."""
    wanted, unwanted = {}, []
    for key, line in sorted(standing.items()):
        draw = rng.random()
        if draw < 0.15:
            unwanted.append(key)
        elif draw < 0.35:
            wanted[key] = replace(line, cir_bps=random_rates(rng))
        elif draw < 0.5:
            wanted[key] = changed(rng, topology, line)
        elif draw < 0.6:
            wanted[key] = line
    for _ in range(rng.randint(1, 3)):
        line = random_line(rng, topology, next(numbers))
        wanted[line.key] = line
    lines = list(wanted.values())
    rng.shuffle(lines)
    return lines, unwanted
