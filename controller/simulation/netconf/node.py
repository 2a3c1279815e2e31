"""One simulated OTN node: what it holds, who talks to it, what it does wrong. Runs in the loop, without a socket."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import count

from lxml import etree

from controller.domain.rule_words import rule_words
from controller.domain.rules import CrossConnect
from controller.simulation.netconf import messages
from controller.simulation.netconf.datastores import Datastores, Happened
from controller.simulation.netconf.faults import RpcFaultKind, RpcFaultPlan
from controller.simulation.netconf.kinds import Ports, cross_connects, factory
from controller.simulation.netconf.messages import RpcError
from controller.simulation.netconf.rpcs import Done, carry_out, name_of
from controller.simulation.netconf.session import Session
from controller.southbound.netconf.encoding import decode
from controller.southbound.netconf.model import Model, NotValid
from controller.southbound.netconf.profile import Profile

log = logging.getLogger(__name__)

_BY_HAND = "operator"


class OtnNode:
    """``on_cross_connects`` is told what the node does now, each time that may have changed: nothing without power.

    ``model`` is for one thread: the loop's, in which all of this must be called.
    """

    def __init__(
        self,
        name: str,
        profile: Profile,
        model: Model,
        ports: Ports,
        on_cross_connects: Callable[[list[CrossConnect]], None],
    ) -> None:
        self.name = name
        self.faults = RpcFaultPlan()
        self.counters: Counter[str] = Counter()
        """Events since the process began: sessions, RPCs by name, errors answered."""
        self.powered = True
        self.datastores = Datastores(model, factory(profile.name, ports))
        self._profile = profile
        self._on_cross_connects = on_cross_connects
        self._sessions: dict[int, Session] = {}
        self._numbers = count(1)
        self._timer: asyncio.TimerHandle | None = None
        self._frozen = False
        self._waiting: list[tuple[Session, bytes]] = []

    @property
    def sessions(self) -> int:
        return len(self._sessions)

    def open_session(
        self, user: str, send: Callable[[bytes], None], hang_up: Callable[[], None]
    ) -> Callable[[bytes | None], None]:
        """A client was let in. Returns what takes its bytes, ``None`` when there will be no more."""
        session = Session(next(self._numbers), user, self, send, hang_up)
        self._sessions[session.number] = session
        self.counters["sessions"] += 1

        def heard(data: bytes | None) -> None:
            if data is None:
                session.close()
            elif self._frozen:
                self._waiting.append((session, data))
            else:
                session.receive(data)

        return heard

    def freeze(self, frozen: bool) -> None:
        """Read nothing: connected, and answering nothing, until thawed."""
        self._frozen = frozen
        if not frozen:
            waiting, self._waiting = self._waiting, []
            for session, data in waiting:
                session.receive(data)

    def drop_sessions(self) -> None:
        for session in list(self._sessions.values()):
            session.close()

    def set_power(self, on: bool) -> None:
        """Without power it has no sessions and joins nothing; with it again it goes on from what was confirmed."""
        if on is self.powered:
            return
        self.powered = on
        self.drop_sessions()
        self._waiting.clear()
        self.datastores.restart()
        self._set_timer()
        self._tell_cross_connects()

    def edit_by_hand(self, config: str) -> None:
        """What somebody at the device does: edits the running configuration, and others are notified. ``config``: the
        elements of an edit-config's ``<config>``. ``ValueError`` when the device does not take it."""
        try:
            happened = self.datastores.edit_running(list(etree.fromstring(f"<config>{config}</config>")))
        except (RpcError, etree.XMLSyntaxError) as error:
            raise ValueError(f"{self.name}: {error}") from error
        self._notice(happened, None)

    def dump(self) -> list[str]:
        """What the controller would read: its cross-connects, one line of text each, and the places of all else."""
        held = decode(self._profile, self.datastores.tree)
        return [*(rule_words(rule) for rule in held.rules), *(foreign.words for foreign in held.foreign)]

    def answer(self, session: Session, rpc: etree._Element) -> bytes | None:
        """See ``Answering``. Faults that are ordered happen here."""
        attributes = {str(key): str(value) for key, value in rpc.attrib.items()}
        name = name_of(rpc)
        self.counters[name] += 1
        fault = self.faults.befalls(name)
        try:
            match None if fault is None else fault.kind:
                case RpcFaultKind.REFUSE:
                    assert fault is not None
                    raise RpcError(fault.tag, f"{name} does not work just now")
                case RpcFaultKind.IGNORE:
                    return messages.ok(attributes)
                case RpcFaultKind.HANG:
                    return None
                case RpcFaultKind.HANG_UP:
                    session.close()
                    return None
            done = carry_out(rpc, self.datastores, session.number)
            if fault is not None:
                session.close()
            self._follow(session, done)
        except RpcError as error:
            self.counters["errors"] += 1
            return messages.refusal(attributes, error)
        except NotValid as error:
            self.counters["errors"] += 1
            return messages.refusal(attributes, RpcError("operation-failed", str(error)))
        said = messages.ok(attributes) if done.data is None else messages.data(attributes, done.data)
        if not done.closes:
            return said
        session.say(said)
        session.close()
        return None

    def ended(self, session: Session) -> None:
        """See ``Answering``."""
        if self._sessions.pop(session.number, None) is not None:
            self._notice(self.datastores.end_session(session.number), session)

    def _follow(self, session: Session, done: Done) -> None:
        """What an RPC brings about beyond its answer."""
        if done.subscribes:
            session.subscribed = True
        if done.kills is not None:
            if done.kills not in self._sessions:
                raise RpcError("invalid-value", f"there is no session {done.kills}")
            self._sessions[done.kills].close()
        self._notice(done.happened, session)

    def _notice(self, happened: Happened, session: Session | None) -> None:
        """Tell those who have subscribed, watch the time, and do what is configured now."""
        when = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        number, user = (0, _BY_HAND) if session is None else (session.number, session.user)
        if happened.changed:
            self._tell(messages.config_change(when, user, number, self.datastores.running))
        if happened.confirm is not None:
            by_itself = happened.confirm == "timeout"
            self._tell(messages.confirmed_commit(when, happened.confirm, user, None if by_itself else number))
            self._set_timer()
        if happened.changed or happened.confirm is not None:
            self._tell_cross_connects()

    def _tell(self, notification: bytes) -> None:
        for session in list(self._sessions.values()):
            if session.subscribed:
                session.say(notification)

    def _set_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        pending = self.datastores.pending
        if pending is not None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(
                pending.wanted.timeout_s, lambda: self._notice(self.datastores.expire(), None)
            )

    def _tell_cross_connects(self) -> None:
        self._on_cross_connects(cross_connects(self._profile.name, self.datastores.tree) if self.powered else [])
