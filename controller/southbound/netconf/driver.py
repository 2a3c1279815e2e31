"""The verbs of ``Driver`` for a device that speaks NETCONF, over whichever session it has at the moment."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from lxml import etree

from controller.domain.errors import DeviceRefused, DeviceUnreachable
from controller.domain.rule_words import rule_words
from controller.domain.rules import Change, CrossConnect, Opaque, RuleKey, Table
from controller.southbound.driver import FlowCount, Observed
from controller.southbound.netconf.calls import Calls, RpcRefused, SessionLost
from controller.southbound.netconf.comparing import differences
from controller.southbound.netconf.connection import PERSIST_ID, Connection, Limits
from controller.southbound.netconf.edits import Edits, applied, edits, standing
from controller.southbound.netconf.encoding import decode
from controller.southbound.netconf.envelope import config_element, filter_element
from controller.southbound.netconf.model import Model, NotValid
from controller.southbound.netconf.profile import Profile
from controller.southbound.netconf.tree import Tree

log = logging.getLogger(__name__)

LOCK_RETRY_S = 0.05
MOST_TRANSACTIONS = 16
"""Staged and neither confirmed nor undone; those before were given up."""


@dataclass(slots=True, eq=False)
class _Round:
    changes: tuple[Change, ...]
    edits: Edits
    committed: bool = False


class NetconfDriver:
    """See ``controller.southbound.driver.Driver`` for the verbs.

    ``commit`` locks the candidate, edits it and makes it the running configuration for a time, under a name that every
    session of ours knows, also one after a restart, and cancels before it does anything else. The lock stays until
    ``confirm`` or ``undo``. An ``ok`` is never believed: ``verify`` and ``undo`` read and compare by value.
    """

    def __init__(self, device: str, connection: Connection, profile: Profile, model: Model, limits: Limits) -> None:
        self._device = device
        self._connection = connection
        self._profile = profile
        self._model = model
        self._limits = limits
        self._rounds: dict[str, dict[int, _Round]] = {}
        self._writing = asyncio.Lock()
        self._locked_by: Calls | None = None
        self._confirmed_by: Calls | None = None
        self._seen: Tree | None = None
        self._subtree = filter_element(model, profile.roots)

    @property
    def device(self) -> str:
        return self._device

    @property
    def connected(self) -> bool:
        return self._connection.calls is not None

    @property
    def why_not(self) -> str:
        return "" if self.connected else self._connection.why_not

    def hurry(self) -> None:
        """Try to connect at once, unless there is a session."""
        self._connection.hurry()

    def forget(self) -> None:
        """What was read of the device may be so no longer."""
        self._seen = None

    async def read(self) -> Observed:
        with self._talking() as calls:
            return decode(self._profile, await self._running(calls))

    async def counts(self, table: Table) -> Mapping[RuleKey, FlowCount]:
        return {}

    async def stage(self, txn: str, round_number: int, changes: tuple[Change, ...]) -> None:
        """Keep the changes. ``DeviceRefused`` when the model does not allow them on what the device holds, which is
        read if it is not known. Staged again, for undoing, they are not looked at again: much may have happened."""
        known = self._rounds.get(txn, {}).get(round_number)
        if known is not None and known.changes == changes:
            return
        wanted = self._edits(changes)
        if self._seen is None:
            with self._talking() as calls:
                self._seen = await self._running(calls)
        self._check(self._seen, wanted, changes)
        self._rounds.setdefault(txn, {})[round_number] = _Round(changes, wanted)
        while len(self._rounds) > MOST_TRANSACTIONS:
            del self._rounds[next(iter(self._rounds))]

    async def commit(self, txn: str, round_number: int) -> None:
        """Make a staged round so, until it is confirmed, cancelled or runs out."""
        staged = self._rounds[txn][round_number]
        async with self._writing:
            with self._talking(staged.changes) as calls:
                payload = self._payload(staged.edits, staged.changes)
                try:
                    await self._commit_anew(calls, payload)
                except (RpcRefused, DeviceRefused):
                    await self._let_go(calls)
                    raise
        staged.committed = True

    async def verify(self, txn: str) -> None:
        """Read back what the committed rounds touched. After a restart, when this process has committed none of the
        rounds staged, all of them must be found carried out."""
        with self._talking() as calls:
            await self._verify(calls, txn)

    async def confirm(self, txn: str) -> None:
        """Make it final. When nothing waits for that, it must be there all the same: confirmed before a restart."""
        async with self._writing:
            with self._talking() as calls:
                # Together, since the lock has served whatever the answer is.
                confirmed, unlocked = await asyncio.gather(
                    calls.confirm(PERSIST_ID), self._unlock(calls), return_exceptions=True
                )
                if isinstance(confirmed, RpcRefused):
                    log.info("%s: %s: reading what it holds", self._device, confirmed)
                    await self._verify(calls, txn)
                elif confirmed is not None:
                    raise confirmed
                self._confirmed_by = calls
                if unlocked is not None:
                    raise unlocked
        self._rounds.pop(txn, None)

    async def undo(self, txn: str) -> None:
        """Cancel what was not confirmed; what is there all the same is taken back by the opposite edit, and read."""
        async with self._writing:
            rounds = self._rounds.get(txn, {})
            if rounds:
                inverses = [
                    change.inverse
                    for _, staged in sorted(rounds.items(), reverse=True)
                    for change in reversed(staged.changes)
                    if self._can_be_put_back(change)
                ]
                with self._talking(inverses) as calls:
                    with contextlib.suppress(RpcRefused):  # nothing waits: never committed, confirmed, or ran out
                        await calls.cancel(PERSIST_ID)
                    try:
                        wanted = self._edits(inverses)
                        if self._unlike(wanted, await self._running(calls)):
                            await self._put_back(calls, wanted, inverses)
                    finally:  # whatever is found, nobody else is to be kept out for it
                        await self._let_go(calls)
            self._rounds.pop(txn, None)

    async def _put_back(self, calls: Calls, wanted: Edits, changes: list[Change]) -> None:
        await self._lock(calls)
        await calls.edit(self._payload(wanted, changes))
        await calls.commit()
        self._compare(wanted, await self._running(calls), changes)

    async def _commit_anew(self, calls: Calls, payload: etree._Element) -> None:
        """Perhaps this was done before, over this session: then that commit is in the way, and cancelled first. Had it
        been confirmed, the device has lost what it promised to keep: ``DeviceRefused``, so that it is read again."""
        try:
            await self._commit_until(calls, payload)
        except RpcRefused as error:
            try:
                await calls.cancel(PERSIST_ID)
            except RpcRefused:
                raise error from None
            if self._confirmed_by is calls:
                self._confirmed_by = None
                raise DeviceRefused(
                    self._device, "had not carried out a confirmation that it answered with ok"
                ) from error
            await self._commit_until(calls, payload)

    async def _commit_until(self, calls: Calls, payload: etree._Element) -> None:
        await self._lock(calls)
        await calls.edit(payload)
        await calls.commit_until(PERSIST_ID, self._limits.confirm_s)
        self._confirmed_by = None

    async def _verify(self, calls: Calls, txn: str) -> None:
        rounds = [entry for _, entry in sorted(self._rounds.get(txn, {}).items())]
        if any(entry.committed for entry in rounds):
            rounds = [entry for entry in rounds if entry.committed]
        wanted = {where: tree for entry in rounds for where, tree in entry.edits.items()}
        changes = [change for entry in rounds for change in entry.changes]
        self._compare(wanted, await self._running(calls), changes)

    async def _running(self, calls: Calls) -> Tree:
        elements = await calls.running(self._subtree)
        try:
            self._seen = self._model.from_xml(elements)
        except NotValid as error:
            raise DeviceRefused(self._device, f"what it holds is not of its model: {error}") from error
        return self._seen

    async def _lock(self, calls: Calls) -> None:
        """Wait a while for somebody else's lock to go."""
        if self._locked_by is calls:
            return
        deadline = asyncio.get_running_loop().time() + self._limits.lock_s
        while True:
            try:
                await calls.lock()
            except RpcRefused as error:
                if not error.has_tag("lock-denied", "in-use") or asyncio.get_running_loop().time() >= deadline:
                    raise
                await asyncio.sleep(LOCK_RETRY_S)
            else:
                self._locked_by = calls
                return

    async def _unlock(self, calls: Calls) -> None:
        if self._locked_by is calls:
            self._locked_by = None
            try:
                await calls.unlock()
            except RpcRefused as error:
                log.warning("%s: %s", self._device, error)

    async def _let_go(self, calls: Calls) -> None:
        """Leave no half of an edit behind. In a candidate that we have not locked it is not ours."""
        if self._locked_by is calls:
            with contextlib.suppress(RpcRefused):
                await calls.discard()
            await self._unlock(calls)

    def _edits(self, changes: Iterable[Change]) -> Edits:
        wanted = tuple(changes)
        try:
            return edits(self._profile, wanted)
        except ValueError as error:
            raise DeviceRefused(self._device, str(error), what=_words(wanted)) from error

    def _payload(self, wanted: Edits, changes: Iterable[Change]) -> etree._Element:
        try:
            return config_element(self._model, wanted)
        except NotValid as error:
            raise DeviceRefused(self._device, str(error), what=_words(changes)) from error

    def _check(self, config: Tree, wanted: Edits, changes: tuple[Change, ...]) -> None:
        try:
            self._model.check(applied(config, wanted))
        except NotValid as error:
            with contextlib.suppress(NotValid):
                self._model.check(config)
                raise DeviceRefused(self._device, str(error), what=_words(changes)) from error
            log.warning("%s: what it holds is not valid, so that a change cannot be checked: %s", self._device, error)

    def _unlike(self, wanted: Edits, config: Tree) -> bool:
        return bool(differences(wanted, standing(config, wanted)))

    def _compare(self, wanted: Edits, config: Tree, changes: Iterable[Change]) -> None:
        unlike = differences(wanted, standing(config, wanted))
        if unlike:
            others = f", and {len(unlike) - 1} more" if len(unlike) > 1 else ""
            raise DeviceRefused(self._device, f"read back: {unlike[0]}{others}", what=_words(changes))

    def _can_be_put_back(self, change: Change) -> bool:
        before = change.before
        if not isinstance(before, CrossConnect):
            return True
        if before.extra or any(isinstance(part, Opaque) for part in (before.odu, before.a, before.z)):
            log.warning("%s: left as it is, what was there was not of our making: %s", self._device, before)
            return False
        return True

    @contextmanager
    def _talking(self, changes: Iterable[Change] = ()) -> Iterator[Calls]:
        """The session there is, and its errors as errors of the device."""
        calls = self._connection.calls
        if calls is None:
            if self._connection.unfit:
                raise DeviceRefused(self._device, self._connection.unfit)
            raise DeviceUnreachable(self._device, self._connection.why_not)
        try:
            yield calls
        except SessionLost as error:
            raise DeviceUnreachable(self._device, str(error)) from error
        except RpcRefused as error:
            raise DeviceRefused(self._device, str(error), what=_words(changes)) from error


def _words(changes: Iterable[Change]) -> str:
    """The first change, and how many there are."""
    said = [f"{change.op} {rule_words(change.rule)}" for change in changes]
    return f"{said[0]}{f', or {len(said) - 1} more' if len(said) > 1 else ''}" if said else ""
