"""The rules that a private line must keep to be planned at all: values, references, conflicts with other lines.

One place for every way in: a document checks what it read, the service checks what came over the wire. A fault names
its field as the documents write it (``spec.a.vlan``), and the line it belongs to by ``Fault.document``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Final, Protocol

from controller.domain.errors import Fault, Reason
from controller.domain.intents import Attachment, Avoid, IntentKey, Isolation, LayerChoice, PrivateLine
from controller.domain.spelling import did_you_mean
from controller.domain.topology import PerDirection, SiteService, Topology
from controller.domain.units import MAX_DELAY_NS, format_delay, format_rate

# IEEE 802.1Q: VID 0 marks a frame that is only priority-tagged, 4095 is reserved.
VLANS: Final = range(1, 4095)
LINE_MTUS: Final = range(64, 9601)
PRIORITIES: Final = range(8)
# What a meter can police: OpenFlow counts in kilobits per second, in 32 bits.
MAX_CIR_BPS: Final = 4 * 10**12
MOST_NAMES: Final = 1_000
"""So many names may stand in one list of a line (``avoid``, ``via``)."""

# A label as in RFC 1123, with the capitals, dots and underscores that names of network devices have.
_NAME: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?", re.ASCII)


class Asked(Protocol):
    """What is asked of a route, whoever asks."""

    @property
    def cir_bps(self) -> PerDirection[int]: ...
    @property
    def max_delay_ns(self) -> int | None: ...
    @property
    def mtu_bytes(self) -> int: ...
    @property
    def avoid(self) -> Avoid: ...
    @property
    def via(self) -> tuple[str, ...]: ...


def name_problem(name: str) -> str | None:
    """Say what is wrong with a name of a thing or a tenant; ``None`` when nothing is."""
    if _NAME.fullmatch(name):
        return None
    shown = f"{name[:40]!r}{'...' if len(name) > 40 else ''}"
    return (
        f"{shown} is not a name: write 1 to 63 ASCII letters, digits, '-', '_' or '.', "
        "beginning and ending with a letter or digit"
    )


def check_line(line: PrivateLine, topology: Topology) -> list[Fault]:
    """Return all that is wrong with one line in this network, by itself."""
    return check_values(line) + check_references(line, topology)


def check_lines(
    lines: Sequence[PrivateLine],
    topology: Topology,
    *,
    standing: Iterable[PrivateLine] = (),
    place: Callable[[int], str] | None = None,
) -> list[Fault]:
    """Return all that is wrong with lines that are asked for together.

    ``standing`` are the lines already there (one with the key of an asked line is replaced by it, hence ignored).
    ``place`` says where an asked line is written, as in ``line 12``. ``Fault.document`` is the index in ``lines``.
    """
    faults = [
        Fault(reason=fault.reason, message=fault.message, field=fault.field, document=index)
        for index, line in enumerate(lines)
        for fault in check_line(line, topology)
    ]
    return faults + check_conflicts(lines, standing=standing, place=place)


def check_values(line: PrivateLine) -> list[Fault]:
    """Return what is wrong with a line in any network."""
    faults: list[Fault] = []

    def refuse(field: str, message: str) -> None:
        faults.append(Fault(reason=Reason.INVALID_VALUE, message=message, field=field))

    for field, name in (("metadata.tenant", line.tenant), ("metadata.name", line.name)):
        problem = name_problem(name)
        if problem is not None:
            refuse(field, problem)
    for field, end in _ends(line):
        if end.vlan is not None and end.vlan not in VLANS:
            refuse(f"{field}.vlan", f"{end.vlan} is not a VLAN ID: write 1 to 4094, or leave it out for the whole port")
    if (line.a.vlan is None) != (line.z.vlan is None):
        bare = "a" if line.a.vlan is None else "z"
        refuse(
            f"spec.{bare}.vlan",
            "one end takes a VLAN and the other the whole port: give both ends a vlan (EVPL) or neither (EPL)",
        )
    if line.a.site == line.z.site:
        refuse("spec.z.site", f"both ends are at site {line.z.site[:80]!r}: a line joins two sites")
    faults += check_asked_values(line)
    if line.priority not in PRIORITIES:
        refuse("spec.priority", f"{line.priority} is not a priority: write 0 (first) to 7")
    if line.isolation is Isolation.DEDICATED and line.layer is LayerChoice.PACKET:
        refuse(
            "spec.isolation",
            "'dedicated' is an ODU of its own, which the packet layer does not have: write layer: otn, or auto",
        )
    return faults


def check_asked_values(asked: Asked, *, least_bps: int = 1) -> list[Fault]:
    """Return what is wrong, in any network, with what is asked of a route: rates from ``least_bps`` up, bound, MTU,
    lists of names."""
    faults: list[Fault] = []

    def refuse(field: str, message: str) -> None:
        faults.append(Fault(reason=Reason.INVALID_VALUE, message=message, field=field))

    for field, rate_bps in _by_direction("spec.bandwidth", asked.cir_bps):
        if rate_bps < least_bps:
            right = "more than 0bps" if least_bps else "0bps or more"
            refuse(field, f"{rate_bps}bps is no bandwidth: it must be {right}")
        elif rate_bps > MAX_CIR_BPS:
            refuse(field, f"{format_rate(rate_bps)} is too large: the most is {format_rate(MAX_CIR_BPS)}")
    if asked.max_delay_ns is not None and not 0 < asked.max_delay_ns <= MAX_DELAY_NS:
        refuse(
            "spec.maxDelay",
            f"{asked.max_delay_ns}ns is no bound: it must be more than 0ns and at most {format_delay(MAX_DELAY_NS)}",
        )
    if asked.mtu_bytes not in LINE_MTUS:
        refuse("spec.mtu", f"{asked.mtu_bytes} is not an MTU: write {_span(LINE_MTUS)} bytes")
    for field, names in _lists(asked):
        if len(names) > MOST_NAMES:
            refuse(field, f"has {len(names)} names: at most {MOST_NAMES} are taken")
    faults += [
        Fault(
            reason=Reason.INVALID_VALUE,
            message=f"{node[:80]!r} is named before: a route passes a node once",
            field=f"spec.via.nodes[{index}]",
        )
        for index, node in enumerate(asked.via[:MOST_NAMES])
        if node in asked.via[:index]
    ]
    return faults


def check_references(line: PrivateLine, topology: Topology) -> list[Fault]:
    """Return every name in a line that the topology does not know, and sites that are not for private lines."""
    faults: list[Fault] = []
    for field, end in _ends(line):
        site = topology.site.get(end.site)
        if site is None:
            faults.append(unknown(f"{field}.site", "site", end.site, topology.site))
        elif site.service is not SiteService.L2:
            message = f"site '{end.site}' has service '{site.service}': a private line needs 'l2'"
            faults.append(Fault(reason=Reason.INVALID_VALUE, message=message, field=f"{field}.site"))
    return faults + check_asked_names(line, topology)


def check_asked_names(asked: Asked, topology: Topology) -> list[Fault]:
    """Return every name in what is asked of a route that the topology does not know."""
    avoid = asked.avoid
    faults: list[Fault] = []
    for field, what, names, known in (
        ("spec.avoid.nodes", "node", avoid.nodes, topology.node),
        ("spec.avoid.links", "link", avoid.links, topology.link),
        ("spec.avoid.srlgs", "SRLG", avoid.srlgs, topology.srlgs),
        ("spec.avoid.regions", "region", avoid.regions, topology.regions),
        ("spec.via.nodes", "node", asked.via, topology.node),
    ):
        faults += [
            unknown(f"{field}[{index}]", what, name, known)
            for index, name in enumerate(names[:MOST_NAMES])
            if name not in known
        ]
    return faults


def check_conflicts(
    lines: Sequence[PrivateLine],
    *,
    standing: Iterable[PrivateLine] = (),
    place: Callable[[int], str] | None = None,
) -> list[Fault]:
    """Return where lines hinder each other, or standing ones: one name twice, one VLAN or port of a site twice."""
    faults: list[Fault] = []
    first: dict[IntentKey, int] = {}
    for index, line in enumerate(lines):
        if line.key in first:
            there = f" ({place(first[line.key])})" if place is not None else ""
            faults.append(
                Fault(
                    reason=Reason.NAME_TAKEN,
                    message=f"there is a {line.key} before this one{there}: names are unique within a tenant",
                    field="metadata.name",
                    document=index,
                )
            )
        else:
            first[line.key] = index
    taken = _Claims()
    for line in standing:
        if line.key not in first:
            for _, end in _ends(line):
                taken.claim(end, line.key)
    for line, index in ((lines[index], index) for index in first.values()):
        for field, end in _ends(line):
            other = taken.claim(end, line.key)
            if other is not None:
                faults.append(_occupied(field, end, other, index))
    return sorted(faults, key=lambda fault: fault.document)


class _Claims:
    """Which line holds which VLAN, or the whole port, of each site."""

    def __init__(self) -> None:
        self._by_site: dict[str, dict[int | None, IntentKey]] = {}

    def claim(self, end: Attachment, key: IntentKey) -> IntentKey | None:
        """Claim an attachment for a line; return another line that already holds (a part of) it, if one does."""
        held = self._by_site.setdefault(end.site, {})
        if end.vlan is None:
            other = next((holder for holder in held.values() if holder != key), None)
        else:
            other = held.get(end.vlan, held.get(None))
        held.setdefault(end.vlan, key)
        return None if other == key else other


def _occupied(field: str, end: Attachment, other: IntentKey, index: int) -> Fault:
    if end.vlan is None:
        message = f"the port of site '{end.site}' is used by {other}: choose a site that no other line uses"
        return Fault(reason=Reason.VLAN_IN_USE, message=message, field=f"{field}.site", document=index)
    message = f"VLAN {end.vlan} of site '{end.site}' is used by {other}: choose another VLAN or site"
    return Fault(reason=Reason.VLAN_IN_USE, message=message, field=f"{field}.vlan", document=index)


def unknown(field: str, what: str, name: str, known: Iterable[str]) -> Fault:
    """A name that is not there, and one that may be meant."""
    message = f"there is no {what} {name[:80]!r} in the topology{did_you_mean(name, known)}"
    return Fault(reason=Reason.REFERENCE_NOT_FOUND, message=message, field=field)


def _lists(asked: Asked) -> tuple[tuple[str, tuple[str, ...]], ...]:
    return (
        ("spec.avoid.nodes", asked.avoid.nodes),
        ("spec.avoid.links", asked.avoid.links),
        ("spec.avoid.srlgs", asked.avoid.srlgs),
        ("spec.avoid.regions", asked.avoid.regions),
        ("spec.via.nodes", asked.via),
    )


def _ends(line: PrivateLine) -> tuple[tuple[str, Attachment], tuple[str, Attachment]]:
    return (("spec.a", line.a), ("spec.z", line.z))


def _by_direction(field: str, values: PerDirection[int]) -> Iterable[tuple[str, int]]:
    """Both values with their fields, or one when they are the same."""
    if values.a_to_z == values.z_to_a:
        return ((field, values.a_to_z),)
    return ((f"{field}.aToZ", values.a_to_z), (f"{field}.zToA", values.z_to_a))


def _span(values: range) -> str:
    return f"{values.start} to {values.stop - 1}"
