"""Which rule of a table counts for a frame."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final, NamedTuple

from controller.domain.prefixes import Prefix
from controller.domain.rules import FlowRule, Match, SourceSlice
from controller.forwarding import frame as frames
from controller.forwarding.echo import reply_addresses
from controller.forwarding.packet import mac_bytes, packet_in
from controller.forwarding.resolution import arp_target, solicited


class AmbiguousMatch(Exception):
    """Two rules of one priority match one frame: what a real switch would do is undefined."""


@dataclass(slots=True)
class Noted:
    """What the tables that a frame has passed noted of it (OpenFlow calls it metadata)."""

    traffic_class: int = 0
    group: int = 0


class Seen(NamedTuple):
    """What a look-up sees of a frame, or a match asks of one; ``None``: the frame has no such field, or the match does
    not ask. A field that both have must be the same in both, but for the two addresses, of which a match may ask for
    some bits only."""

    in_port: int | None = None
    ethertype: int | None = None
    vlan: int | None = None
    mpls_label: int | None = None
    eth_dst: bytes | None = None
    ip_version: int | None = None
    dscp: int | None = None
    arp_target: int | None = None
    nd_target: int | None = None
    traffic_class: int | None = None
    group: int | None = None
    echo_reply: bytes | None = None
    destination: int | None = None
    source: int | None = None


_ADDRESSES: Final = ("destination", "source")
_COMPARED_WHOLE: Final = tuple(position for position, name in enumerate(Seen._fields) if name not in _ADDRESSES)


def see(in_port: int, frame: bytes, noted: Noted) -> Seen:
    """What there is to see of a frame that came in by a port."""
    packet = packet_in(frame)
    return Seen(
        in_port,
        frames.ethertype(frame),
        frames.vlan(frame),
        frames.outer_label(frame),
        frame[:6],
        None if packet is None else packet.version,
        None if packet is None else packet.dscp,
        arp_target(frame),
        solicited(frame),
        noted.traffic_class,
        noted.group,
        None if packet is None else reply_addresses(frame),
        None if packet is None else packet.destination,
        None if packet is None else packet.source,
    )


class _Shape(NamedTuple):
    """Which fields matches ask for: ``whole`` are positions in ``Seen``; of the destination the bits of a mask, of the
    source those of another (both 0 when not asked for)."""

    whole: tuple[int, ...]
    version: int | None
    destination_mask: int
    source_mask: int

    def values(self, seen: Seen) -> tuple[int | bytes | None, ...]:
        """Of what is seen, that which matches of this shape ask for."""
        whole = tuple([seen[position] for position in self.whole])
        if self.version is None:
            return whole
        destination = 0 if seen.destination is None else seen.destination
        source = 0 if seen.source is None else seen.source
        return (*whole, destination & self.destination_mask, source & self.source_mask)


_Space = dict[tuple[int | bytes | None, ...], tuple[FlowRule, ...]]
"""Rules whose matches have one shape: by the values that they ask for, highest priority first."""


class FlowTable:
    """The flows of one table, indexed by the fields that they match: a look-up costs one dictionary access for each
    combination of fields (and length of prefix) in use, not one for each rule (tuple space search, Srinivasan et al.
    1999)."""

    def __init__(self) -> None:
        self._spaces: dict[_Shape, _Space] = {}

    def add(self, rule: FlowRule) -> None:
        """Where none with its priority and match is."""
        asked = _asked(rule.match)
        shape = _shape(rule.match, asked)
        space, values = self._spaces.setdefault(shape, {}), shape.values(asked)
        others = space.get(values)
        # Nearly always there are none.
        space[values] = (rule,) if others is None else tuple(sorted((*others, rule), key=_priority, reverse=True))

    def remove(self, rule: FlowRule) -> None:
        """``KeyError`` when it is not there."""
        asked = _asked(rule.match)
        shape = _shape(rule.match, asked)
        space, values = self._spaces[shape], shape.values(asked)
        rest = tuple([other for other in space[values] if other.priority != rule.priority])
        if rest:
            space[values] = rest
        else:
            del space[values]
        if not space:
            del self._spaces[shape]

    def look_up(self, seen: Seen) -> FlowRule | None:
        """The rule of the highest priority that matches. Raises ``AmbiguousMatch``."""
        best: FlowRule | None = None
        for shape, space in self._spaces.items():
            if shape.version is not None and shape.version != seen.ip_version:
                continue
            candidates = space.get(shape.values(seen))
            if candidates is None:
                continue
            rule = candidates[0]
            if best is not None and rule.priority == best.priority:
                raise AmbiguousMatch(f"{best} and {rule} both match")
            if best is None or rule.priority > best.priority:
                best = rule
        return best


def _priority(rule: FlowRule) -> int:
    return rule.priority


def _asked(match: Match) -> Seen:
    return Seen(
        match.in_port,
        match.ethertype,
        match.vlan,
        match.mpls_label,
        None if match.eth_dst is None else mac_bytes(match.eth_dst),
        None if match.ip_dst is None else match.ip_dst.version,
        match.dscp,
        None if match.arp_target is None else int(IPv4Address(match.arp_target)),
        None if match.nd_target is None else int(IPv6Address(match.nd_target)),
        match.traffic_class,
        match.group,
        None if match.echo_reply is None else b"".join(ip_address(address).packed for address in match.echo_reply),
        None if match.ip_dst is None else match.ip_dst.bits,
        _source(match)[0],
    )


def _source(match: Match) -> tuple[int | None, int]:
    """What is asked of the bits of a mask."""
    match match.source:
        case None:
            return None, 0
        case Prefix() as prefix:
            return prefix.bits, prefix.mask
        case SourceSlice(value, width):
            return value, (1 << width) - 1


def _shape(match: Match, asked: Seen) -> _Shape:
    if (match.source is not None or match.dscp is not None) and match.ip_dst is None:
        raise ValueError(f"{match} asks for the source or DSCP of packets and does not say of which IP version")
    return _Shape(
        whole=tuple([position for position in _COMPARED_WHOLE if asked[position] is not None]),
        version=asked.ip_version,
        destination_mask=0 if match.ip_dst is None else match.ip_dst.mask,
        source_mask=_source(match)[1],
    )
