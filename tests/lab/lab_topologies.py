"""Topologies for tests of the lab itself."""

from controller.domain.topology import Link, Node, OpenFlowDevice, PerDirection, Role, Site, Topology

MS = 1_000_000
MBPS = 1_000_000


def node(name, number):
    return Node(name=name, role=Role.PE, device=OpenFlowDevice(datapath_id=number))


def link(name, a, a_port, z, z_port, delay_ms=1, mbps=100, **more):
    delay = delay_ms if isinstance(delay_ms, PerDirection) else PerDirection.both(delay_ms)
    return Link(
        name=name,
        a=a,
        z=z,
        a_port=a_port,
        z_port=z_port,
        delay_ns=PerDirection(*(ms * MS for ms in delay)),
        capacity_bps=PerDirection.both(mbps * MBPS),
        **more,
    )


LONG = "a-site-or-node.with_a-name-of-63-characters-which-is-the-longest"[:63]

LINE = Topology(
    name="line",
    nodes=(node(LONG, 0xA1), node("p", 0xB2), node("pe-z", 0xFFFFFFFFFFFFFFFF)),
    links=(
        link("first", LONG, 40000, "p", 2, delay_ms=PerDirection(8, 3)),
        link("second", "p", 65279, "pe-z", 1, delay_ms=PerDirection(2, 4)),
        link("second-too", "p", 7, "pe-z", 3),
    ),
    # A site may bear the name of a node.
    sites=(Site(name=LONG, node=LONG, port=11), Site(name="dc-z", node="pe-z", port=300)),
)


def ring(size):
    """``size`` switches in a ring with chords, each with a site: degree 3."""
    ports = [iter(range(1, 10)) for _ in range(size)]
    pairs = [(at, (at + 1) % size) for at in range(size)] + [(at, at + size // 2) for at in range(size // 2)]
    return Topology(
        name=f"ring-{size}",
        nodes=tuple(node(f"pe-{at}", at + 1) for at in range(size)),
        links=tuple(
            link(f"link-{a}-{z}", f"pe-{a}", next(ports[a]), f"pe-{z}", next(ports[z]), delay_ms=2) for a, z in pairs
        ),
        sites=tuple(Site(name=f"dc-{at}", node=f"pe-{at}", port=21) for at in range(size)),
    )
