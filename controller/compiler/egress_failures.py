"""The network that is left when gateways, links, nodes or SRLGs fail, named as people name them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from controller.compiler.failures import named_failure
from controller.domain.errors import Fault, InvalidInput, Reason
from controller.domain.spelling import did_you_mean
from controller.domain.topology import Topology
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
