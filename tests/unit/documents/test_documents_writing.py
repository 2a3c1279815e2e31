"""A line that is written reads back equal, whatever it holds."""

from hypothesis import given, settings
from hypothesis import strategies as st

from controller.documents import read_intents, write_intent
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
from controller.domain.topology import PerDirection
from controller.domain.units import MAX_DELAY_NS
from controller.domain.validation import MAX_CIR_BPS

# Names that a YAML reader could take for something else are as good as any.
NAMES = st.one_of(
    st.from_regex(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,8}[A-Za-z0-9])?", fullmatch=True),
    st.sampled_from(["no", "on", "null", "true", "1", "007", "1e3", "0x1F", "1.5", "1.5.2", "2024-01-01", "1_0", "y"]),
)
RATES = st.integers(1, MAX_CIR_BPS)
NAME_LISTS = st.lists(NAMES, max_size=3, unique=True).map(tuple)


@st.composite
def lines(draw: st.DrawFn) -> PrivateLine:
    evpl = draw(st.booleans())
    a, z = draw(st.lists(NAMES, min_size=2, max_size=2, unique=True))
    layer = draw(st.sampled_from(LayerChoice))
    vlans = st.integers(1, 4094) if evpl else st.none()
    return PrivateLine(
        tenant=draw(NAMES),
        name=draw(NAMES),
        a=Attachment(site=a, vlan=draw(vlans)),
        z=Attachment(site=z, vlan=draw(vlans)),
        cir_bps=draw(st.one_of(RATES.map(PerDirection.both), st.builds(PerDirection, RATES, RATES))),
        max_delay_ns=draw(st.one_of(st.none(), st.integers(1, MAX_DELAY_NS))),
        mtu_bytes=draw(st.integers(64, 9600)),
        protection=draw(st.sampled_from(Protection)),
        disjoint=draw(st.sampled_from(Disjointness)),
        avoid=Avoid(nodes=draw(NAME_LISTS), links=draw(NAME_LISTS), srlgs=draw(NAME_LISTS), regions=draw(NAME_LISTS)),
        via=draw(NAME_LISTS),
        objective=draw(st.sampled_from(Objective)),
        priority=draw(st.integers(0, 7)),
        layer=layer,
        isolation=Isolation.SHARED if layer is LayerChoice.PACKET else draw(st.sampled_from(Isolation)),
    )


@settings(deadline=None)
@given(lines())
def test_reads_back_equal(line: PrivateLine) -> None:
    (located,) = read_intents(write_intent(line), "written")
    assert located.intent == line


def test_written_as_people_write_it() -> None:
    line = PrivateLine(
        tenant="acme",
        name="bj-sh-gold",
        a=Attachment(site="dc-bj-1", vlan=100),
        z=Attachment(site="dc-sh-1", vlan=200),
        cir_bps=PerDirection(500_000_000, 1_500_000),
        max_delay_ns=12_500_000,
        avoid=Avoid(nodes=("p-zz", "p-wh")),
    )
    assert (
        write_intent(line)
        == """\
apiVersion: trunkline/v1
kind: PrivateLine
metadata: {tenant: acme, name: bj-sh-gold}
spec:
  a: {site: dc-bj-1, vlan: 100}
  z: {site: dc-sh-1, vlan: 200}
  bandwidth: {aToZ: 500Mbps, zToA: 1.5Mbps}
  maxDelay: 12.5ms
  mtu: 1500
  protection: none
  disjoint: link
  avoid:
    nodes: [p-zz, p-wh]
  objective: delay
  priority: 4
  layer: packet
  isolation: shared
"""
    )
