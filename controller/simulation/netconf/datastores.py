"""Running and candidate configuration of a node, their locks, and the commit that waits for confirmation (RFC 6241).
No clock: ``expire`` is called when the time is over."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from lxml import etree

from controller.simulation.netconf.editing import Operation, bare, edited
from controller.simulation.netconf.messages import RpcError
from controller.southbound.netconf.model import Model, NotValid
from controller.southbound.netconf.tree import Tree


class Store(StrEnum):
    RUNNING = "running"
    CANDIDATE = "candidate"


class ConfirmEvent(StrEnum):
    START = "start"
    EXTEND = "extend"
    COMPLETE = "complete"
    CANCEL = "cancel"
    TIMEOUT = "timeout"


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirmable:
    """A commit that is taken back unless it is confirmed. With ``persist`` it is known by that name to any session,
    without it belongs to the session that made it and ends with it."""

    persist: str | None
    timeout_s: int


@dataclass(slots=True, kw_only=True)
class Pending:
    """The confirmed commit that waits; ``before``: what to go back to."""

    by: int
    wanted: Confirmable
    before: list[etree._Element]


@dataclass(frozen=True, slots=True, kw_only=True)
class Happened:
    """What others are told: ``changed`` whether the running configuration is another now, ``confirm`` what became of a
    confirmed commit."""

    changed: bool = False
    confirm: ConfirmEvent | None = None


class Datastores:
    """Sessions are numbers. All methods raise ``RpcError``."""

    def __init__(self, model: Model, factory: Tree) -> None:
        self._model = model
        model.check(factory)
        self.running: list[etree._Element] = model.to_xml(factory)
        self._candidate: list[etree._Element] | None = None
        self.pending: Pending | None = None
        self._locks: dict[Store, int] = {}

    @property
    def candidate(self) -> list[etree._Element]:
        return self.running if self._candidate is None else self._candidate

    @property
    def tree(self) -> Tree:
        """The running configuration in canonical form."""
        return self._model.from_xml(self.running)

    def lock(self, store: Store, session: int) -> None:
        holder = self._locks.get(store)
        if holder is not None:
            raise RpcError("lock-denied", f"{store} is locked", session=holder)
        if store is Store.CANDIDATE and self._candidate is not None:
            raise RpcError(
                "lock-denied", "the candidate has changes that are neither committed nor discarded", session=0
            )
        if store is Store.RUNNING and self.pending is not None:
            raise RpcError("lock-denied", "a confirmed commit waits", session=self.pending.by)
        self._locks[store] = session

    def unlock(self, store: Store, session: int) -> None:
        if self._locks.get(store) != session:
            raise RpcError("operation-failed", f"{store} is not locked by this session")
        del self._locks[store]

    def edit(self, session: int, edits: Iterable[etree._Element], default: Operation, *, test: bool) -> None:
        """Edit the candidate, all or nothing; with ``test`` only if it is valid afterwards."""
        self._refuse_if_locked(Store.CANDIDATE, session)
        after = self._edited(self.candidate, list(edits), default)
        if test:
            self._check(after)
        self._candidate = after

    def edit_running(self, edits: Iterable[etree._Element]) -> Happened:
        """What somebody at the device does; no lock and no confirmed commit stops it."""
        after = self._edited(self.running, list(edits), Operation.MERGE)
        self._check(after)
        self.running = after
        return Happened(changed=True)

    def validate(self, store: Store) -> None:
        self._check(self.candidate if store is Store.CANDIDATE else self.running)

    def discard(self, session: int) -> None:
        self._refuse_if_locked(Store.CANDIDATE, session)
        self._candidate = None

    def commit(self, session: int, wanted: Confirmable | None, persist_id: str | None) -> Happened:
        """Make the candidate the running configuration, for good or for a time."""
        self._refuse_if_locked(Store.CANDIDATE, session)
        self._refuse_if_locked(Store.RUNNING, session)
        self._must_name(session, persist_id)
        self._check(self.candidate)
        waits = self.pending
        changed = self._candidate is not None
        if wanted is None:
            self.pending = None
            event = None if waits is None else ConfirmEvent.COMPLETE
        else:
            before = self.running if waits is None else waits.before
            self.pending = Pending(by=session, wanted=wanted, before=before)
            event = ConfirmEvent.START if waits is None else ConfirmEvent.EXTEND
        self.running, self._candidate = self.candidate, None
        return Happened(changed=changed, confirm=event)

    def cancel(self, session: int, persist_id: str | None) -> Happened:
        if self.pending is None:
            raise RpcError("invalid-value" if persist_id is not None else "operation-failed", "no commit waits")
        self._must_name(session, persist_id)
        return self._go_back(ConfirmEvent.CANCEL)

    def expire(self) -> Happened:
        """The time of the confirmed commit is over."""
        return self._go_back(ConfirmEvent.TIMEOUT)

    def end_session(self, session: int) -> Happened:
        """Its locks go, what it left in a candidate that it had locked, and its confirmed commit without a name."""
        if self._locks.get(Store.CANDIDATE) == session:
            self._candidate = None
        self._locks = {store: holder for store, holder in self._locks.items() if holder != session}
        if self.pending is not None and self.pending.by == session and self.pending.wanted.persist is None:
            return self._go_back(ConfirmEvent.CANCEL)
        return Happened()

    def restart(self) -> None:
        """What was confirmed outlives a loss of power, nothing else does."""
        if self.pending is not None:
            self.running = self.pending.before
        self.pending, self._candidate, self._locks = None, None, {}

    def _go_back(self, event: ConfirmEvent) -> Happened:
        assert self.pending is not None
        # The candidate, too, begins anew from what is running then.
        self.running, self._candidate, self.pending = self.pending.before, None, None
        return Happened(confirm=event)

    def _must_name(self, session: int, persist_id: str | None) -> None:
        """Who acts on a confirmed commit must know its name, or be who made it if it has none."""
        if self.pending is None:
            if persist_id is not None:
                raise RpcError("invalid-value", f"no commit with the name {persist_id!r} waits")
        elif self.pending.wanted.persist != persist_id or (persist_id is None and self.pending.by != session):
            raise RpcError("invalid-value", "the commit that waits for confirmation has another name")

    def _refuse_if_locked(self, store: Store, session: int) -> None:
        holder = self._locks.get(store)
        if holder is not None and holder != session:
            raise RpcError("in-use", f"{store} is locked by another session", session=holder)

    def _edited(
        self, config: list[etree._Element], edits: list[etree._Element], default: Operation
    ) -> list[etree._Element]:
        try:
            keys = self._model.list_keys(bare(edits))
            # By way of the library, so that what is stored is canonical, as what is compared with it will be.
            return self._model.to_xml(self._model.from_xml(edited(config, edits, keys, default)))
        except NotValid as error:
            raise _invalid(error) from error

    def _check(self, config: list[etree._Element]) -> None:
        try:
            self._model.check(self._model.from_xml(config))
        except NotValid as error:
            raise _invalid(error) from error


def _invalid(error: NotValid) -> RpcError:
    path, _, message = str(error).partition(": ")
    return RpcError("invalid-value", message, path=path) if message else RpcError("invalid-value", path)
