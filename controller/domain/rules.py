"""What a device is told, as a small closed set of values. Encoding them is the southbound's work.

The pipeline of a PE (docs/data-plane.md has the picture):

* table ``CLASSIFY``: a customer port (and VLAN, and for the customer's own MPLS its ethertype) -> police, wrap, group;
  a trunk's label -> output, or, at the trunk's end, pop it and go to ``DELIVER``;
* table ``DELIVER``: the service label of a line (or its shim label), a gateway or an internet site -> unwrap, output to
  its port;
* table ``ROUTE``: the address that an IP packet is for -> its destination group;
* table ``STEER``: destination group and class -> hop limit, MAC addresses, wrap, group of the trunk to a gateway.

An OTN node has none of that: it joins two ends by a ``CrossConnect``.

Every rule can be read back and compared by value; ``FlowRule.cookie`` and ``CrossConnect.cookie`` name its owner.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, StrEnum
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import NamedTuple

from controller.domain.otn import OduType
from controller.domain.prefixes import Prefix


class Table(IntEnum):
    CLASSIFY = 0
    DELIVER = 1
    ROUTE = 2
    STEER = 3


class SourceSlice(NamedTuple):
    """Packets whose source address ends in these ``width`` bits: one of 2**width parts that traffic falls into, flow by
    flow, whatever the switch."""

    value: int
    width: int


class EchoReply(NamedTuple):
    """Answers to pings: ICMP echo replies (RFC 792 type 0; ICMPv6 type 129, RFC 4443) from one address to another, both
    of one IP version, as text in their shortest form."""

    source: str
    destination: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """``ethertype`` is the one behind up to two tags (0x8100 or 0x88a8); ``vlan`` the VID of an outer customer tag;
    ``mpls_label`` the outermost label of an MPLS frame, which says the ethertype, too (never give both).
    What is ``None`` matches anything. All absent would match every frame: no rule of ours does.

    Of IP packets in untagged frames: ``ip_dst`` is the prefix that holds the destination (of length 0: any packet of
    that version), which says the ethertype; ``dscp`` (6 bits) and ``source`` (last bits of the address, or a prefix of
    that version and not of length 0 that holds it) only beside it. ``eth_dst`` is written
    ``02:54:4c:00:00:0a``. ``arp_target``: an ARP request for this IPv4 address; ``nd_target``: a neighbour solicitation
    for this IPv6 address, both as text in their shortest form; ``echo_reply``: an answer to a ping. ``traffic_class``
    and ``group`` are what ``SetClass`` and ``SetGroup`` noted (0 where nothing was).
    """

    in_port: int | None = None
    ethertype: int | None = None
    vlan: int | None = None
    mpls_label: int | None = None
    eth_dst: str | None = None
    ip_dst: Prefix | None = None
    dscp: int | None = None
    source: SourceSlice | Prefix | None = None
    arp_target: str | None = None
    nd_target: str | None = None
    traffic_class: int | None = None
    group: int | None = None
    echo_reply: EchoReply | None = None


@dataclass(frozen=True, slots=True)
class Police:
    """Drop what exceeds the meter."""

    meter_id: int


@dataclass(frozen=True, slots=True)
class SetVlan:
    """Rewrite the VID of the outer tag; priority bits, ethertype of the tag and inner tags stay."""

    vlan: int


@dataclass(frozen=True, slots=True)
class Wrap:
    """Ethernet over MPLS (RFC 4448, no control word): the whole frame behind a service label (bottom of stack),
    a trunk label whose value the group sets, and a new Ethernet header. With ``shim`` an NSH base header of 8 bytes
    stands between the service label and the frame: a frame that is MPLS itself needs it (docs/data-plane.md). ``tc``:
    the traffic class field (3 bits, RFC 5462) of the trunk label, by which links tell what goes first."""

    service_label: int
    shim: bool = False
    tc: int = 0


@dataclass(frozen=True, slots=True)
class PopTrunk:
    """Take the trunk's label off; the service label is outermost then."""


@dataclass(frozen=True, slots=True)
class Unwrap:
    """Take outer Ethernet header, service label and, if it was wrapped with one, the shim off: the customer's frame as
    it came."""

    shim: bool = False


@dataclass(frozen=True, slots=True)
class SetTrunk:
    """Write the outermost label."""

    label: int


@dataclass(frozen=True, slots=True)
class Output:
    port: int


@dataclass(frozen=True, slots=True)
class UseGroup:
    group_id: int


@dataclass(frozen=True, slots=True)
class GoTo:
    table: Table


@dataclass(frozen=True, slots=True)
class SetClass:
    """Note the class of an IP packet for later tables (8 bits)."""

    traffic_class: int


@dataclass(frozen=True, slots=True)
class SetGroup:
    """Note the destination group of an IP packet for later tables (24 bits)."""

    group: int


@dataclass(frozen=True, slots=True)
class DecTtl:
    """Lower TTL or hop limit by one; a packet that has none left is dropped."""


@dataclass(frozen=True, slots=True)
class SetMacs:
    """Write source and destination address of the frame."""

    source: str
    destination: str


@dataclass(frozen=True, slots=True)
class AnswerArp:
    """Make of an ARP request the reply that the address asked for is at ``mac``, and send it back where it came
    from."""

    mac: str


@dataclass(frozen=True, slots=True)
class AnswerNeighbour:
    """Make of a neighbour solicitation the advertisement that the address asked for is at ``mac`` (RFC 4861: a router,
    solicited, override), and send it back where it came from."""

    mac: str


TOLD_BYTES = 128


@dataclass(frozen=True, slots=True)
class TellController:
    """Send the controller the first ``TOLD_BYTES`` of the frame."""


@dataclass(frozen=True, slots=True)
class Opaque:
    """Something that a device was found doing and that no other value here says, in the device's words. It is only
    ever read back, so that a rule somebody changed by hand never equals the rule we sent; it cannot be sent."""

    words: str


Action = (
    Police
    | SetVlan
    | Wrap
    | PopTrunk
    | Unwrap
    | SetTrunk
    | Output
    | UseGroup
    | GoTo
    | SetClass
    | SetGroup
    | DecTtl
    | SetMacs
    | AnswerArp
    | AnswerNeighbour
    | TellController
    | Opaque
)


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowRule:
    """``actions`` in order; no actions: drop."""

    cookie: int
    table: Table
    priority: int
    match: Match
    actions: tuple[Action, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class MeterRule:
    """Police to ``rate_kbps`` with a bucket of ``burst_kbits``, frames counted from the Ethernet header to the end of
    the payload (OpenFlow counts meters in these units)."""

    meter_id: int
    rate_kbps: int
    burst_kbits: int


class GroupKind(StrEnum):
    INDIRECT = "indirect"
    FAST_FAILOVER = "fast-failover"
    SELECT = "select"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bucket:
    """An action *set*: it may set the trunk's label and output, nothing more (a second encapsulation in a bucket is
    dropped by Open vSwitch). ``watch_port`` only with fast failover, ``weight`` only with select."""

    actions: tuple[Action, ...]
    watch_port: int | None = None
    weight: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupRule:
    group_id: int
    kind: GroupKind
    buckets: tuple[Bucket, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientEnd:
    """A client port of an OTN node, all of it: one port, one ODU, one line."""

    port: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LineEnd:
    """Tributary slots of a line port's OPU (ITU-T G.709; 1.25 Gbit/s each, counted from 1, ascending) under a
    tributary port number."""

    port: int
    tributary_port: int
    slots: tuple[int, ...]


CrossConnectEnd = ClientEnd | LineEnd | Opaque


@dataclass(frozen=True, slots=True, kw_only=True)
class CrossConnect:
    """One ODU through an OTN node, both ways. ``extra`` is what the node holds for it beyond that, in the node's words:
    like ``Opaque`` it is only ever read back."""

    cookie: int
    number: int
    odu: OduType | Opaque
    a: CrossConnectEnd
    z: CrossConnectEnd
    extra: tuple[str, ...] = ()


Rule = FlowRule | MeterRule | GroupRule | CrossConnect

Marked = FlowRule | CrossConnect
"""Rules that name their owner: whether one of these is ours, it says itself. Meters and groups bear no mark, so only
those that we want, or know to have left somewhere, are ours."""


class RuleKey(NamedTuple):
    """What identifies a rule on its device: two rules with one key cannot stand beside each other."""

    kind: str
    id: tuple[int, ...]


def key_of(rule: Rule) -> RuleKey:
    """A flow is identified by table, priority and match, all others by number."""
    match rule:
        case FlowRule(table=table, priority=priority, match=match):
            return RuleKey("flow", (table, priority, *_fields(match)))
        case MeterRule():
            return RuleKey("meter", (rule.meter_id,))
        case GroupRule():
            return RuleKey("group", (rule.group_id,))
        case CrossConnect():
            return RuleKey("cross-connect", (rule.number,))


def _fields(match: Match) -> tuple[int, ...]:
    """-1 for what matches anything; where a rule asks of nothing but what rules of lines ask of, nothing more."""
    in_port, ethertype, vlan, label = match.in_port, match.ethertype, match.vlan, match.mpls_label
    of_lines = (
        -1 if in_port is None else in_port,
        -1 if ethertype is None else ethertype,
        -1 if vlan is None else vlan,
        -1 if label is None else label,
    )
    of_packets = (match.eth_dst, match.ip_dst, match.dscp, match.source, match.arp_target, match.nd_target)
    noted = (match.traffic_class, match.group)
    if of_packets == _NO_PACKET and noted == _NOT_NOTED and match.echo_reply is None:
        return of_lines
    return (
        *of_lines,
        -1 if match.eth_dst is None else int(match.eth_dst.replace(":", ""), 16),
        *(_NO_PREFIX if match.ip_dst is None else match.ip_dst),
        -1 if match.dscp is None else match.dscp,
        *_source(match.source),
        -1 if match.arp_target is None else int(IPv4Address(match.arp_target)),
        -1 if match.nd_target is None else int(IPv6Address(match.nd_target)),
        -1 if match.traffic_class is None else match.traffic_class,
        -1 if match.group is None else match.group,
        *(() if match.echo_reply is None else _addresses(match.echo_reply)),
    )


def _addresses(reply: EchoReply) -> tuple[int, int, int]:
    source, destination = ip_address(reply.source), ip_address(reply.destination)
    return source.version, int(source), int(destination)


def _source(source: SourceSlice | Prefix | None) -> tuple[int, int]:
    """No prefix has the numbers of a slice."""
    if isinstance(source, Prefix):
        return (source.bits, _PREFIX_OF_SOURCE + source.length)
    return _ANY_SOURCE if source is None else source


_NO_PACKET = (None,) * 6
_NOT_NOTED = (None, None)
_NO_PREFIX = (-1, -1, -1)
_ANY_SOURCE = (-1, -1)
_PREFIX_OF_SOURCE = 1 << 8


class Op(StrEnum):
    ADD = "add"
    MODIFY = "modify"
    DELETE = "delete"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """From ``before`` to ``after`` (``None``: not there); never both ``None``, and of one key."""

    before: Rule | None
    after: Rule | None

    @property
    def op(self) -> Op:
        if self.before is None:
            return Op.ADD
        return Op.DELETE if self.after is None else Op.MODIFY

    @property
    def rule(self) -> Rule:
        """The rule after the change, or the one taken away."""
        rule = self.after or self.before
        assert rule is not None
        return rule

    @property
    def inverse(self) -> Change:
        return Change(before=self.after, after=self.before)


# A cookie of ours: 16 bits that say "Trunkline", 8 bits of kind, 40 bits of number.
COOKIE_MARK = 0x544C << 48
COOKIE_MARK_MASK = 0xFFFF << 48


class Owner(IntEnum):
    """Whose a rule is: the kinds in a cookie."""

    DEVICE = 0
    TRUNK = 1
    LINE = 2
    EDGE = 3
    """A gateway or an internet site, by its service label."""
    EGRESS = 4
    """Which way traffic takes, by destination group."""


def cookie(owner: Owner, number: int) -> int:
    """The 64-bit cookie of an owner's rules; ``number`` is a line's number or a trunk's label."""
    if not 0 <= number < 1 << 40:
        raise ValueError(f"owner number {number} does not fit in 40 bits")
    return COOKIE_MARK | owner << 40 | number


def owner_of(value: int) -> tuple[Owner, int] | None:
    """The owner that a cookie names; ``None`` when it is not one of ours."""
    if value & COOKIE_MARK_MASK != COOKIE_MARK:
        return None
    kind = value >> 40 & 0xFF
    return (Owner(kind), value & (1 << 40) - 1) if kind in Owner._value2member_map_ else None
