"""What a switch sends us of its own accord or in answer, read with every length checked (``Malformed`` otherwise)."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from os_ken.ofproto import ofproto_v1_3 as ofp

from controller.southbound.openflow.match_words import exact_fields
from controller.southbound.openflow.oxm import split_match
from controller.southbound.openflow.protocol import MULTIPART_MORE, VERSION, Malformed, unpack

_ELEMENT: Final = struct.Struct("!HH")
_FEATURES: Final = struct.Struct("!QIBB2xII")
_ERROR: Final = struct.Struct("!HH")
_MULTIPART: Final = struct.Struct("!HH4x")
_REASON: Final = struct.Struct("!B7x")
_PORT: Final = struct.Struct("!I4x6s2x16sIIIIIIII")
_PACKET_IN: Final = struct.Struct("!IHBBQ")
_PADDING_BYTES: Final = 2
_VERSION_BITMAP: Final = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Features:
    """``auxiliary_id`` is not 0 on a second, auxiliary connection of the same switch."""

    datapath_id: int
    tables: int
    auxiliary_id: int


class PortEvent(IntEnum):
    ADDED = 0
    DELETED = 1
    MODIFIED = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class PortStatus:
    """A port came, went or changed. ``up``: neither switched off nor without carrier (nor found dead by its BFD)."""

    event: PortEvent
    port: int
    name: str
    up: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PacketIn:
    """A frame that a flow of the switch told us of, or its beginning. ``cookie`` is the flow's."""

    port: int
    cookie: int
    frame: bytes


def speaks_our_version(header_version: int, body: bytes) -> bool:
    """Whether the sender of this hello and we have OpenFlow 1.3 in common (OpenFlow 1.3.5, 7.5.1): its bitmap
    decides if it sent one, else the lower of both versions."""
    bitmap, offset = 0, 0
    while len(body) - offset >= _ELEMENT.size:
        kind, length = _ELEMENT.unpack_from(body, offset)
        if length < _ELEMENT.size or offset + length > len(body):
            raise Malformed(f"hello: element of length {length}")
        if kind == _VERSION_BITMAP and length >= _ELEMENT.size + 4:
            bitmap = int.from_bytes(body[offset + 4 : offset + 8], "big")
        offset += (length + 7) // 8 * 8  # elements are padded to 8 bytes, the length does not count the padding
    return bool(bitmap >> VERSION & 1) if bitmap else header_version >= VERSION


def read_features(body: bytes) -> Features:
    datapath_id, _, tables, auxiliary_id, _, _ = unpack(_FEATURES, body, "features reply")
    return Features(datapath_id=datapath_id, tables=tables, auxiliary_id=auxiliary_id)


def read_error(body: bytes) -> tuple[int, int, bytes]:
    """(type, code, what the switch quotes or says)."""
    kind, code = unpack(_ERROR, body, "error")
    return kind, code, body[_ERROR.size :]


def read_multipart(body: bytes) -> tuple[int, bool, bytes]:
    """(multipart type, whether more follows, the part)."""
    kind, flags = unpack(_MULTIPART, body, "multipart reply")
    return kind, bool(flags & MULTIPART_MORE), body[_MULTIPART.size :]


def read_port_status(body: bytes) -> PortStatus:
    (event,) = unpack(_REASON, body, "port status")
    if event not in PortEvent._value2member_map_:
        raise Malformed(f"port status: reason {event}")
    port, name, up = _read_port(body[_REASON.size :])
    return PortStatus(event=PortEvent(event), port=port, name=name, up=up and event != PortEvent.DELETED)


def read_packet_in(body: bytes) -> PacketIn | None:
    """``None`` when it does not say by which port the frame came in."""
    _, _, _, _, cookie = unpack(_PACKET_IN, body, "packet in")
    fields, rest = split_match(body[_PACKET_IN.size :])
    if len(rest) < _PADDING_BYTES:
        raise Malformed("packet in: cut off")
    port = exact_fields(fields).get("in_port")
    return None if port is None else PacketIn(port=port, cookie=cookie, frame=rest[_PADDING_BYTES:])


def read_ports(parts: Iterable[bytes]) -> Mapping[int, bool]:
    """Whether each port is up, from the parts of a port description reply."""
    ports = {}
    for part in parts:
        if len(part) % _PORT.size:
            raise Malformed(f"port descriptions of {len(part)} bytes")
        for at in range(0, len(part), _PORT.size):
            port, _, up = _read_port(part[at : at + _PORT.size])
            ports[port] = up
    return ports


def _read_port(body: bytes) -> tuple[int, str, bool]:
    """(number, name, up)."""
    port, _, name, config, state, *_ = unpack(_PORT, body, "port")
    down = config & ofp.OFPPC_PORT_DOWN or state & (ofp.OFPPS_LINK_DOWN | ofp.OFPPS_BLOCKED)
    return port, name.split(b"\0", 1)[0].decode("ascii", "replace"), not down
