"""What a device is told, as a small closed set of values. Encoding them is the southbound's work.

The pipeline of a PE (docs/data-plane.md has the picture):

* table ``CLASSIFY``: a customer port (and VLAN, and for the customer's own MPLS its ethertype) -> police, wrap, group;
  a trunk's label -> output, or, at the trunk's end, pop it and go to ``DELIVER``;
* table ``DELIVER``: a line's service label or shim label -> unwrap, output to the customer's port.

An OTN node has none of that: it joins two ends by a ``CrossConnect``.

Every rule can be read back and compared by value; ``FlowRule.cookie`` and ``CrossConnect.cookie`` name its owner.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import NamedTuple

from controller.domain.otn import OduType


class Table(IntEnum):
    CLASSIFY = 0
    DELIVER = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """``ethertype`` is the one behind up to two tags (0x8100 or 0x88a8); ``vlan`` the VID of an outer customer tag;
    ``mpls_label`` the outermost label of an MPLS frame, which says the ethertype, too (never give both).
    What is ``None`` matches anything. All absent would match every frame: no rule of ours does."""

    in_port: int | None = None
    ethertype: int | None = None
    vlan: int | None = None
    mpls_label: int | None = None


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
    stands between the service label and the frame: a frame that is MPLS itself needs it (docs/data-plane.md)."""

    service_label: int
    shim: bool = False


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
class Opaque:
    """Something that a device was found doing and that no other value here says, in the device's words. It is only
    ever read back, so that a rule somebody changed by hand never equals the rule we sent; it cannot be sent."""

    words: str


Action = Police | SetVlan | Wrap | PopTrunk | Unwrap | SetTrunk | Output | UseGroup | GoTo | Opaque


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


def _fields(match: Match) -> tuple[int, int, int, int]:
    """-1 for what matches anything."""
    in_port, ethertype, vlan, label = match.in_port, match.ethertype, match.vlan, match.mpls_label
    return (
        -1 if in_port is None else in_port,
        -1 if ethertype is None else ethertype,
        -1 if vlan is None else vlan,
        -1 if label is None else label,
    )


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
