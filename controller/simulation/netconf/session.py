"""One client's session with a simulated node: bytes to questions, answers to bytes. No socket; for one thread."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Protocol

from lxml import etree

from controller.simulation.netconf.messages import BASE, BASE_11, hello
from controller.southbound.netconf.framing import BadFraming, Deframer, framed

MESSAGE_BYTES = 16 << 20
_PARSER = etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=False, remove_comments=True)

log = logging.getLogger(__name__)


class Answering(Protocol):
    """A node, as a session sees it."""

    def answer(self, session: Session, rpc: etree._Element) -> bytes | None:
        """The answer to an ``rpc``; ``None``: none is given."""

    def ended(self, session: Session) -> None:
        """The session is over."""


class Session:
    """``send`` and ``hang_up`` are what the connection does; ``user`` is who was let in."""

    def __init__(
        self, number: int, user: str, node: Answering, send: Callable[[bytes], None], hang_up: Callable[[], None]
    ) -> None:
        self.number = number
        self.user = user
        self.subscribed = False
        self._node = node
        self._send = send
        self._hang_up = hang_up
        self._deframer = Deframer(MESSAGE_BYTES)
        self._greeted = False
        self._over = False
        send(framed(hello(number), False))

    def receive(self, data: bytes) -> None:
        """What the client sent; whatever is no NETCONF ends the session."""
        try:
            messages = self._deframer.feed(data)
            while messages and not self._over:
                for message in messages:
                    self._take(message)
                messages = self._deframer.feed(b"")
        except (BadFraming, etree.XMLSyntaxError) as error:
            log.warning("session %d: it sent what is no NETCONF: %s", self.number, error)
            self.close()

    def say(self, message: bytes) -> None:
        if not self._over:
            self._send(framed(message, self._deframer.chunked))

    def close(self) -> None:
        """Whoever wants it: what was said before still goes out."""
        if not self._over:
            self._over = True
            self._node.ended(self)
            self._hang_up()

    def _take(self, message: bytes) -> None:
        root = etree.fromstring(message.strip(), _PARSER)
        if not self._greeted and root.tag == f"{{{BASE}}}hello":
            self._greeted = True
            offered = {(element.text or "").strip() for element in root.iter(f"{{{BASE}}}capability")}
            self._deframer.chunked = BASE_11 in offered
        elif self._greeted and root.tag == f"{{{BASE}}}rpc":
            answer = self._node.answer(self, root)
            if answer is not None:
                self.say(answer)
        else:
            raise BadFraming(f"<{root.tag}> where {'an rpc' if self._greeted else 'a hello'} should be")
