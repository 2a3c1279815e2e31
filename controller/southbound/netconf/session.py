"""ncclient's session over SSH without its polling: a thread that sleeps until there is something to send or to read.

As it comes, ncclient looks for something to send ten times a second, and so does paramiko for its own end: an RPC waits
up to 100 ms, and 200 idle sessions cost a third of a core. Here a pipe wakes the one and the end of the socket the
other. What ncclient does well stays its work: SSH, keys, capabilities, matching answers to questions.
"""

from __future__ import annotations

import contextlib
import logging
import os
import selectors
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import paramiko
from lxml import etree
from ncclient.devices.default import DefaultDeviceHandler
from ncclient.transport.errors import AuthenticationError, SSHUnknownHostError
from ncclient.transport.session import NetconfBase
from ncclient.transport.ssh import SSHSession

from controller.southbound.netconf.endpoint import Endpoint
from controller.southbound.netconf.framing import BadFraming, Deframer, framed

# Every failure reaches us as an exception; ncclient would print each message and paramiko each traceback, too.
logging.getLogger("ncclient").setLevel(logging.CRITICAL + 1)

NOTIFICATION = "{urn:ietf:params:xml:ns:netconf:notification:1.0}notification"
READ_BYTES = 1 << 16
IDLE_CHECK_S = 60.0
"""How often paramiko's thread looks whether it should end; ours end by closing the socket, so it need not."""
_KEEP_ALIVE = (
    (socket.TCP_KEEPIDLE, 10),
    (socket.TCP_KEEPINTVL, 5),
    (socket.TCP_KEEPCNT, 3),
    (socket.TCP_USER_TIMEOUT, 15_000),
)
"""Seconds, but milliseconds for the last: a device that vanished is noticed by the kernel, at no cost."""


class CannotConnect(Exception):
    """No session came about; the message says why."""


@dataclass(frozen=True, slots=True)
class SessionLimits:
    connect_s: float
    message_bytes: int


class WakingSession(SSHSession):  # type: ignore[misc]
    """``on_notification`` and ``on_end`` are called in this session's thread."""

    def __init__(
        self,
        handler: Any,
        message_bytes: int,
        on_notification: Callable[[etree._Element], None],
        on_end: Callable[[str], None],
    ) -> None:
        super().__init__(handler)
        self._deframer = Deframer(message_bytes)
        self._on_notification = on_notification
        self._on_end = on_end
        self._wake_heard, self._wake = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._waking = threading.Lock()
        self._pipe_open = True

    def send(self, message: str) -> None:
        super().send(message)
        self._wake_up()

    def run(self) -> None:
        """The thread: until the session ends or is closed."""
        why = "closed by the device"
        try:
            with selectors.DefaultSelector() as selector:
                selector.register(self._channel, selectors.EVENT_READ)
                selector.register(self._wake_heard, selectors.EVENT_READ)
                while self._turn(selector):
                    pass
        except (BadFraming, etree.XMLSyntaxError, UnicodeDecodeError) as error:
            why = f"it sent what is no NETCONF: {error}"
        except Exception as error:  # whatever ends this thread must be told, or somebody waits for ever
            why = f"{type(error).__name__}: {error}"
        finally:
            self._connected = False
            self._dispatch_error(CannotConnect(why))
            self._on_end(why)
            self.close()
            self._close_pipe()

    def close(self) -> None:
        """End it now, from any thread; what was not sent is lost."""
        self._closing.set()
        self._connected = False
        if self._transport is not None:
            with contextlib.suppress(OSError):
                self._transport.sock.shutdown(socket.SHUT_RDWR)  # wakes paramiko's thread, which closes the channel
            self._transport.close()
        if self.ident is None:  # there is no thread, nor will there be one
            self._close_pipe()
        self._wake_up()

    def _close_pipe(self) -> None:
        with self._waking:
            if self._pipe_open:
                self._pipe_open = False
                os.close(self._wake)
                os.close(self._wake_heard)

    def _wake_up(self) -> None:
        with self._waking, contextlib.suppress(BlockingIOError):  # a full pipe wakes as well
            if self._pipe_open:
                os.write(self._wake, b".")

    def _turn(self, selector: selectors.BaseSelector) -> bool:
        """Wait for something and do it; ``False`` at the end."""
        ready = [key.fileobj for key, _ in selector.select()]
        if self._wake_heard in ready:
            os.read(self._wake_heard, READ_BYTES)
        if self._closing.is_set():
            return False
        while not self._q.empty():
            self._channel.sendall(framed(self._q.get().encode(), self._base == NetconfBase.BASE_11))
        if self._channel in ready:
            data = self._channel.recv(READ_BYTES)
            if not data:
                return False
            self._take(data)
        return True

    def _take(self, data: bytes) -> None:
        self._deframer.chunked = self._base == NetconfBase.BASE_11
        for message in self._deframer.feed(data):
            self._dispatch_message(message.decode())

    def _dispatch_message(self, raw: str) -> None:
        # Whole, and strictly: what is no XML, or brings entities of its own, ends the session.
        root = etree.fromstring(raw.strip().encode(), _PARSER)
        if root.getroottree().docinfo.internalDTD is not None:
            raise BadFraming("a message with a document type")  # RFC 6241, section 3
        if root.tag == NOTIFICATION:
            self._on_notification(root)
            return
        with self._lock:
            listeners = list(self._listeners)
        for listener in listeners:
            listener.callback((root.tag, dict(root.attrib)), raw)


_PARSER = etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=False, remove_comments=True)


def open_session(
    endpoint: Endpoint,
    limits: SessionLimits,
    on_notification: Callable[[etree._Element], None],
    on_end: Callable[[str], None],
) -> WakingSession:
    """Connect, prove who is who, exchange hellos. Blocks; ``CannotConnect`` says why not."""
    try:
        sock = socket.create_connection((endpoint.host, endpoint.port), timeout=limits.connect_s)
    except OSError as error:
        raise CannotConnect(f"{endpoint.address}: {error}") from error
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for option, value in _KEEP_ALIVE:
        sock.setsockopt(socket.IPPROTO_TCP, option, value)
    session = WakingSession(_handler(), limits.message_bytes, on_notification, on_end)
    # Neither paramiko nor ncclient has a limit for all of it: a server that says nothing must not hold us.
    limit = threading.Timer(limits.connect_s, lambda: _hang_up(sock))
    limit.start()
    try:
        session.connect(
            host=endpoint.host,
            port=endpoint.port,
            username=endpoint.username,
            key_filename=endpoint.key_file,
            hostkey_b64=endpoint.host_key,
            hostkey_verify=True,
            allow_agent=False,
            look_for_keys=False,
            timeout=limits.connect_s,
            sock=sock,
        )
    except Exception as error:
        session.close()
        sock.close()
        raise CannotConnect(f"{endpoint.address}: {_why(error)}") from error
    finally:
        limit.cancel()
    sock.settimeout(IDLE_CHECK_S)
    return session


def _hang_up(sock: socket.socket) -> None:
    with contextlib.suppress(OSError):
        sock.shutdown(socket.SHUT_RDWR)


def _handler() -> Any:
    return DefaultDeviceHandler({"name": "default", "ssh_subsystem_name": "netconf"})


def _why(error: Exception) -> str:
    if isinstance(error, SSHUnknownHostError):
        return f"the host key is not the one that is known: it shows one with fingerprint MD5:{error.fingerprint}"
    if "no acceptable host key" in str(error):
        return f"the host key is not the one that is known: {error}"
    if isinstance(error, AuthenticationError | paramiko.AuthenticationException):
        return f"it does not let us in: {error}"
    return f"{type(error).__name__}: {error}"
