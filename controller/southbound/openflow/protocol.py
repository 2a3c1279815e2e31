"""OpenFlow 1.3 as far as every module here needs it: the header, the numbers, and os-ken's codec as encoder.

os-ken *builds* every message that we send. What we receive is read by hand (``inbound``, ``readback``): os-ken's
parsers trust the lengths inside a message, so that one hello element of length 0 would keep the process busy for ever.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from enum import IntEnum
from typing import Any, Final

from os_ken.ofproto import ofproto_v1_3 as ofp
from os_ken.ofproto import ofproto_v1_3_parser as parser

VERSION: Final = 0x04
HEADER: Final = struct.Struct("!BBHI")
"""version, type, length (header included), xid."""
MAX_MESSAGE_BYTES: Final = 0xFFFF


class Malformed(ValueError):
    """Bytes that are not OpenFlow 1.3: the session that sent them cannot be understood any further."""


class MessageType(IntEnum):
    HELLO = 0
    ERROR = 1
    ECHO_REQUEST = 2
    ECHO_REPLY = 3
    FEATURES_REQUEST = 5
    FEATURES_REPLY = 6
    SET_CONFIG = 9
    PACKET_IN = 10
    PORT_STATUS = 12
    PACKET_OUT = 13
    FLOW_MOD = 14
    GROUP_MOD = 15
    MULTIPART_REQUEST = 18
    MULTIPART_REPLY = 19
    BARRIER_REQUEST = 20
    BARRIER_REPLY = 21
    ROLE_REQUEST = 24
    ROLE_REPLY = 25
    METER_MOD = 29


class MultipartType(IntEnum):
    FLOW = 1
    GROUP_DESC = 7
    METER_CONFIG = 10


MULTIPART_MORE: Final = 0x0001
"""The flag of a multipart message that is followed by another one of the same request."""


class _Codec:
    """What os-ken's messages ask of a "datapath": the modules of their protocol version, nothing else."""

    ofproto: Final[Any] = ofp
    ofproto_parser: Final[Any] = parser


CODEC: Final = _Codec()


def to_bytes(message: Any, xid: int) -> bytes:
    """Serialise an os-ken message."""
    message.set_xid(xid)
    message.serialize()
    return bytes(message.buf)


def frame(kind: MessageType, xid: int, body: bytes = b"") -> bytes:
    """A message from its body. ``ValueError`` when it would be longer than OpenFlow can say."""
    length = HEADER.size + len(body)
    if length > MAX_MESSAGE_BYTES:
        raise ValueError(f"a message of {length} bytes does not fit: {kind.name}")
    return HEADER.pack(VERSION, kind, length, xid) + body


def elements(data: bytes, what: str, *, header: struct.Struct, smallest: int, step: int = 1) -> Iterator[bytes]:
    """Cut ``data`` into elements that bear their own length.

    ``header`` reads the element's head and yields the length last; ``smallest`` is the shortest element
    there is and every length is a multiple of ``step``. ``Malformed`` when a length cannot be.
    """
    offset = 0
    while offset < len(data):
        if len(data) - offset < max(header.size, smallest):
            raise Malformed(f"{what}: {len(data) - offset} bytes left over")
        length = header.unpack_from(data, offset)[-1]
        if length < smallest or length % step or offset + length > len(data):
            raise Malformed(f"{what}: length {length} cannot be, {len(data) - offset} bytes are left")
        yield data[offset : offset + length]
        offset += length


def unpack(layout: struct.Struct, data: bytes, what: str) -> tuple[Any, ...]:
    """Read the fixed part of a message; ``Malformed`` when it is too short for that."""
    if len(data) < layout.size:
        raise Malformed(f"{what}: {len(data)} bytes, at least {layout.size} are needed")
    return layout.unpack_from(data)
