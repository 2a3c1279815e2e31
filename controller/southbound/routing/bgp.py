"""What of BGP's UPDATEs and path attributes tells where a route leads (RFC 4271, 4760, 1997, 5065, 6793).

os-ken has a codec for all of BGP, and its containers are used where there is something to contain. Three things it
reads otherwise than the standards say, so that they are read here: it guesses the size of AS numbers from their values
(the path 1 514 3 comes out as others), refuses confederations, and cannot read the shortened MP_REACH_NLRI of routing
tables in files (RFC 6396 4.3.4), that is, all IPv6 in them."""

from __future__ import annotations

from collections.abc import Container, Iterator
from dataclasses import dataclass
from typing import Final

from controller.domain.prefixes import ADDRESS_BITS, Prefix
from controller.domain.routes import Path

AS_TRANS: Final = 23456
"""Stands for a system whose number does not fit 16 bits (RFC 6793)."""
IPV4: Final = (1, 1)
IPV6: Final = (2, 1)
VERSION_OF_FAMILY: Final = {IPV4: 4, IPV6: 6}
"""The families of addresses that routes are read of: unicast, by AFI and SAFI."""

_AS_PATH, _COMMUNITIES, _MP_REACH, _MP_UNREACH, _AS4_PATH = 2, 8, 14, 15, 17
_EXTENDED_LENGTH = 0x10
_SET, _SEQUENCE, _CONFEDERATION_SEQUENCE, _CONFEDERATION_SET = 1, 2, 3, 4
_HEADER_BYTES = 19
_MARKER = b"\xff" * 16
_UPDATE = 2


class Malformed(ValueError):
    """Bytes that are not what the standard says should be there."""


@dataclass(frozen=True, slots=True)
class Update:
    """What an UPDATE says. ``path`` is that of all ``announced``, without a gateway's name; ``None`` if its attributes
    cannot be read: the prefixes then have no route any more (RFC 7606, treat as withdrawn). ``identifiers`` of what is
    announced and then of what is withdrawn tell several paths to a prefix apart (RFC 7911); 0 where there is but one.
    ``ends``: the family of which this is the end of the table (RFC 4724 2)."""

    announced: tuple[Prefix, ...] = ()
    withdrawn: tuple[Prefix, ...] = ()
    path: Path | None = None
    ends: tuple[int, int] | None = None
    identifiers: tuple[int, ...] = ()


def read_update(message: bytes, as_bytes: int, gateway: str, several: Container[int] = ()) -> Update:
    """A whole UPDATE with its header; ``as_bytes`` is the size of AS numbers in its AS_PATH. ``several``: the IP
    versions of which each prefix has an identifier of its path before it. ``Malformed`` if it cannot be told which
    prefixes it is about."""
    if len(message) < _HEADER_BYTES + 4 or message[:16] != _MARKER or message[18] != _UPDATE:
        raise Malformed("is no BGP UPDATE")
    if int.from_bytes(message[16:18], "big") != len(message):
        raise Malformed("an UPDATE has another length than it says")
    withdrawn_end = _HEADER_BYTES + 2 + int.from_bytes(message[19:21], "big")
    attributes_start = withdrawn_end + 2
    attributes_end = attributes_start + int.from_bytes(message[withdrawn_end:attributes_start], "big")
    if attributes_start > len(message) or attributes_end > len(message):
        raise Malformed("an UPDATE ends within its withdrawn routes or its attributes")
    withdrawn = _read_reached(message[21:withdrawn_end], 4, several)
    announced = _read_reached(message[attributes_end:], 4, several)
    ends = IPV4 if len(message) == _HEADER_BYTES + 4 else None
    attributes = message[attributes_start:attributes_end]
    for kind, value in _attributes(attributes):
        if kind not in (_MP_REACH, _MP_UNREACH):
            continue
        if len(value) < 3:
            raise Malformed("MP_REACH_NLRI or MP_UNREACH_NLRI is shorter than its family")
        family = (int.from_bytes(value[:2], "big"), value[2])
        version = VERSION_OF_FAMILY.get(family)
        if version is None:
            continue
        if kind == _MP_UNREACH:
            withdrawn += _read_reached(value[3:], version, several)
            if len(value) == 3 and len(attributes) <= 7:
                ends = family
        else:
            announced += _read_reached(_after_next_hop(value), version, several)
    path: Path | None = None
    if announced:
        try:
            path = read_path(attributes, as_bytes, gateway)
        except Malformed:
            path = None
    return Update(
        announced=tuple(prefix for _, prefix in announced),
        withdrawn=tuple(prefix for _, prefix in withdrawn),
        path=path,
        ends=ends,
        identifiers=tuple(identifier for identifier, _ in (*announced, *withdrawn)),
    )


def read_path(attributes: bytes, as_bytes: int, gateway: str) -> Path:
    """The path that attributes describe. ``Malformed`` without a readable AS_PATH."""
    systems: tuple[int | None, int] | None = None
    long_origin: int | None = None
    communities: tuple[int, ...] = ()
    for kind, value in _attributes(attributes):
        if kind == _AS_PATH:
            systems = _read_as_path(value, as_bytes)
        elif kind == _AS4_PATH and as_bytes == 2:
            long_origin, _ = _read_as_path(value, 4)
        elif kind == _COMMUNITIES:
            if len(value) % 4:
                raise Malformed("COMMUNITIES are no multiple of 4 bytes")
            communities = tuple(sorted(int.from_bytes(value[at : at + 4], "big") for at in range(0, len(value), 4)))
    if systems is None:
        raise Malformed("there is no AS_PATH")
    origin_as, length = systems
    return Path(gateway, long_origin if origin_as == AS_TRANS else origin_as, length, communities)


def read_prefixes(data: bytes, version: int) -> Iterator[Prefix]:
    """Prefixes as BGP packs them (RFC 4271 4.3): a length in bits, and as many bytes as these need. Bits beyond the
    length are of no meaning there, and 0 here."""
    at = 0
    while at < len(data):
        length = data[at]
        prefix = read_prefix(data, at + 1, length, version)
        yield prefix
        at += 1 + (length + 7) // 8


def _read_reached(data: bytes, version: int, several: Container[int]) -> list[tuple[int, Prefix]]:
    """Prefixes with the identifiers of their paths, of four bytes each where there are any (RFC 7911 3)."""
    if version not in several:
        return [(0, prefix) for prefix in read_prefixes(data, version)]
    found: list[tuple[int, Prefix]] = []
    at = 0
    while at < len(data):
        if at + 5 > len(data):
            raise Malformed("a prefix ends within the identifier of its path")
        length = data[at + 4]
        found.append((int.from_bytes(data[at : at + 4], "big"), read_prefix(data, at + 5, length, version)))
        at += 5 + (length + 7) // 8
    return found


def read_prefix(data: bytes, at: int, length: int, version: int) -> Prefix:
    """The prefix of ``length`` bits whose bytes begin at ``at``."""
    width = ADDRESS_BITS[version]
    count = (length + 7) // 8
    if length > width:
        raise Malformed(f"a prefix of IPv{version} has {length} bits")
    if at + count > len(data):
        raise Malformed("a prefix ends before its last byte")
    bits = int.from_bytes(data[at : at + count], "big") >> 8 * count - length
    return Prefix(version, bits << width - length, length)


def _attributes(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Each attribute's type and value."""
    at = 0
    while at < len(data):
        header = 4 if data[at] & _EXTENDED_LENGTH else 3
        if at + header > len(data):
            raise Malformed("path attributes end within a header")
        length = int.from_bytes(data[at + 2 : at + header], "big")
        end = at + header + length
        if end > len(data):
            raise Malformed("path attributes end within a value")
        yield data[at + 1], data[at + header : end]
        at = end


def _read_as_path(value: bytes, as_bytes: int) -> tuple[int | None, int]:
    """The origin, and the length as it is compared (confederations do not count, RFC 5065 5.3)."""
    at, length = 0, 0
    origin_as: int | None = None
    while at < len(value):
        kind = value[at]
        count = value[at + 1] if at + 1 < len(value) else 0
        end = at + 2 + count * as_bytes
        if kind not in (_SET, _SEQUENCE, _CONFEDERATION_SEQUENCE, _CONFEDERATION_SET) or not count or end > len(value):
            raise Malformed("AS_PATH has no such segment")
        if kind == _SEQUENCE:
            length += count
            origin_as = int.from_bytes(value[end - as_bytes : end], "big")
        elif kind == _SET:
            length += 1
            origin_as = None
        at = end
    return origin_as, length


def _after_next_hop(value: bytes) -> bytes:
    """The prefixes of an MP_REACH_NLRI: behind the next hop and a byte that has no meaning any more."""
    start = 4 + value[3] + 1 if len(value) > 3 else len(value) + 1
    if start > len(value):
        raise Malformed("MP_REACH_NLRI ends within its next hop")
    return value[start:]
