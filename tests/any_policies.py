"""Egress policies of all kinds that hypothesis thinks of."""

from __future__ import annotations

from hypothesis import strategies as st

from controller.domain.egress import EgressPolicy, GatewayChoice, Sources, TrafficClass
from controller.domain.egress_validation import MAX_DEMAND_BPS
from controller.domain.units import ALL_PPM, MAX_DELAY_NS

# Names that a YAML reader could take for something else are as good as any.
NAMES = st.one_of(
    st.from_regex(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,8}[A-Za-z0-9])?", fullmatch=True),
    st.sampled_from(["no", "null", "true", "007", "1e3", "measured", "2024-01-01"]),
)
_LISTS = st.lists(NAMES, max_size=3, unique=True).map(tuple)
_PREFIXES = st.lists(
    st.sampled_from(["198.51.100.0/24", "0.0.0.0/0", "10.0.0.0/8", "fd00:44::/32", "::/0", "2001:db8::1/128"]),
    max_size=4,
    unique=True,
).map(tuple)


@st.composite
def policies(draw: st.DrawFn) -> EgressPolicy:
    """Policies whose values are right; nobody knows whether what they name is there."""
    allow, deny = draw(_LISTS), draw(_LISTS)
    choice = GatewayChoice(allow=tuple(name for name in allow if name not in deny), deny=deny)
    prefer = tuple(name for name in draw(_LISTS) if choice.admits(name))
    regions = draw(_LISTS)
    return EgressPolicy(
        tenant=draw(NAMES),
        name=draw(NAMES),
        sources=Sources(regions=regions, nodes=draw(_LISTS) if regions else (draw(NAMES),)),
        to_region=draw(NAMES),
        prefixes=draw(_PREFIXES),
        demand_bps=draw(st.one_of(st.none(), st.integers(1, MAX_DEMAND_BPS))),
        gateways=GatewayChoice(
            allow=choice.allow, deny=deny, prefer=prefer, at_most=draw(st.one_of(st.none(), st.integers(1, 9)))
        ),
        max_delay_ns=draw(st.one_of(st.none(), st.integers(1, MAX_DELAY_NS))),
        max_loss_ppm=draw(st.one_of(st.none(), st.integers(0, ALL_PPM - 1))),
        traffic_class=draw(st.sampled_from(TrafficClass)),
    )
