"""TAP interfaces inside other network namespaces: the two plugs of a wire."""

from __future__ import annotations

import ctypes
import fcntl
import os
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_CLONE_NEWNET = 0x40000000
_TUNSETIFF = 0x400454CA
_TUNSETCARRIER = 0x400454E2
_IFF_TAP, _IFF_NO_PI = 0x0002, 0x1000
_SIOCSIFFLAGS, _SIOCSIFMTU, _SIOCSIFHWADDR = 0x8914, 0x8922, 0x8924
_SIOCSIFTXQLEN = 0x8943
_IFF_UP = 1
_ARPHRD_ETHER = 1
_FRAME_BYTES = 65_536

QUEUE_FRAMES = 1000
"""How many frames wait in the kernel for the relay to read them; beyond that the kernel drops."""


class Tap:
    """An interface that this process is the other side of: what is read was sent by the namespace's programs, what is
    written arrives there. It disappears when it is closed, and so with this process."""

    def __init__(self, name: str, *, netns_pid: int, mtu_bytes: int, mac: str | None = None) -> None:
        self.name = name
        with inside_netns(netns_pid):
            self.fd = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
            try:
                self._bring_up(name.encode(), mtu_bytes, None if mac is None else bytes.fromhex(mac.replace(":", "")))
            except BaseException:
                self.close()
                raise

    def _bring_up(self, interface: bytes, mtu_bytes: int, mac: bytes | None) -> None:
        fcntl.ioctl(self.fd, _TUNSETIFF, struct.pack("16sH22x", interface, _IFF_TAP | _IFF_NO_PI))
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
            fcntl.ioctl(any_socket, _SIOCSIFMTU, struct.pack("16si20x", interface, mtu_bytes))
            fcntl.ioctl(any_socket, _SIOCSIFTXQLEN, struct.pack("16si20x", interface, QUEUE_FRAMES))
            if mac is not None:
                fcntl.ioctl(any_socket, _SIOCSIFHWADDR, struct.pack("16sH6s16x", interface, _ARPHRD_ETHER, mac))
            fcntl.ioctl(any_socket, _SIOCSIFFLAGS, struct.pack("16sh22x", interface, _IFF_UP))

    def set_carrier(self, up: bool) -> None:
        """Plug the cable in or out, as the programs of the namespace see it."""
        fcntl.ioctl(self.fd, _TUNSETCARRIER, struct.pack("i", up))

    def drain(self) -> None:
        """Throw away what was sent and nobody has read."""
        with suppress(OSError):  # nothing more to read; or the namespace is gone
            while True:
                os.read(self.fd, _FRAME_BYTES)

    def close(self) -> None:
        os.close(self.fd)


@contextmanager
def inside_netns(pid: int) -> Iterator[None]:
    """Be in the network namespace of process ``pid`` for a moment. Moves the calling thread only."""
    here = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    try:
        there = os.open(f"/proc/{pid}/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        try:
            _setns(there)
        finally:
            os.close(there)
        try:
            yield
        finally:
            _setns(here)
    finally:
        os.close(here)


def silence_netns(pid: int) -> None:
    """Keep the kernel of this namespace from sending (or forwarding) frames of its own: no router solicitation or
    multicast report of IPv6, no forwarding of what a switch port happens to hear. For interfaces made later, too."""
    with inside_netns(pid):
        for family, setting, value in (
            ("ipv6", "all/disable_ipv6", 1),
            ("ipv6", "default/disable_ipv6", 1),
            ("ipv4", "all/forwarding", 0),
            ("ipv4", "default/forwarding", 0),
        ):
            # /proc/sys/net shows the namespace of whoever opens it; a kernel without IPv6 has no such file.
            file = Path("/proc/sys/net", family, "conf", setting)
            if file.exists():
                file.write_text(str(value))


def _setns(fd: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.setns(fd, _CLONE_NEWNET) != 0:
        error = ctypes.get_errno()
        raise OSError(error, f"setns: {os.strerror(error)}")
