"""A device that speaks SSH properly and NETCONF as badly as a test wants, on the loopback."""

import contextlib
import re
import socket
import threading
from pathlib import Path

import paramiko

from controller.southbound.netconf.endpoint import Endpoint

BASE = "urn:ietf:params:xml:ns:netconf:base:1.0"
MARK = "]]>]]>"
CAPABILITIES = (
    "urn:ietf:params:netconf:base:1.0",
    "urn:ietf:params:netconf:capability:candidate:1.0",
    "urn:ietf:params:netconf:capability:confirmed-commit:1.1",
    "urn:ietf:params:netconf:capability:validate:1.1",
    "urn:ietf:params:netconf:capability:rollback-on-error:1.0",
)
OK = "<ok/>"
NOTHING = re.compile(r'filter type="subtree"\s*/>')


def hello(capabilities=CAPABILITIES):
    listed = "".join(f"<capability>{name}</capability>" for name in capabilities)
    return f'<hello xmlns="{BASE}"><capabilities>{listed}</capabilities><session-id>1</session-id></hello>'


def reply(inner):
    """An answer as a function of the question's message-id."""
    return lambda message_id: f'<rpc-reply xmlns="{BASE}" message-id="{message_id}">{inner}</rpc-reply>{MARK}'


class ScriptedDevice:
    """A context manager. ``answer(question)`` returns what is sent (a text, or a function as ``reply`` makes them), or
    ``None`` to hang up."""

    def __init__(self, directory: Path, greeting=None, answer=lambda question: reply(OK)):
        self._greeting = hello() + MARK if greeting is None else greeting
        self._answer = answer
        self._host_key = paramiko.ECDSAKey.generate()
        self._client_key_file = directory / "client-key"
        paramiko.ECDSAKey.generate().write_private_key_file(str(self._client_key_file))
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._transports = []
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self.cancelled = []
        """The sessions that began by cancelling what an earlier one left."""
        self.questions = []

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()
        for transport in self._transports:
            transport.close()

    @property
    def endpoint(self):
        return Endpoint(
            host="127.0.0.1",
            port=self._listener.getsockname()[1],
            username="trunkline",
            key_file=str(self._client_key_file),
            host_key=self._host_key.get_base64(),
        )

    def _accept(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            transport = paramiko.Transport(connection)
            transport.set_log_channel("scripted-device")
            transport.add_server_key(self._host_key)
            self._transports.append(transport)
            transport.start_server(event=threading.Event(), server=_LetsAllIn(self))

    def speak(self, channel):
        """What is said over one session."""
        try:
            channel.sendall(self._greeting.encode())
            heard = ""
            while data := channel.recv(1 << 16):
                heard += data.decode()
                *messages, heard = heard.split(MARK)
                for message in messages:
                    if "message-id" in message and not self._say(channel, message):
                        return
        except (OSError, EOFError):
            pass  # the other side is gone, which many tests are about
        finally:
            with contextlib.suppress(OSError, EOFError):  # and may go just now
                channel.close()

    def _say(self, channel, question):
        if NOTHING.search(question):  # only whether somebody is there
            said = reply("<data/>")
        elif "cancel-commit" in question and channel not in self.cancelled:
            self.cancelled.append(channel)
            said = reply(OK)
        else:
            self.questions.append(question)
            said = self._answer(question)
        if said is None:
            channel.get_transport().close()
            return False
        if callable(said):
            said = said(re.search(r'message-id="([^"]+)"', question)[1])
        channel.sendall(said.encode())
        return True


class _LetsAllIn(paramiko.ServerInterface):
    def __init__(self, device):
        self._device = device

    def get_allowed_auths(self, username):
        return "publickey"

    def check_auth_publickey(self, username, key):
        return paramiko.AUTH_SUCCESSFUL

    def check_channel_request(self, kind, chanid):
        return paramiko.OPEN_SUCCEEDED

    def check_channel_subsystem_request(self, channel, name):
        threading.Thread(target=self._device.speak, args=(channel,), daemon=True).start()
        return True
