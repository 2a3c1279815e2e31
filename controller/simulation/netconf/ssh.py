"""The SSH server in front of a simulated node: lets the controller's key in, and carries bytes.

paramiko has a thread for each connection; two more for each NETCONF session, one that reads and one that writes.
What is said is answered in the loop.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import queue
import socket
import threading
from collections.abc import Callable

import paramiko

from controller.simulation.netconf.access import HOST, USER, NetconfAccess
from controller.simulation.netconf.node import OtnNode

READ_BYTES = 1 << 16
IDLE_CHECK_S = 60.0
"""How often paramiko's thread looks whether it should end; ours end by closing the socket, so it need not."""

# What goes wrong with a connection, the other side sees; paramiko would print each traceback.
logging.getLogger("paramiko.transport").setLevel(logging.CRITICAL + 1)


class SshServer:
    """Listens from ``open`` to ``close``, as often as the node has power."""

    def __init__(self, node: OtnNode, access: NetconfAccess) -> None:
        self._node = node
        self._port = access.ports[node.name]
        self._host_key = paramiko.ECDSAKey.from_private_key_file(str(access.host_key_file))
        self._client_key = paramiko.ECDSAKey.from_private_key_file(str(access.key_file)).get_base64()
        self._listener: socket.socket | None = None
        self._transports: set[paramiko.Transport] = set()

    def listen(self) -> None:
        """From now on connections wait. ``OSError`` when the port is taken."""
        self._listener = socket.create_server((HOST, self._port))
        self._listener.setblocking(False)

    def open(self) -> None:
        """Let waiting connections in; listens if it does not yet."""
        if self._listener is None:
            self.listen()
        assert self._listener is not None
        asyncio.get_running_loop().add_reader(self._listener, self._accept, self._listener)

    def close(self) -> None:
        """Refuse and end connections."""
        if self._listener is not None:
            asyncio.get_running_loop().remove_reader(self._listener)
            self._listener.close()
            self._listener = None
        for transport in self._transports:
            _end(transport)
        self._transports.clear()

    def _accept(self, listener: socket.socket) -> None:
        try:
            connection, _ = listener.accept()
        except OSError:
            return  # who wanted in has gone again
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        transport = paramiko.Transport(connection)
        transport.add_server_key(self._host_key)
        self._transports = {one for one in self._transports if one.is_active()} | {transport}
        guard = _Guard(self._node, self._client_key, asyncio.get_running_loop())
        transport.start_server(event=threading.Event(), server=guard)
        connection.settimeout(IDLE_CHECK_S)


class _Guard(paramiko.ServerInterface):  # type: ignore[misc]
    """Who may come in, and what for. Called in paramiko's thread."""

    def __init__(self, node: OtnNode, client_key: str, loop: asyncio.AbstractEventLoop) -> None:
        self._node = node
        self._client_key = client_key
        self._loop = loop

    def get_allowed_auths(self, username: str) -> str:
        return "publickey"

    def check_auth_publickey(self, username: str, key: paramiko.PKey) -> int:
        known = username == USER and key.get_base64() == self._client_key
        return int(paramiko.AUTH_SUCCESSFUL if known else paramiko.AUTH_FAILED)

    def check_channel_request(self, kind: str, chanid: int) -> int:
        wanted = kind == "session"
        return int(paramiko.OPEN_SUCCEEDED if wanted else paramiko.OPEN_FAILED_ADMINISTRATIVELY_PROHIBITED)

    def check_channel_subsystem_request(self, channel: paramiko.Channel, name: str) -> bool:
        if name != "netconf":
            return False
        _Carrier(channel, self._node, self._loop).start()
        return True


class _Carrier:
    """Bytes between a channel and the node's session."""

    def __init__(self, channel: paramiko.Channel, node: OtnNode, loop: asyncio.AbstractEventLoop) -> None:
        self._channel = channel
        self._node = node
        self._loop = loop
        self._leaving: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()

    def start(self) -> None:
        threading.Thread(target=self._read, name=f"{self._node.name}-reads", daemon=True).start()
        threading.Thread(target=self._write, name=f"{self._node.name}-writes", daemon=True).start()

    def _read(self) -> None:
        with contextlib.suppress(RuntimeError):  # the loop has ended, and everything with it
            opening = asyncio.run_coroutine_threadsafe(self._open(), self._loop)
            heard = opening.result()
            with contextlib.suppress(OSError, EOFError):
                while data := self._channel.recv(READ_BYTES):
                    self._loop.call_soon_threadsafe(heard, data)
            self._loop.call_soon_threadsafe(heard, None)

    async def _open(self) -> Callable[[bytes | None], None]:
        return self._node.open_session(USER, self._leaving.put, lambda: self._leaving.put(None))

    def _write(self) -> None:
        with contextlib.suppress(OSError, EOFError):
            while (data := self._leaving.get()) is not None:
                self._channel.sendall(data)
        _end(self._channel.get_transport())


def _end(transport: paramiko.Transport) -> None:
    """Now; paramiko's thread is woken by the end of the socket."""
    with contextlib.suppress(OSError):
        transport.sock.shutdown(socket.SHUT_RDWR)
    transport.close()
