"""Ethernet frames as bytes, and what our actions do to them.

Layouts: IEEE 802.1Q (tag after the addresses), RFC 3032 (label stack entry: label 20, TC 3, S 1, TTL 8 bits),
RFC 4448 (a whole Ethernet frame behind a label stack, here without control word), RFC 8300 (NSH, our shim).
"""

from __future__ import annotations

ETH_VLAN = 0x8100
ETH_MPLS = 0x8847
_TAG_TYPES = (ETH_VLAN, 0x88A8)
_TAGS_READ = 2  # how many tags a switch of ours looks behind: Open vSwitch with vlan-limit=2
_MPLS_TYPES = (ETH_MPLS, 0x8848)
ETHERNET_BYTES = 14
LABEL_BYTES = 4
_BOTTOM_OF_STACK = 1 << 8
_TC_AT = 9
_TTL = 64

# What the outer Ethernet header of a wrapped frame says; locally administered, fixed, never learned by anyone.
WRAP_SOURCE = bytes.fromhex("02544c000001")
WRAP_DESTINATION = bytes.fromhex("02544c000002")
# An NSH base header that says "Ethernet follows" and nothing else (TTL 63, 2 words, metadata type 2, service index
# 255), in the bytes that Open vSwitch writes.
SHIM = bytes.fromhex("0fc20203000000ff")


class MalformedFrame(Exception):
    """The frame has not the shape that the action needs; a switch drops it."""


def ethertype(frame: bytes) -> int:
    """The ethertype behind up to two tags of either type (then it may be the TPID of a third), as a match sees it."""
    at = 12
    for _ in range(_TAGS_READ):
        if _type_at(frame, at) not in _TAG_TYPES or len(frame) < at + 6:
            break
        at += 4
    return _type_at(frame, at)


def vlan(frame: bytes) -> int | None:
    """VID of the outer 802.1Q tag (TPID 0x8100), if there is one."""
    if _type_at(frame, 12) != ETH_VLAN or len(frame) < ETHERNET_BYTES + 4:
        return None
    return int.from_bytes(frame[14:16], "big") & 0xFFF


def outer_label(frame: bytes) -> int | None:
    """The outermost label of an untagged MPLS frame, if it is one."""
    if _type_at(frame, 12) != ETH_MPLS or len(frame) < ETHERNET_BYTES + LABEL_BYTES:
        return None
    return _entry(frame, ETHERNET_BYTES) >> 12


def set_vlan(frame: bytes, vid: int) -> bytes:
    """Rewrite the VID of the outer tag; priority bits stay."""
    if vlan(frame) is None:
        raise MalformedFrame("no 802.1Q tag to rewrite")
    tci = int.from_bytes(frame[14:16], "big") & 0xF000 | vid
    return frame[:14] + tci.to_bytes(2, "big") + frame[16:]


def wrap(frame: bytes, service_label: int, *, shim: bool = False, tc: int = 0) -> bytes:
    """Put the frame behind [trunk label 0][service label, bottom of stack][shim] and a new Ethernet header. ``tc`` is
    the traffic class of the trunk's entry.

    Without shim, a frame that is MPLS itself would arrive damaged from a real switch, which sets no bottom of stack
    then; here it cannot be wrapped.
    """
    if not shim and ethertype(frame) in _MPLS_TYPES:
        raise MalformedFrame("an MPLS frame, which only a shim keeps apart from our labels")
    stack = _stack_entry(0, bottom=False, tc=tc) + _stack_entry(service_label, bottom=True)
    return WRAP_DESTINATION + WRAP_SOURCE + ETH_MPLS.to_bytes(2, "big") + stack + (SHIM if shim else b"") + frame


def traffic_class(frame: bytes) -> int | None:
    """The traffic class (TC) of the outermost label of an untagged MPLS frame, if it is one."""
    return None if outer_label(frame) is None else _entry(frame, ETHERNET_BYTES) >> _TC_AT & 7


def set_label(frame: bytes, label: int) -> bytes:
    """Rewrite the outermost label, leaving TC, bottom-of-stack bit and TTL."""
    if outer_label(frame) is None:
        raise MalformedFrame("no label to rewrite")
    entry = _entry(frame, ETHERNET_BYTES) & 0xFFF | label << 12
    return frame[:ETHERNET_BYTES] + entry.to_bytes(4, "big") + frame[ETHERNET_BYTES + LABEL_BYTES :]


def pop_label(frame: bytes) -> bytes:
    """Take the outermost label off a stack of at least two."""
    if outer_label(frame) is None or _entry(frame, ETHERNET_BYTES) & _BOTTOM_OF_STACK:
        raise MalformedFrame("no second label behind the outermost")
    return frame[:ETHERNET_BYTES] + frame[ETHERNET_BYTES + LABEL_BYTES :]


def unwrap(frame: bytes, *, shim: bool = False) -> bytes:
    """Take outer Ethernet header, the last label and the shim off: the frame that was wrapped."""
    if outer_label(frame) is None or not _entry(frame, ETHERNET_BYTES) & _BOTTOM_OF_STACK:
        raise MalformedFrame("not a single label in front of a frame")
    inner = frame[ETHERNET_BYTES + LABEL_BYTES :]
    if shim:
        if not inner.startswith(SHIM):
            raise MalformedFrame("no shim behind the label")
        inner = inner[len(SHIM) :]
    if len(inner) < ETHERNET_BYTES:
        raise MalformedFrame("what is wrapped is shorter than an Ethernet header")
    return inner


def _type_at(frame: bytes, offset: int) -> int:
    return int.from_bytes(frame[offset : offset + 2], "big")


def _entry(frame: bytes, offset: int) -> int:
    return int.from_bytes(frame[offset : offset + LABEL_BYTES], "big")


def _stack_entry(label: int, *, bottom: bool, tc: int = 0) -> bytes:
    return (label << 12 | tc << _TC_AT | (_BOTTOM_OF_STACK if bottom else 0) | _TTL).to_bytes(LABEL_BYTES, "big")
