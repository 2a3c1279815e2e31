"""A monitoring station (RFC 7854): routers connect to it and tell, as long as they are up, which routes their peers
have.

A peer whose address is that of a gateway's next hop feeds this gateway's routes, for each IP version that it exchanges.
Peers that are no gateways are passed over. A router that says what cannot be read is cut off, with a reason in the log;
it comes again and tells all anew. Nothing is ever sent to a router: the protocol has no way back."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from controller.domain.prefixes import Prefix
from controller.domain.routes import Feed, Path
from controller.southbound.routing.additional_paths import PathsByIdentifier, TooManyPaths
from controller.southbound.routing.bgp import VERSION_OF_FAMILY, Malformed, read_update
from controller.southbound.routing.bmp import (
    HEADER_BYTES,
    Initiation,
    Message,
    Peer,
    PeerDown,
    PeerUp,
    RouteMonitoring,
    Termination,
    read_header,
    read_message,
)
from controller.southbound.routing.door import Door

log = logging.getLogger(__name__)

MOST_SESSIONS: Final = 64
MOST_PATHS: Final = 1_500_000
_CHUNK_BYTES = 64 * 1024
_KEEPALIVE: Final = (("TCP_KEEPIDLE", 30), ("TCP_KEEPINTVL", 10), ("TCP_KEEPCNT", 3))
"""A router that has nothing to tell says nothing for hours: only TCP finds out whether it is still there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionView:
    """A router that is connected. ``passed_over``: how many messages were about what, that tells us nothing."""

    address: str
    name: str
    description: str
    feeds: tuple[Feed, ...]
    passed_over: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class _Source:
    """A peer that is up and feeds a gateway. ``loading`` are versions whose table has not ended yet; ``several``: those
    of which it sends several paths a prefix."""

    gateway: str
    versions: set[int]
    loading: set[int]
    several: Mapping[int, PathsByIdentifier]


class BmpStation:
    """``gateways`` names gateways by the addresses of their routers, in the shortest form. ``post_policy``: whether the
    routes count that a router keeps by its own policy, or all that the peer sends. ``most_paths``: so many are kept of
    a peer and IP version where prefixes have several paths."""

    def __init__(
        self, gateways: Mapping[str, str], door: Door, *, post_policy: bool = False, most_paths: int = MOST_PATHS
    ) -> None:
        self.gateways = dict(gateways)
        self.door = door
        self.post_policy = post_policy
        self.most_paths = most_paths
        self.owner: dict[Feed, tuple[_Session, str]] = {}
        self._sessions: set[_Session] = set()
        self._serving: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    @property
    def sessions(self) -> tuple[SessionView, ...]:
        """The routers that are connected, by address."""
        return tuple(sorted((session.view() for session in self._sessions), key=lambda view: view.address))

    async def start(self, host: str, port: int) -> int:
        """Listen; the port, which is chosen if it was 0. ``OSError`` when nothing can listen there."""
        self._server = await asyncio.start_server(self._accept, host, port)
        taken: int = self._server.sockets[0].getsockname()[1]
        return taken

    async def close(self) -> None:
        """Cut all routers off; their routes are lost, as if they had gone."""
        if self._server is not None:
            self._server.close()
        for task in self._serving:
            task.cancel()
        await asyncio.gather(*self._serving, return_exceptions=True)
        if self._server is not None:
            await self._server.wait_closed()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None, "asyncio calls this in a task"
        self._serving.add(task)
        session = _Session(self, _address_of(writer), writer.transport.abort)
        why = "the station closes"
        try:
            if len(self._sessions) >= MOST_SESSIONS:
                log.warning("BMP: %s is one router more than %d: closed", session.address, MOST_SESSIONS)
                return
            self._sessions.add(session)
            _keep_alive(writer)
            why = await self._hear(session, reader)
        except Malformed as error:
            why = f"{session.name} {error}"
        except OSError as error:
            why = f"{session.name}: {error.strerror if error.strerror else error}"
        except asyncio.CancelledError:
            pass  # by ``close``, which waits for the end of the task
        finally:
            self._sessions.discard(session)
            log.info("BMP: %s is gone: %s", session.name, why)
            self._have_told_anew(session.end(why))
            self.door.settle()
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()
            self._serving.discard(task)

    def _have_told_anew(self, lost: Iterable[Feed]) -> None:
        """Feeds whose session is gone may be told by another one, in whose place it had come: what that has said since
        was not heard, so it is cut off, comes again and tells all."""
        for session in [one for one in self._sessions if any(map(one.knows, lost))]:
            session.cut_off("another session with the same peer has ended")

    async def _hear(self, session: _Session, reader: asyncio.StreamReader) -> str:
        """Take messages as they come; why there are no more."""
        heard = bytearray()
        while chunk := await reader.read(_CHUNK_BYTES):
            heard += chunk
            at = 0
            try:
                while len(heard) - at >= HEADER_BYTES:
                    length, kind = read_header(bytes(heard[at : at + HEADER_BYTES]))
                    if len(heard) - at < length:
                        break
                    message = read_message(kind, bytes(heard[at + HEADER_BYTES : at + length]))
                    at += length
                    if isinstance(message, Termination):
                        return f"{session.name} ends the session: {message.reason}"
                    session.take(message)
            finally:
                self.door.settle()
            del heard[:at]
            await asyncio.sleep(0)  # a full table comes faster than it is read: others have their turn between chunks
        return f"{session.name} closed the connection"


class _Session:
    """A router, from when it connects. Its name is its address until it has said another."""

    def __init__(self, station: BmpStation, address: str, abort: Callable[[], None]) -> None:
        self._abort = abort
        self.address = address
        self.name = address
        self._station = station
        self._introduced: Initiation | None = None
        self._sources: dict[str, _Source] = {}
        self._passed_over: Counter[str] = Counter()

    def view(self) -> SessionView:
        said = self._introduced
        feeds = [feed for feed, (session, _) in self._station.owner.items() if session is self]
        return SessionView(
            address=self.address,
            name=self.name,
            description="" if said is None else said.description,
            feeds=tuple(sorted(feeds)),
            passed_over=dict(self._passed_over),
        )

    def take(self, message: Message | None) -> None:
        """Do what a message says. ``Malformed`` if it must not be said now."""
        if self._introduced is None and not isinstance(message, Initiation):
            raise Malformed("does not begin with an initiation")
        match message:
            case Initiation():
                self._introduced = message
                if message.name:
                    self.name = f"{message.name} ({self.address})"
                log.info("BMP: %s is connected: %s", self.name, message.description)
            case PeerUp():
                self._up(message)
            case PeerDown():
                source = self._source(message.peer)
                if source is not None:
                    del self._sources[message.peer.address]
                    self._lose(
                        message.peer.address, f"{self.name} says of peer {message.peer.address}: {message.reason}"
                    )
            case RouteMonitoring():
                try:
                    self._routes(message)
                except TooManyPaths:
                    self._give_up(message.peer.address)

    def end(self, reason: str) -> tuple[Feed, ...]:
        """Nothing more is heard. The feeds that were this session's."""
        lost = tuple(feed for address in self._sources for feed in self._lose(address, reason))
        self._sources.clear()
        return lost

    def knows(self, feed: Feed) -> bool:
        """Whether a peer is up that has this feed."""
        return any(feed.gateway == one.gateway and feed.version in one.versions for one in self._sources.values())

    def cut_off(self, why: str) -> None:
        log.info("BMP: %s is cut off, to tell all anew: %s", self.name, why)
        self._abort()

    def _up(self, message: PeerUp) -> None:
        address = message.peer.address
        gateway = self._station.gateways.get(address)
        if gateway is None or message.peer.instance or not message.peer.is_received:
            self._passed_over["peers that are no gateways"] += 1
            return
        if address in self._sources:  # up again, and nobody said that it was down
            self._lose(address, f"{self.name} says that peer {address} is up anew")
        versions = set(VERSION_OF_FAMILY.values()) if message.versions is None else set(message.versions)
        for version in sorted(versions):
            feed = Feed(gateway, version)
            owner = self._station.owner.get(feed)
            if owner is not None and owner[0] is self:
                log.warning(
                    "BMP: %s: peers %s and %s are both %s: the second is not read", self.name, owner[1], address, feed
                )
                versions.discard(version)
                continue
            self._station.owner[feed] = (self, address)
            self._station.door.begin(feed, f"BMP: peer {address} of {self.name}")
        several = {
            version: PathsByIdentifier(self._station.most_paths) for version in versions & message.additional_paths
        }
        self._sources[address] = _Source(gateway, versions, set(versions), several)

    def _routes(self, message: RouteMonitoring) -> None:
        peer = message.peer
        source = self._source(peer)
        if source is None or not source.versions:
            return
        if peer.post_policy != self._station.post_policy:
            self._pass_over_other_policy(peer)
            return
        door = self._station.door
        update = read_update(message.update, peer.as_bytes, source.gateway, source.several)
        mine = {version for version in source.versions if self._owns(source, peer.address, version)}
        if update.announced and update.path is None:
            self._passed_over["routes whose attributes cannot be read"] += len(update.announced)
        # What is withdrawn comes first: an UPDATE may announce the same prefix by another path.
        announced = len(update.announced)
        for prefix, identifier in zip(update.withdrawn, update.identifiers[announced:], strict=True):
            if prefix.version in mine:
                self._reach(source, prefix, identifier, None)
        for prefix, identifier in zip(update.announced, update.identifiers[:announced], strict=True):
            if prefix.version in mine:
                self._reach(source, prefix, identifier, update.path)
        ended = None if update.ends is None else VERSION_OF_FAMILY[update.ends]
        if ended in source.loading:
            source.loading.discard(ended)
            if ended in mine:
                door.complete(Feed(source.gateway, ended))

    def _reach(self, source: _Source, prefix: Prefix, identifier: int, path: Path | None) -> None:
        """The gateway reaches a prefix by a path, one of several perhaps; ``None``: by this one no longer."""
        several = source.several.get(prefix.version)
        if several is not None:
            path = several.withdraw(prefix, identifier) if path is None else several.announce(prefix, identifier, path)
        if path is None:
            self._station.door.withdraw(prefix, source.gateway)
        else:
            self._station.door.announce(prefix, path)

    def _pass_over_other_policy(self, peer: Peer) -> None:
        """What a router tells beside what is wanted of it, or in place of that: the first time it is said how to have
        it."""
        what = "after" if peer.post_policy else "before"
        kind = f"routes {what} the router's policy"
        if not self._passed_over[kind]:
            wanted = "post" if peer.post_policy else "pre"
            log.info("BMP: %s tells of %s, which do not count (serve --bmp-policy %s)", self.name, kind, wanted)
        self._passed_over[kind] += 1

    def _give_up(self, address: str) -> None:
        """Of a peer with more paths than are kept nothing is heard any more until it is up anew."""
        source = self._sources[address]
        self._sources[address] = _Source(source.gateway, set(), set(), {})
        most = f"more than {self._station.most_paths} paths, several a prefix (serve --max-routes)"
        self._lose(address, f"{self.name}: peer {address} says {most}: it is not heard until it tells all anew")

    def _source(self, peer: Peer) -> _Source | None:
        """The peer, if it is up and feeds a gateway; ``Malformed`` if it should be up and is not."""
        source = self._sources.get(peer.address)
        if peer.instance or not peer.is_received or peer.address not in self._station.gateways:
            self._passed_over["routes of peers that are no gateways"] += 1
            return None
        if source is None:
            raise Malformed(f"tells of peer {peer.address} before it says that it is up")
        return source

    def _owns(self, source: _Source, address: str, version: int) -> bool:
        return self._station.owner.get(Feed(source.gateway, version)) == (self, address)

    def _lose(self, address: str, reason: str) -> list[Feed]:
        lost = [feed for feed, owner in self._station.owner.items() if owner == (self, address)]
        for feed in lost:
            del self._station.owner[feed]
            self._station.door.lost(feed, reason)
        return lost


def _address_of(writer: asyncio.StreamWriter) -> str:
    name = writer.get_extra_info("peername")
    return f"{name[0]}:{name[1]}" if name is not None else "?"


def _keep_alive(writer: asyncio.StreamWriter) -> None:
    connection: socket.socket = writer.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in _KEEPALIVE:
        if hasattr(socket, option):
            connection.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)
