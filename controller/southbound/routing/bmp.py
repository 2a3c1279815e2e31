"""Messages of the BGP Monitoring Protocol (RFC 7854, version 3), read: what a router says of its peers' routes.

Headers, TLVs and OPENs are read by os-ken, the UPDATEs inside by ``bgp``.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Final

from os_ken.lib.packet import bgp as os_ken_bgp
from os_ken.lib.packet import bmp as os_ken_bmp
from os_ken.lib.packet.stream_parser import StreamParser

from controller.southbound.routing.bgp import VERSION_OF_FAMILY, Malformed

HEADER_BYTES: Final = 6
MOST_MESSAGE_BYTES: Final = 256 * 1024
"""A message holds two OPENs or one UPDATE at most, of 64 KiB each (RFC 8654), and little else."""

_PEER_HEADER_BYTES = 42
_GLOBAL_PEER = 0
_POST_POLICY, _TWO_BYTE_AS, _ADJ_RIB_OUT = 0x40, 0x20, 0x10
_CAPABILITY_ADD_PATH = 69
_RECEIVES, _SENDS = 1, 2
_DOWN_REASONS: Final = {
    1: "the router closed the session with a notification",
    2: "the router closed the session",
    3: "the peer closed the session with a notification",
    4: "the peer closed the session",
    5: "the router no longer tells of it",
}
_NOT_READABLE = (
    struct.error,
    ValueError,
    IndexError,
    KeyError,
    TypeError,
    AssertionError,
    os_ken_bgp.BgpExc,
    StreamParser.TooSmallException,
)
"""What os-ken raises, here and there, on bytes that it cannot read."""


@dataclass(frozen=True, slots=True)
class Peer:
    """The peer that a message is about, by its address in the shortest form. ``instance``: not 0 if it belongs to a VPN
    or other instance; ``is_received``: whether this is about routes received from it, and not about those sent to it or
    those of the router itself. ``as_bytes``: the size of AS numbers in AS_PATHs."""

    address: str
    instance: int
    is_received: bool
    post_policy: bool
    as_bytes: int


@dataclass(frozen=True, slots=True)
class RouteMonitoring:
    """``update`` is a whole BGP UPDATE."""

    peer: Peer
    update: bytes


@dataclass(frozen=True, slots=True)
class PeerUp:
    """``versions``: the IP versions whose routes are exchanged, ``None`` if that cannot be told; ``additional_paths``:
    those of which the peer may send several paths a prefix (RFC 7911)."""

    peer: Peer
    versions: frozenset[int] | None
    additional_paths: frozenset[int]


@dataclass(frozen=True, slots=True)
class PeerDown:
    peer: Peer
    reason: str


@dataclass(frozen=True, slots=True)
class Initiation:
    """What the router says of itself; empty what it does not say."""

    name: str
    description: str


@dataclass(frozen=True, slots=True)
class Termination:
    reason: str


Message = RouteMonitoring | PeerUp | PeerDown | Initiation | Termination


def read_header(data: bytes) -> tuple[int, int]:
    """The length of the message whose first ``HEADER_BYTES`` these are, and its type. ``Malformed`` if it is none."""
    version, length, kind = os_ken_bmp.BMPMessage.parse_header(data)
    if version != os_ken_bmp.VERSION:
        raise Malformed(f"speaks BMP version {version}, and not {os_ken_bmp.VERSION}")
    if not HEADER_BYTES <= length <= MOST_MESSAGE_BYTES:
        raise Malformed(f"sends a message of {length} bytes")
    return length, kind


def read_message(kind: int, body: bytes) -> Message | None:
    """What is behind a header; ``None`` for kinds that tell nothing of routes. ``Malformed`` if it cannot be read."""
    try:
        if kind == os_ken_bmp.BMP_MSG_ROUTE_MONITORING:
            return RouteMonitoring(_read_peer(body), body[_PEER_HEADER_BYTES:])
        if kind == os_ken_bmp.BMP_MSG_PEER_UP_NOTIFICATION:
            return _read_peer_up(body)
        if kind == os_ken_bmp.BMP_MSG_PEER_DOWN_NOTIFICATION:
            code = body[_PEER_HEADER_BYTES]
            return PeerDown(_read_peer(body), _DOWN_REASONS.get(code, f"the session was closed for reason {code}"))
        if kind == os_ken_bmp.BMP_MSG_INITIATION:
            said = {tlv["type"]: tlv["value"] for tlv in os_ken_bmp.BMPInitiation.parser(body)["info"]}
            return Initiation(
                name=_text(said.get(os_ken_bmp.BMP_INIT_TYPE_SYSNAME, b"")),
                description=_text(said.get(os_ken_bmp.BMP_INIT_TYPE_SYSDESCR, b"")),
            )
        if kind == os_ken_bmp.BMP_MSG_TERMINATION:
            return Termination(_termination(os_ken_bmp.BMPTermination.parser(body)["info"]))
    except _NOT_READABLE as error:
        if isinstance(error, Malformed):
            raise
        raise Malformed(f"sends a message of type {kind} that cannot be read: {error}") from None
    return None


def _read_peer(body: bytes) -> Peer:
    """The per-peer header (RFC 7854 4.2; RFC 8671 for routes sent, RFC 9069 for the router's own)."""
    header, _ = os_ken_bmp.BMPPeerMessage.parser(body)
    flags = body[1]
    own = header["peer_type"] > 2
    return Peer(
        address=str(ip_address(header["peer_address"])),
        instance=header["peer_distinguisher"] if header["peer_type"] == _GLOBAL_PEER else -1,
        is_received=not own and not flags & _ADJ_RIB_OUT,
        post_policy=bool(flags & _POST_POLICY),
        as_bytes=2 if flags & _TWO_BYTE_AS else 4,
    )


def _read_peer_up(body: bytes) -> PeerUp:
    peer = _read_peer(body)
    try:
        said = os_ken_bmp.BMPPeerUpNotification.parser(body)
        sent = _capabilities(said["sent_open_message"])
        received = _capabilities(said["received_open_message"])
    except _NOT_READABLE:
        # Whatever an OPEN may hold that os-ken does not know: the peer is up.
        return PeerUp(peer, None, frozenset())
    both = sent.versions & received.versions
    return PeerUp(peer, both, both & sent.receives & received.sends)


@dataclass(frozen=True, slots=True)
class _Capabilities:
    """By IP version: exchanged at all; several paths a prefix that can be sent, and received."""

    versions: frozenset[int]
    sends: frozenset[int]
    receives: frozenset[int]


def _capabilities(message: os_ken_bgp.BGPOpen) -> _Capabilities:
    versions: set[int] = set()
    sends: set[int] = set()
    receives: set[int] = set()
    for option in message.opt_param:
        if isinstance(option, os_ken_bgp.BGPOptParamCapabilityMultiprotocol):
            versions.add(VERSION_OF_FAMILY.get((option.afi, option.safi), 0))
        elif getattr(option, "cap_code", None) == _CAPABILITY_ADD_PATH:
            # os-ken hands over what follows, too
            for afi, safi, way in struct.iter_unpack("!HBB", option.cap_value[: option.cap_length // 4 * 4]):
                version = VERSION_OF_FAMILY.get((afi, safi), 0)
                sends |= {version} if way & _SENDS else set()
                receives |= {version} if way & _RECEIVES else set()
    if not any(isinstance(option, os_ken_bgp.BGPOptParamCapabilityMultiprotocol) for option in message.opt_param):
        versions.add(4)  # RFC 4760: a speaker that does not say exchanges IPv4 unicast
    return _Capabilities(frozenset(versions - {0}), frozenset(sends - {0}), frozenset(receives - {0}))


def _termination(info: list[dict[str, object]]) -> str:
    words = [str(tlv["value"]) for tlv in info if tlv["type"] == os_ken_bmp.BMP_TERM_TYPE_STRING]
    codes = [f"reason {tlv['value']}" for tlv in info if tlv["type"] == os_ken_bmp.BMP_TERM_TYPE_REASON]
    return ", ".join(words + codes)


def _text(value: bytes | str) -> str:
    """For people and logs: one line, whatever was sent."""
    text = value if isinstance(value, str) else value.decode("utf-8", "replace")
    return "".join(letter if letter.isprintable() else " " for letter in text)[:200].strip()
