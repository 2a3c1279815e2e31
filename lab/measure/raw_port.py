"""A raw socket on one site's interface: frames exactly as on the wire, with the kernel's time of arrival.

Linux takes the outermost VLAN tag off before a packet socket sees a frame and tells of it beside the frame
(``PACKET_AUXDATA``, packet(7)); here it is put back with the ethertype it had.
"""

from __future__ import annotations

import ctypes
import errno
import os
import socket
import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from lab.measure.dataplane import MeasurementFailed
from lab.measure.frames import C_TAG

# <linux/if_packet.h>, <asm-generic/socket.h>: not named by Python's socket module.
_SOL_PACKET: Final = 263
_PACKET_ADD_MEMBERSHIP: Final = 1
_PACKET_MR_PROMISC: Final = 1
_PACKET_STATISTICS: Final = 6
_PACKET_AUXDATA: Final = 8
_PACKET_IGNORE_OUTGOING: Final = 23
_SO_RCVBUFFORCE: Final = 33
_SO_TIMESTAMPNS: Final = 35
_ETH_P_ALL: Final = 3
_TP_STATUS_VLAN_VALID: Final = 1 << 4
_TP_STATUS_VLAN_TPID_VALID: Final = 1 << 6
_CLONE_NEWNET: Final = 0x40000000

_AUXDATA: Final = struct.Struct("IIIHHHH")
_TIMESPEC: Final = struct.Struct("qq")
_ANCILLARY_BYTES: Final = socket.CMSG_SPACE(_AUXDATA.size) + socket.CMSG_SPACE(_TIMESPEC.size)
_LARGEST_FRAME: Final = 65536
# Half a second of arrivals at the pace that this prober keeps, with room for what the kernel adds to each frame.
_BUFFER_BYTES: Final = 16 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class SitePort:
    """Where a site is attached: ``interface`` in the network namespace of the process ``pid``."""

    site: str
    pid: int
    interface: str


class RawPort:
    """Sends and receives at one :class:`SitePort`. The caller needs CAP_NET_RAW and CAP_SYS_ADMIN there."""

    def __init__(self, port: SitePort) -> None:
        self.site = port.site
        self._buffer = bytearray(_LARGEST_FRAME)
        try:
            with _network_namespace(port.pid):
                self._socket = _open(port.interface)
        except OSError as error:
            where = f"interface {port.interface} of process {port.pid}"
            raise MeasurementFailed(f"site {port.site}: cannot open {where}: {error}") from error

    def close(self) -> None:
        self._socket.close()

    def fileno(self) -> int:
        return self._socket.fileno()

    def send(self, frame: bytes) -> int:
        """Send, and return when, on the clock of the times of arrival. ``BlockingIOError``: no room just now;
        another ``OSError``: the interface refuses (down, gone, frame too long)."""
        now = time.time_ns()
        try:
            self._socket.send(frame)
        except OSError as error:
            if error.errno == errno.ENOBUFS:
                raise BlockingIOError(error.errno, "no room in the interface's queue") from error
            raise
        return now

    def receive(self) -> tuple[bytes, int] | None:
        """The next frame and when it arrived (nanoseconds since the epoch); ``None`` when none waits."""
        try:
            size, ancillary, _, _ = self._socket.recvmsg_into([self._buffer], _ANCILLARY_BYTES)
        except OSError:
            # Nothing waits, or the interface went down: either way nothing has arrived.
            return None
        frame = bytes(self._buffer[:size])
        arrived_ns = 0
        for level, kind, data in ancillary:
            if level == _SOL_PACKET and kind == _PACKET_AUXDATA:
                frame = _with_stripped_tag(frame, data)
            elif level == socket.SOL_SOCKET and kind == _SO_TIMESTAMPNS:
                seconds, nanoseconds = _TIMESPEC.unpack(data)
                arrived_ns = seconds * 1_000_000_000 + nanoseconds
        return frame, arrived_ns

    def discard_waiting(self) -> None:
        """Forget what has arrived so far, and the count of losses."""
        while self.receive() is not None:
            pass
        self.lost()

    def lost(self) -> int:
        """Frames that found no room in the socket's buffer since the last call (the kernel then starts anew)."""
        _, drops = struct.unpack("II", self._socket.getsockopt(_SOL_PACKET, _PACKET_STATISTICS, 8))
        return int(drops)


def _open(interface: str) -> socket.socket:
    # Protocol 0: nothing is received before the socket is bound to its interface.
    raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    try:
        raw.setblocking(False)
        raw.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _BUFFER_BYTES)
        raw.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
        raw.setsockopt(_SOL_PACKET, _PACKET_AUXDATA, 1)
        raw.setsockopt(_SOL_PACKET, _PACKET_IGNORE_OUTGOING, 1)
        raw.bind((interface, _ETH_P_ALL))
        membership = struct.pack("iHH8s", socket.if_nametoindex(interface), _PACKET_MR_PROMISC, 0, b"")
        raw.setsockopt(_SOL_PACKET, _PACKET_ADD_MEMBERSHIP, membership)
    except OSError:
        raw.close()
        raise
    return raw


def _with_stripped_tag(frame: bytes, auxdata: bytes) -> bytes:
    status, _, _, _, _, control, tpid = _AUXDATA.unpack(auxdata)
    if not status & _TP_STATUS_VLAN_VALID:
        return frame
    ethertype = tpid if status & _TP_STATUS_VLAN_TPID_VALID else C_TAG
    return frame[:12] + struct.pack("!HH", ethertype, control) + frame[12:]


@contextmanager
def _network_namespace(pid: int) -> Iterator[None]:
    """Let this thread stand in the network namespace of ``pid``; a socket opened there stays there."""
    # os.setns came with Python 3.12.
    libc = ctypes.CDLL(None, use_errno=True)

    def enter(namespace: int) -> None:
        if libc.setns(namespace, _CLONE_NEWNET) != 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))

    own = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    try:
        other = os.open(f"/proc/{pid}/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        try:
            enter(other)
        finally:
            os.close(other)
        try:
            yield
        finally:
            enter(own)
    finally:
        os.close(own)
