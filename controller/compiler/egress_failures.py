"""What is left when gateways, links, nodes or SRLGs fail, named as people name them; and how much demand may grow."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from fractions import Fraction

from controller.compiler.failures import named_failure
from controller.domain.egress_demand import Aggregate
from controller.domain.egress_validation import MAX_DEMAND_BPS
from controller.domain.errors import Fault, InvalidInput, Reason
from controller.domain.spelling import did_you_mean
from controller.domain.topology import Topology
from controller.domain.units import format_rate
from controller.paths.whatif import Element

_KIND = "gateway/"


def failed(topology: Topology, names: Sequence[str]) -> Topology:
    """Without the gateways that are named, and with the links and nodes out of service. ``InvalidInput``, with fields
    ``fail[0]``, ``fail[1]`` ..., for a name that nothing has, or that several things have."""
    gateways = {gateway.name for gateway in topology.gateways}
    others = {*topology.node, *topology.link, *topology.srlgs}
    gone: set[str] = set()
    rest: dict[int, str] = {}
    faults: list[Fault] = []
    for index, text in enumerate(names):
        name = text.removeprefix(_KIND)
        field = f"fail[{index}]"
        if name in gateways and (name != text or name not in others):
            gone.add(name)
        elif name in gateways:
            message = f"{name!r} names several things: write {_KIND}{name}, or what else is meant with its kind"
            faults.append(Fault(reason=Reason.INVALID_VALUE, field=field, message=message))
        elif name != text or (text not in others and "/" not in text):
            near = did_you_mean(name, [*sorted(gateways), *([] if name != text else sorted(others))])
            what = "gateway" if name != text else "gateway, link, node or SRLG"
            message = f"there is no {what} {name[:80]!r} in the topology{near}"
            faults.append(Fault(reason=Reason.REFERENCE_NOT_FOUND, field=field, message=message))
        else:
            rest[index] = text
    if faults:
        raise InvalidInput(tuple(faults))
    down = named_failure(list(rest.values()), topology)
    by_kind = {kind: {one.name for one in down if one.element is kind} for kind in Element}
    return replace(
        topology,
        gateways=tuple(one for one in topology.gateways if one.name not in gone),
        nodes=tuple(
            replace(one, enabled=one.enabled and one.name not in by_kind[Element.NODE]) for one in topology.nodes
        ),
        links=tuple(
            replace(
                one,
                enabled=one.enabled
                and one.name not in by_kind[Element.LINK]
                and not by_kind[Element.SRLG].intersection(one.srlgs),
            )
            for one in topology.links
        ),
    )


def lost(topology: Topology, left: Topology) -> tuple[frozenset[str], frozenset[str]]:
    """The gateways and the links of ``topology`` that carry nothing in what is ``left`` of it."""
    nodes = {node.name for node in left.nodes if node.enabled}
    gateways = {gateway.name for gateway in left.gateways if gateway.node in nodes}
    links = {link.name for link in left.links if link.enabled and {link.a, link.z} <= nodes}
    return (
        frozenset(gateway.name for gateway in topology.gateways) - gateways,
        frozenset(link.name for link in topology.links) - links,
    )


def check_growth(aggregates: Iterable[Aggregate], factor: Fraction) -> None:
    """``InvalidInput``, with field ``scale``: one would be more than can be planned for."""
    largest = max((one.rate_bps for one in aggregates), default=0)
    if largest * factor > MAX_DEMAND_BPS:
        message = f"an aggregate of {format_rate(largest)} would be more than {format_rate(MAX_DEMAND_BPS)}, the most"
        raise InvalidInput((Fault(reason=Reason.INVALID_VALUE, field="scale", message=message),))
