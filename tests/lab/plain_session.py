"""A NETCONF session of a test's own: paramiko and lxml, no code of the controller and none of ncclient, whose polling
costs every question a tenth of a second."""

import paramiko
from lxml import etree

BASE = "urn:ietf:params:xml:ns:netconf:base:1.0"
END = b"]]>]]>"
LIMIT_S = 20
FIRST_S = 0.2
"""After which the first question is asked again: netconfd loses one that it reads together with the hello."""

HELLO = (
    f'<hello xmlns="{BASE}"><capabilities>'
    "<capability>urn:ietf:params:netconf:base:1.0</capability></capabilities></hello>"
)


class Refused(Exception):
    """The server answered with an error; the message is all of it."""


class PlainSession:
    """Blocks; a context manager. ``endpoint``: where, as whom, and the key expected."""

    def __init__(self, endpoint):
        self._transport = paramiko.Transport((endpoint.host, endpoint.port))
        self._transport.connect(
            username=endpoint.username, pkey=paramiko.Ed25519Key.from_private_key_file(endpoint.key_file)
        )
        assert self._transport.get_remote_server_key().get_base64() == endpoint.host_key
        self._channel = self._transport.open_session()
        self._channel.invoke_subsystem("netconf")
        self._waiting = b""
        self._last = 0
        self._channel.settimeout(LIMIT_S)
        self.hello = self._message()
        self._send(HELLO)
        self._channel.settimeout(FIRST_S)
        while not self._answers():
            pass
        self._channel.settimeout(LIMIT_S)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._transport.close()

    def ask(self, rpc):
        """The ``rpc-reply``; ``Refused`` when it is an error."""
        self._last += 1
        self._send(f'<rpc xmlns="{BASE}" xmlns:nc="{BASE}" message-id="{self._last}">{rpc}</rpc>')
        while True:
            reply = self._message()
            if reply.get("message-id") == str(self._last):  # no notification, nor what came too late
                break
        if reply.find(f"{{{BASE}}}rpc-error") is not None:
            raise Refused(etree.tostring(reply, encoding="unicode"))
        return reply

    def config(self, store, root="urn:trunkline:otn-node", name="otn-node"):
        """Of ``running`` or ``candidate``: one container, as text."""
        inner = f'<source><{store}/></source><filter type="subtree"><{name} xmlns="{root}"/></filter>'
        data = self.ask(f"<get-config>{inner}</get-config>").find(f"{{{BASE}}}data")
        return etree.tostring(data, encoding="unicode")

    def edit(self, config):
        """Into the candidate; ``config`` is a whole ``<config>``."""
        self.ask(f"<edit-config><target><candidate/></target>{config}</edit-config>")

    def commit(self):
        self.ask("<commit/>")

    def lock(self):
        self.ask("<lock><target><candidate/></target></lock>")

    def unlock(self):
        self.ask("<unlock><target><candidate/></target></unlock>")

    def _answers(self):
        try:
            self.ask('<get-config><source><running/></source><filter type="subtree"/></get-config>')
        except TimeoutError:
            return False
        return True

    def _send(self, message):
        self._channel.sendall(message.encode() + END)

    def _message(self):
        while END not in self._waiting:
            data = self._channel.recv(1 << 16)
            if not data:
                raise ConnectionError("the device has ended the session")
            self._waiting += data
        message, _, self._waiting = self._waiting.partition(END)
        return etree.fromstring(message.strip())
