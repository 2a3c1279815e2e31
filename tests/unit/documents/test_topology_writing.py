"""A topology that is written reads back equal, whatever it holds."""

from fractions import Fraction

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from running.command import LAB_SMALL, ROOT
from strategies import topologies

from controller.documents import load_topology, read_topology, write_topology
from controller.domain.topology import (
    CostModel,
    Gateway,
    GatewayCost,
    Link,
    Location,
    NetconfDevice,
    NextHop,
    Node,
    OpenFlowDevice,
    PerDirection,
    Role,
    Site,
    SiteService,
    Topology,
)
from controller.domain.units import MAX_DELAY_NS, MAX_RATE_BPS

# Names that a YAML reader could take for something else are as good as any.
NAMES = st.one_of(
    st.from_regex(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,8}[A-Za-z0-9])?", fullmatch=True),
    st.sampled_from(["no", "on", "null", "true", "1", "007", "1e3", "0x1F", "1.5", "2024-01-01", "1_0", "y", "12e03"]),
)
DEVICES = st.one_of(
    st.none(),
    st.integers(0, 2**64 - 1).map(lambda number: OpenFlowDevice(datapath_id=number)),
    st.builds(
        NetconfDevice,
        host=st.sampled_from(["192.0.2.1", "2001:db8::1", "otn-bj.example.net"]),
        port=st.integers(1, 65535),
        username=st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1, max_size=5),
        key_file=st.sampled_from(["keys/id", "/etc/a key: {with} 'quotes'", "# no comment"]),
    ),
)
LOCATIONS = st.builds(
    Location,
    lat=st.decimals(-90, 90, places=6).map(float),
    lon=st.decimals(-180, 180, places=6).map(float),
)
HOPS = [
    NextHop(mac="02:00:00:00:00:01", ip="2001:db8::1"),
    NextHop(mac="02:00:00:00:00:01", ip="192.0.2.1", ip6="2001:db8::1"),
]
COSTS = [
    GatewayCost(),
    GatewayCost(model=CostModel.FLAT, per_mbps=Fraction("0.001")),
    GatewayCost(model=CostModel.PERCENTILE_95, per_mbps=Fraction(1200)),
]
RATES = st.integers(1, MAX_RATE_BPS)
DELAYS = st.integers(0, MAX_DELAY_NS)


@st.composite
def every_field(draw: st.DrawFn) -> Topology:
    a, z = draw(st.lists(NAMES, min_size=2, max_size=2, unique=True))
    node = [
        Node(
            name=name,
            role=Role.PE,
            region=draw(st.one_of(st.none(), NAMES)),
            location=draw(st.one_of(st.none(), LOCATIONS)),
            device=device,
            enabled=draw(st.booleans()),
        )
        for name, device in ((a, draw(DEVICES)), (z, None))
    ]
    link = Link(
        name=draw(NAMES),
        a=a,
        z=z,
        a_port=draw(st.integers(1, 99)),
        z_port=draw(st.integers(1, 99)),
        capacity_bps=draw(st.builds(PerDirection, RATES, RATES)),
        delay_ns=draw(st.builds(PerDirection, DELAYS, DELAYS)),
        srlgs=tuple(draw(st.lists(NAMES, max_size=3))),
        cost=draw(st.integers(0, 100)),
        mtu_bytes=draw(st.integers(64, 10_000)),
        enabled=draw(st.booleans()),
    )
    site = Site(
        name=draw(NAMES),
        node=a,
        port=100,
        service=SiteService.INTERNET,
        prefixes=("10.0.0.0/8", "fd00::/16"),
        anti_spoofing=draw(st.booleans()),
    )
    delays = draw(st.dictionaries(NAMES, DELAYS, max_size=3))
    gateway = Gateway(
        name=draw(NAMES),
        node=z,
        port=200,
        capacity_bps=draw(RATES),
        delays_ns=tuple(delays.items()),
        losses_ppm=tuple((region, draw(st.integers(0, 10**6))) for region in delays if draw(st.booleans())),
        next_hop=draw(st.one_of(st.none(), st.sampled_from(HOPS))),
        cost=draw(st.sampled_from(COSTS)),
    )
    return Topology(
        name=draw(NAMES),
        nodes=tuple(node),
        links=(link,),
        sites=(site,),
        gateways=(gateway,),
        hop_delay_ns=draw(DELAYS),
        overhead_factor=Fraction(draw(st.decimals(1, 100, places=4))),
    )


@settings(deadline=None)
@given(st.one_of(every_field(), topologies()))
def test_what_is_written_reads_back_equal(topology: Topology) -> None:
    text = write_topology(topology, header=["what it is", "", "# and more"])
    assert read_topology(text, "test") == topology
    # Another reader of YAML sees the same names.
    assert [link["name"] for link in yaml.safe_load(text)["spec"].get("links", [])] == [
        link.name for link in topology.links
    ]


@pytest.mark.parametrize("path", [LAB_SMALL, ROOT / "topologies/china-backbone.yaml"], ids=lambda path: path.stem)
def test_the_topologies_that_come_along_survive(path) -> None:
    topology = load_topology(path)
    assert read_topology(write_topology(topology), "test") == topology


def test_a_comment_never_becomes_part_of_the_document():
    text = write_topology(load_topology(LAB_SMALL), header=["Imported from x\nkind: Other.", ""])
    assert text.startswith("# Imported from x kind: Other.\n#\napiVersion: ")
