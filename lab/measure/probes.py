"""Which frames prove a line: the catalogue, written out for every line of a lab.

* An EPL carries every frame, both ways, unchanged.
* An EVPL carries what has its VID in an outer 0x8100 tag; the VID becomes the far end's, priority bits and inner tags
  stay. Whatever else enters its ports is blocked, unless another line takes that VID.
* A site without a line carries nothing.

Two things are observed and not judged, because Open vSwitch 3.1 in user space decides them before any rule of ours: on
input it clears the drop-eligible bit of a tag (``eth_push_vlan``), and a rule for a VID takes 0x88a8 tags for 0x8100.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from itertools import chain, count, zip_longest
from typing import Final

from controller.domain.topology import Direction
from lab.measure import frames
from lab.measure.expectation import ExpectedLab, ExpectedLine
from lab.measure.frames import S_TAG, Identity, VlanTag

_CUSTOMER_VID: Final = 77
_INNER_VID: Final = 1234
_NO_LINE: Final = 0xFFFF


class Purpose(StrEnum):
    """What should become of a probe."""

    CARRIED = "carried"
    BLOCKED = "blocked"
    OBSERVED = "observed"
    """Carried or not, it is told and not judged: switches differ here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """A frame sent into ``site``; ``arrival`` is how it should look at ``far_site`` if it gets there.

    ``line`` names the line that it tests. Into an idle site there is none, and no far site.
    """

    line: str
    direction: Direction
    purpose: Purpose
    kind: str
    mark: int
    site: str
    frame: bytes
    far_site: str
    arrival: bytes


class Marks:
    """Hands out marks that no other frame of this or an earlier run carries; ``run`` is any number of 32 bits."""

    def __init__(self, run: int) -> None:
        self._numbers = count(run << 32)

    def take(self) -> int:
        return next(self._numbers)


Maker = Callable[[Identity], bytes]
Recipe = tuple[Purpose, str, Maker]


def lab_probes(lab: ExpectedLab, marks: Marks) -> tuple[Probe, ...]:
    """All probes of a lab. Lines take turns, so that none gets all its frames at once: a meter's burst is finite."""
    queues = [_line_probes(lab, line, direction, marks) for line in lab.lines for direction in Direction]
    queues += [_idle_probes(lab, site, marks) for site in lab.idle_sites]
    return tuple(probe for turn in zip_longest(*queues) for probe in turn if probe is not None)


def line_frame(line: ExpectedLine, direction: Direction, identity: Identity, packet_bytes: int) -> bytes:
    """A frame that ``line`` carries in ``direction``, with an IPv4 packet of ``packet_bytes`` in it."""
    near, _ = line.ends(direction)
    frame = frames.ipv4_udp(identity, packet_bytes)
    return frame if near.vlan is None else frames.tagged(frame, VlanTag(vid=near.vlan))


def identity_of(lab: ExpectedLab, line: ExpectedLine, direction: Direction, mark: int) -> Identity:
    """Addresses of a line's own at either end: a switch that learns addresses must not mix up two lines."""
    return _identity(lab.lines.index(line), direction, mark)


def _line_probes(lab: ExpectedLab, line: ExpectedLine, direction: Direction, marks: Marks) -> Iterator[Probe]:
    near, far = line.ends(direction)
    if near.vlan is None or far.vlan is None:
        recipes = _whole_port(line.mtu_bytes)
    else:
        strangers = _unused_vids(lab.vids_in_use(near.site) | {near.vlan, far.vlan})
        recipes = _one_vlan(near.vlan, strangers, line.mtu_bytes)
    for purpose, kind, make in recipes:
        identity = identity_of(lab, line, direction, marks.take())
        frame = make(identity)
        translated = far.vlan is not None and purpose is not Purpose.BLOCKED
        yield Probe(
            line=str(line),
            direction=direction,
            purpose=purpose,
            kind=kind,
            mark=identity.mark,
            site=near.site,
            frame=frame,
            far_site=far.site,
            arrival=frames.with_vid(frame, far.vlan) if translated and far.vlan is not None else frame,
        )


def _idle_probes(lab: ExpectedLab, site: str, marks: Marks) -> Iterator[Probe]:
    vids = sorted({vid for other in lab.sites for vid in lab.vids_in_use(other)})
    tagged = ((f"VID {vid}", _in_tags(frames.ipv4_udp, VlanTag(vid=vid))) for vid in vids)
    for kind, make in chain(_plain(packet_bytes=1500), tagged):
        identity = _identity(_NO_LINE, Direction.A_TO_Z, marks.take())
        yield Probe(
            line="",
            direction=Direction.A_TO_Z,
            purpose=Purpose.BLOCKED,
            kind=kind,
            mark=identity.mark,
            site=site,
            frame=make(identity),
            far_site="",
            arrival=b"",
        )


def _plain(packet_bytes: int) -> tuple[tuple[str, Maker], ...]:
    """Untagged frames of every kind; the longest has a packet of ``packet_bytes``."""
    return (
        ("IPv4", frames.ipv4_udp),
        ("IPv4 in the shortest frame", partial(frames.ipv4_udp, packet_bytes=frames.MIN_FRAME - frames.HEADER)),
        (f"IPv4 of {packet_bytes} bytes", partial(frames.ipv4_udp, packet_bytes=packet_bytes)),
        ("IPv6", frames.ipv6_udp),
        ("ARP", frames.arp_request),
        ("LLDP", frames.lldp),
        ("spanning tree", frames.bridge_protocol),
        ("ethertype 0x88b5", frames.unknown_ethertype),
        ("MPLS", frames.mpls),
    )


def _priorities(vid: int) -> Iterator[Recipe]:
    for pcp in (0, 5, 7):
        yield Purpose.CARRIED, f"VID {vid} priority {pcp}", _in_tags(frames.ipv4_udp, VlanTag(vid=vid, pcp=pcp))


def _whole_port(mtu_bytes: int) -> Iterator[Recipe]:
    """What an EPL carries: every kind of frame."""
    for kind, make in _plain(mtu_bytes):
        yield Purpose.CARRIED, kind, make
    yield from _priorities(_CUSTOMER_VID)
    customer = VlanTag(vid=_CUSTOMER_VID, pcp=3)
    inner = VlanTag(vid=_INNER_VID, pcp=5)
    longest = partial(frames.ipv4_udp, packet_bytes=mtu_bytes)
    for kind, make in (
        ("priority tag, VID 0", _in_tags(frames.ipv4_udp, VlanTag(vid=0, pcp=6))),
        (f"tagged IPv4 of {mtu_bytes} bytes", _in_tags(longest, customer)),
        ("tagged spanning tree", _in_tags(frames.bridge_protocol, customer)),
        ("QinQ 0x8100/0x8100", _in_tags(frames.ipv4_udp, customer, inner)),
        ("QinQ 0x88a8/0x8100", _in_tags(frames.ipv4_udp, VlanTag(vid=_CUSTOMER_VID, pcp=2, tpid=S_TAG), inner)),
    ):
        yield Purpose.CARRIED, kind, make
    eligible = VlanTag(vid=_CUSTOMER_VID, pcp=3, dei=1)
    yield Purpose.OBSERVED, "drop-eligible tag", _in_tags(frames.ipv4_udp, eligible)


def _one_vlan(vid: int, strangers: tuple[int, ...], mtu_bytes: int) -> Iterator[Recipe]:
    """What an EVPL carries and blocks; ``strangers`` are VIDs that no line takes at the site."""
    own = VlanTag(vid=vid, pcp=1)
    for kind, make in _plain(mtu_bytes):
        yield Purpose.CARRIED, f"tagged {kind}", _in_tags(make, own)
    yield from _priorities(vid)
    for tpid in (frames.C_TAG, S_TAG):
        inner = VlanTag(vid=_INNER_VID, pcp=5, tpid=tpid)
        yield Purpose.CARRIED, f"QinQ 0x8100/0x{tpid:04x}", _in_tags(frames.ipv4_udp, own, inner)

    for kind, make in _plain(mtu_bytes):
        yield Purpose.BLOCKED, f"untagged {kind}", make
    for stranger in strangers:
        yield Purpose.BLOCKED, f"VID {stranger}", _in_tags(frames.ipv4_udp, VlanTag(vid=stranger))
    within = _in_tags(frames.ipv4_udp, VlanTag(vid=strangers[0]), VlanTag(vid=vid))
    yield Purpose.BLOCKED, f"VID {vid} as the inner tag of VID {strangers[0]}", within
    yield Purpose.BLOCKED, "priority tag, VID 0", _in_tags(frames.ipv4_udp, VlanTag(vid=0, pcp=6))

    s_tag, eligible = VlanTag(vid=vid, tpid=S_TAG), VlanTag(vid=vid, pcp=3, dei=1)
    yield Purpose.OBSERVED, "outer tag 0x88a8", _in_tags(frames.ipv4_udp, s_tag)
    yield Purpose.OBSERVED, "drop-eligible tag", _in_tags(frames.ipv4_udp, eligible)


def _in_tags(make: Maker, *tags: VlanTag) -> Maker:
    return lambda identity: frames.tagged(make(identity), *tags)


def _unused_vids(taken: Iterable[int]) -> tuple[int, ...]:
    """The first and the last VID that nobody takes, and one next to a taken one, where a wrong mask would show."""
    used = set(taken)
    free = [vid for vid in range(1, 4095) if vid not in used]
    near = [vid for vid in free if vid - 1 in used or vid + 1 in used]
    return tuple(dict.fromkeys((*near[:1], free[0], free[-1])))


def _identity(number: int, direction: Direction, mark: int) -> Identity:
    ends = [b"\x02TL" + number.to_bytes(2, "big") + end for end in (b"\x0a", b"\x0f")]
    if direction is Direction.Z_TO_A:
        ends.reverse()
    return Identity(source=ends[0], target=ends[1], mark=mark)
