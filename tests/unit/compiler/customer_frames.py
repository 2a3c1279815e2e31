"""Frames that customers send, honest and forged, as bytes; and what a line may do to them, told without the engine."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

HOST_A = bytes.fromhex("020000000a01")
HOST_B = bytes.fromhex("020000000b01")
LLDP = bytes.fromhex("0180c200000e")
BRIDGES = bytes.fromhex("0180c2000000")
# What our own devices write on the outside of wrapped frames: a forger would copy it.
WRAP_ADDRESSES = bytes.fromhex("02544c000002" + "02544c000001")


def tag(vid: int, pcp: int = 0, dei: int = 0, tpid: int = 0x8100) -> bytes:
    return tpid.to_bytes(2, "big") + (pcp << 13 | dei << 12 | vid).to_bytes(2, "big")


def frame(rest: bytes, target: bytes = HOST_B, size: int = 60) -> bytes:
    """Addresses, then ``rest`` (tags, ethertype, payload), padded to ``size`` bytes."""
    return (target + HOST_A + rest).ljust(size, b"\x5a")


def labels(*stack: int, kind: bytes = b"\x88\x47") -> bytes:
    """A label stack (RFC 3032) with the ethertype before it; the last label is the bottom."""
    entries = b"".join(
        (label << 12 | (position == len(stack) - 1) << 8 | 64).to_bytes(4, "big")
        for position, label in enumerate(stack)
    )
    return kind + entries


def plain_frames() -> list[bytes]:
    """Untagged frames, and others without a tag of type 0x8100 outside."""
    return [
        frame(b"\x08\x00E"),
        frame(b"\x08\x00E", size=1514),
        frame(b"\x08\x06", target=b"\xff" * 6),
        frame(b"\x86\xddf"),
        frame(b"\x88\xcc", target=LLDP),
        frame(b"\x00\x26\x42\x42\x03", target=BRIDGES),
        frame(b"\x9a\xbc"),
        frame(b"\x08\x00", size=14),
        frame(b"\x81\x00", size=14),  # the type of a tag, but no room for one
        *(frame(rest) for rest in own_mpls()),
        *(frame(tag(5, tpid=0x88A8) + tag(6) * more + labels(99)) for more in range(3)),
    ]


def own_mpls() -> list[bytes]:
    """Ethertype and label stack of a customer's own MPLS: stacks of several depths, multicast (RFC 5332), cut off."""
    return [labels(*(99,) * depth) for depth in (1, 2, 3, 5)] + [labels(99, kind=b"\x88\x48"), b"\x88\x47"]


def forged_frames(known_labels: Iterable[int]) -> Iterator[bytes]:
    """MPLS frames that bear labels in use: alone, above another, and just as our own devices would send them."""
    inner = frame(b"\x08\x00E")
    for label in known_labels:
        yield frame(labels(label))
        yield frame(labels(label, label) + inner)
        yield WRAP_ADDRESSES + labels(label, label) + inner


def tagged_frames(vid: int, known_labels: Iterable[int]) -> Iterator[bytes]:
    """Frames of one VLAN: every priority, a second tag, MPLS behind the tag, the longest."""
    for pcp in range(8):
        yield frame(tag(vid, pcp, dei=pcp & 1) + b"\x08\x00E")
    yield frame(tag(vid) + tag(4094, 7) + b"\x08\x00E")
    yield frame(tag(vid) + tag(vid, tpid=0x88A8) + b"\x08\x00E")
    for rest in own_mpls():
        yield frame(tag(vid) + rest)
    for more in (1, 2):
        yield frame(tag(vid) + tag(7) * more + labels(99))
    yield frame(tag(vid) + b"\x88\xcc", target=LLDP)
    yield frame(tag(vid, 5) + b"\x08\x00E", size=1518)
    for label in known_labels:
        yield frame(tag(vid) + labels(label))


def service_tagged(vid: int) -> bytes:
    """Outside a service tag (IEEE 802.1ad), which no EVPL reads."""
    return frame(tag(vid, tpid=0x88A8) + tag(vid) + b"\x08\x00E")


def vid_of(sent: bytes) -> int | None:
    """VID of an outer tag of type 0x8100."""
    has_tag = sent[12:14] == b"\x81\x00" and len(sent) >= 18
    return int.from_bytes(sent[14:16], "big") % 4096 if has_tag else None


def translated(sent: bytes, vid: int) -> bytes:
    """The same frame with another VID in its outer tag."""
    return sent[:14] + bytes((sent[14] & 0xF0 | vid >> 8, vid & 0xFF)) + sent[16:]
