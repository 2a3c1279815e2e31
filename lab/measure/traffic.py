"""Internet traffic through a lab, sent by the customers' hosts and heard at the hosts abroad.

Real sockets and real hosts: the senders' kernels find their router by ARP and neighbour discovery. One thread sends on
schedule and takes what has arrived; times of arrival are the kernel's. Streams run until they are stopped, so that
something can be done to the network meanwhile.
"""

from __future__ import annotations

import heapq
import secrets
import select
import socket
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from ipaddress import ip_address
from types import TracebackType
from typing import Final, NamedTuple

from lab.measure.datagrams import LEAST_BYTES, PORT, datagram_in, payload
from lab.measure.dataplane import MeasurementFailed
from lab.measure.raw_port import RawPort, SitePort
from lab.tap import inside_netns

_LONGEST_WAIT_S: Final = 0.005
_LATE_NS: Final = 50_000_000
"""A stream that is later than this (the machine stood still) does not catch up."""
_BUFFER_BYTES: Final = 4 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """UDP packets of ``packet_bytes`` (IP header included), one ``every_ns``, from an address of a site's host to one
    abroad."""

    site: str
    source: str
    destination: str
    dscp: int = 0
    packet_bytes: int = LEAST_BYTES
    every_ns: int = 20_000_000

    @property
    def rate_bps(self) -> float:
        """With the Ethernet header, as rates in Trunkline count."""
        return (self.packet_bytes + 14) * 8e9 / self.every_ns


def load(site: str, source: str, destination: str, rate_bps: int, dscp: int = 0, packet_bytes: int = 1250) -> Stream:
    """A stream of that rate."""
    every_ns = (packet_bytes + 14) * 8_000_000_000 // rate_bps
    return Stream(
        site=site,
        source=source,
        destination=destination,
        dscp=dscp,
        packet_bytes=packet_bytes,
        every_ns=every_ns,
    )


def sending_socket(source: str, dscp: int) -> socket.socket:
    """A UDP socket in this network namespace that sends from ``source``, marked, and never waits. ``OSError``: there is
    no such address."""
    version = ip_address(source).version
    sender = socket.socket(socket.AF_INET if version == 4 else socket.AF_INET6, socket.SOCK_DGRAM)
    try:
        sender.setblocking(False)
        sender.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _BUFFER_BYTES)
        if version == 4:
            sender.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, dscp << 2)
        else:
            sender.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_TCLASS, dscp << 2)
        sender.bind((source, 0))
    except OSError:
        sender.close()
        raise
    return sender


class Arrival(NamedTuple):
    """``number`` of its stream came in by ``gateway``; times in nanoseconds since the epoch."""

    number: int
    gateway: str
    region: str
    sent_ns: int
    arrived_ns: int
    ttl: int
    dscp: int

    @property
    def delay_ns(self) -> int:
        return self.arrived_ns - self.sent_ns


@dataclass(frozen=True, slots=True, kw_only=True)
class Listener:
    """The interface at which a region's host has what came by a gateway."""

    region: str
    gateway: str
    pid: int
    interface: str


class Traffic:
    """Streams that run while the context does::

        with Traffic(hosts, listeners, streams) as traffic:
            ...  # cut something
            traffic.stop(drain_s=0.5)
        traffic.sent[0], traffic.arrived[0]

    ``hosts``: a process in the network namespace of each site's host. ``sent`` has, by stream, when each packet was
    sent, ``arrived`` those that came, in the order in which they came; both may be read at any time.
    """

    def __init__(self, hosts: Mapping[str, int], listeners: Sequence[Listener], streams: Sequence[Stream]) -> None:
        self.streams = tuple(streams)
        self.sent: tuple[list[int], ...] = tuple([] for _ in streams)
        self.arrived: tuple[list[Arrival], ...] = tuple([] for _ in streams)
        self.refused: dict[int, str] = {}
        """By stream, what its host's kernel said of the last packet that it would not send."""
        self._run = secrets.randbits(32)
        self._hosts, self._listeners = hosts, listeners
        self._resources = ExitStack()
        self._sending, self._ended = True, threading.Event()
        self._thread = threading.Thread(target=self._work, name="traffic", daemon=True)

    def __enter__(self) -> Traffic:
        try:
            self._poll = self._resources.enter_context(select.epoll())
            self._ports = {}
            for listener in self._listeners:
                where = SitePort(
                    site=f"{listener.region} by {listener.gateway}", pid=listener.pid, interface=listener.interface
                )
                port = RawPort(where)
                self._resources.callback(port.close)
                self._ports[port.fileno()] = (port, listener)
                self._poll.register(port.fileno(), select.EPOLLIN)
            for pid in {listener.pid for listener in self._listeners}:
                self._swallow(pid)
            self._sockets = [self._sender(stream) for stream in self.streams]
        except BaseException:
            self._resources.close()
            raise
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop(0.0)
        self._resources.close()

    def run_for(self, seconds: float) -> None:
        """Let the streams run."""
        self._ended.wait(seconds)

    def stop(self, drain_s: float = 1.0) -> None:
        """Send no more, and listen for as long as packets may be under way."""
        self._sending = False
        if self._thread.is_alive():
            self._ended.wait(drain_s)
            self._ended.set()
            self._thread.join()

    def received(self, stream: int) -> int:
        """How many different packets of a stream have arrived."""
        return len({arrival.number for arrival in self.arrived[stream]})

    def lost(self, stream: int) -> int:
        """Of those sent; asked for when all have had the time to arrive."""
        return len(self.sent[stream]) - self.received(stream)

    def _sender(self, stream: Stream) -> socket.socket:
        try:
            with inside_netns(self._hosts[stream.site]):
                return self._resources.enter_context(sending_socket(stream.source, stream.dscp))
        except OSError as error:
            raise MeasurementFailed(f"site {stream.site}: cannot send from {stream.source}: {error}") from error

    def _swallow(self, pid: int) -> None:
        """Have a socket for what arrives, or the kernel there would complain to the senders (ICMP)."""
        for family, everywhere in ((socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::")):
            with inside_netns(pid):
                sink = self._resources.enter_context(socket.socket(family, socket.SOCK_DGRAM))
            if family == socket.AF_INET6:
                sink.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            sink.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 0)
            sink.bind((everywhere, PORT))

    def _work(self) -> None:
        # Streams begin one after the other, not all at one moment.
        now_ns = time.time_ns()
        due = [(now_ns + index * 1_000_000, index) for index in range(len(self.streams))]
        heapq.heapify(due)
        while not self._ended.is_set():
            wait_s = _LONGEST_WAIT_S
            if self._sending and due:
                now_ns = time.time_ns()
                while due[0][0] <= now_ns:
                    at_ns, index = due[0]
                    self._send(index)
                    heapq.heapreplace(due, (max(at_ns + self.streams[index].every_ns, now_ns - _LATE_NS), index))
                wait_s = min(wait_s, max(0.0, (due[0][0] - time.time_ns()) / 1e9))
            self._hear(wait_s)
        self._hear(0.0)

    def _send(self, index: int) -> None:
        stream, sent = self.streams[index], self.sent[index]
        version = 6 if ":" in stream.destination else 4
        now_ns = time.time_ns()
        data = payload(self._run, index, len(sent), now_ns, stream.packet_bytes, version)
        try:
            self._sockets[index].sendto(data, (stream.destination, PORT))
        except OSError as error:
            self.refused[index] = str(error)
        else:
            sent.append(now_ns)

    def _hear(self, wait_s: float) -> None:
        # epoll counts in milliseconds, select in microseconds.
        with suppress(InterruptedError):
            select.select([self._poll], [], [], wait_s)
        for fileno, _ in self._poll.poll(0):
            port, listener = self._ports[fileno]
            while (received := port.receive()) is not None:
                frame, arrived_ns = received
                datagram = datagram_in(frame)
                if datagram is not None and datagram.run == self._run:
                    self.arrived[datagram.stream].append(
                        Arrival(
                            datagram.number,
                            listener.gateway,
                            listener.region,
                            datagram.sent_ns,
                            arrived_ns,
                            datagram.ttl,
                            datagram.dscp,
                        )
                    )
