"""Routing tables from files: MRT dumps (RFC 6396, TABLE_DUMP_V2; RFC 8050 with additional paths), plain, gzip or bzip2.

A dump has the routes of several peers of the router that wrote it; which gateway a peer is tells its address.
"""

from __future__ import annotations

import bz2
import gzip
import os
import struct
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import ip_address
from typing import IO, Final, NamedTuple, cast

from os_ken.lib import mrtlib

from controller.domain.errors import Fault, InvalidInput, Reason
from controller.domain.routes import Feed, Path, Route
from controller.southbound.routing.bgp import Malformed, read_path, read_prefix

MOST_RECORD_BYTES: Final = 16 * 1024 * 1024
"""A record with 65,535 long paths stays below this; what says to be longer is no record."""
MOST_ROUTES: Final = 20_000_000
"""Some twenty full tables of 2026; beyond, it is no dump for us."""

_TABLE_DUMP, _TABLE_DUMP_V2 = 12, 13
_PEER_INDEX_TABLE = 1
_GZIP, _BZIP2 = b"\x1f\x8b", b"BZh"


class _Rib(NamedTuple):
    """What a subtype with routes has: routes of an IP version, and whether entries have path identifiers."""

    version: int
    additional_paths: bool


_RIBS: Final = {2: _Rib(4, False), 4: _Rib(6, False), 8: _Rib(4, True), 10: _Rib(6, True)}
"""Unicast; the others (multicast, other families) are passed over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dump:
    """What a file says: for each of ``gateways`` all its routes, one a prefix. ``strangers`` are peers, by address,
    that are no gateways; their routes were passed over."""

    source: str
    gateways: tuple[str, ...]
    routes: tuple[Route, ...]
    strangers: tuple[str, ...]

    @property
    def feeds(self) -> tuple[Feed, ...]:
        """What it tells all of: of each gateway, the IP versions that it has routes of."""
        return tuple(sorted({Feed(route.path.gateway, route.prefix.version) for route in self.routes}))


def load_dump(path: str | os.PathLike[str], gateways: Mapping[str, str], gateway: str | None = None) -> Dump:
    """Read a whole dump; ``gateways`` has names by peer address. With ``gateway`` all of it is taken as that gateway's,
    whoever its peers are. Where one has several paths to a prefix, the shortest counts.

    A million routes take some seconds. ``InvalidInput`` names the file and the record that cannot be read; then nothing
    of it counts."""
    source = os.fspath(path)
    reading = _Reading(gateways, gateway)
    try:
        with _opened(source) as file:
            for kind, subtype, body in _records(file):
                reading.take(kind, subtype, body)
    except _NoRecord as error:
        raise _refused(source, f"behind record {reading.records}: {error}") from None
    except Malformed as error:
        raise _refused(source, f"record {reading.records}: {error}") from None
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise _refused(source, f"behind record {reading.records}: cannot be unpacked: {error}") from None
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise _refused(source, f"cannot be read: {why}") from None
    try:
        return reading.dump(source)
    except Malformed as error:
        raise _refused(source, str(error)) from None


class _NoRecord(Malformed):
    """What follows in the file is no record."""


def _refused(source: str, message: str) -> InvalidInput:
    return InvalidInput((Fault(reason=Reason.INVALID_FORMAT, message=message, source=source),))


@contextmanager
def _opened(path: str) -> Iterator[IO[bytes]]:
    """The file, unpacked as it is read."""
    with open(path, "rb") as file:
        magic = file.read(3)
        file.seek(0)
        if magic.startswith(_GZIP):
            with gzip.GzipFile(fileobj=file) as unpacked:
                yield cast("IO[bytes]", unpacked)
        elif magic == _BZIP2:
            with bz2.BZ2File(file) as unpacked:
                yield cast("IO[bytes]", unpacked)
        else:
            yield file


def _records(file: IO[bytes]) -> Iterator[tuple[int, int, bytes]]:
    """Type, subtype and body of each record."""
    while header := file.read(12):
        if len(header) < 12:
            raise _NoRecord("the file ends within a header")
        _, kind, subtype, length = struct.unpack("!IHHI", header)
        if length > MOST_RECORD_BYTES:
            raise _NoRecord(f"what follows says that it has {length} bytes: this is no MRT file")
        body = file.read(length)
        if len(body) < length:
            raise _NoRecord(f"the file ends {length - len(body)} bytes before the record does")
        yield kind, subtype, body


class _Reading:
    """What has been read of one file."""

    def __init__(self, gateways: Mapping[str, str], gateway: str | None) -> None:
        self.records = 0
        self._gateways = gateways
        self._gateway = gateway
        self._peers: list[str | None] | None = None
        self._strangers: list[str] = []
        self._routes: list[Route] = []
        self._paths: dict[tuple[str, bytes], Path] = {}

    def take(self, kind: int, subtype: int, body: bytes) -> None:
        self.records += 1
        if kind == _TABLE_DUMP:
            raise Malformed("is of type TABLE_DUMP, which has no room for AS numbers of today: write TABLE_DUMP_V2")
        if kind != _TABLE_DUMP_V2:
            return
        if subtype == _PEER_INDEX_TABLE:
            self._take_peers(body)
        elif subtype in _RIBS:
            self._take_routes(_RIBS[subtype], body)

    def dump(self, source: str) -> Dump:
        if self._peers is None:
            raise Malformed("there is no table of peers in it: this is no dump of a routing table (TABLE_DUMP_V2)")
        gateways = sorted({name for name in self._peers if name is not None})
        if not gateways:
            known = ", ".join(f"{name} at {address}" for address, name in sorted(self._gateways.items()))
            raise Malformed(
                f"none of its peers ({', '.join(self._strangers[:10])}) is the next hop of a gateway ({known}): "
                "say whose it is"
            )
        return Dump(
            source=source,
            gateways=tuple(gateways),
            routes=tuple(self._routes),
            strangers=tuple(sorted(set(self._strangers))),
        )

    def _take_peers(self, body: bytes) -> None:
        if self._peers is not None:
            raise Malformed("is a second table of peers: this is more than one dump")
        try:
            table = mrtlib.TableDump2PeerIndexTableMrtMessage.parse(body)
            addresses = [str(ip_address(peer.ip_addr)) for peer in table.peer_entries]
        except (struct.error, ValueError, IndexError, AssertionError) as error:
            raise Malformed(f"is no table of peers: {error}") from None
        self._peers = []
        for address in addresses:
            name = self._gateway if self._gateway is not None else self._gateways.get(address)
            self._peers.append(name)
            if name is None:
                self._strangers.append(address)

    def _take_routes(self, rib: _Rib, body: bytes) -> None:
        """The routes to one prefix (RFC 6396 4.3.2): a sequence number, the prefix, the number of entries, the
        entries."""
        if self._peers is None:
            raise Malformed("has routes, and no table of peers was before it")
        if len(body) < 5:
            raise Malformed("ends before its prefix")
        prefix = read_prefix(body, 5, body[4], rib.version)
        at = 5 + (body[4] + 7) // 8
        count = int.from_bytes(body[at : at + 2], "big")
        at += 2
        header = 12 if rib.additional_paths else 8
        best: dict[str, Path] = {}
        for _ in range(count):
            end = at + header
            if end > len(body):
                raise Malformed("ends within an entry")
            peer = int.from_bytes(body[at : at + 2], "big")
            start, end = end, end + int.from_bytes(body[end - 2 : end], "big")
            if peer >= len(self._peers) or end > len(body):
                raise Malformed(f"has an entry of peer {peer}, of {len(self._peers)}, or ends within it")
            name = self._peers[peer]
            if name is not None:
                path = self._path(name, body[start:end])
                there = best.get(name)
                if there is None or path.length < there.length:
                    best[name] = path
            at = end
        self._routes += [Route(prefix, path) for path in best.values()]
        if len(self._routes) > MOST_ROUTES:
            raise Malformed(f"is one route more than {MOST_ROUTES}, which is no table of ours")

    def _path(self, gateway: str, attributes: bytes) -> Path:
        """AS numbers have four bytes in these dumps (RFC 6396 4.3.4). Many prefixes have the same attributes."""
        key = (gateway, attributes)
        path = self._paths.get(key)
        if path is None:
            path = self._paths[key] = read_path(attributes, 4, gateway)
        return path
