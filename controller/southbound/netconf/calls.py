"""RPCs, one function each, awaited; the answer comes from the session's thread."""

from __future__ import annotations

import asyncio
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from lxml import etree
from ncclient import operations
from ncclient.operations.rpc import RPC, RaiseMode
from ncclient.transport.errors import TransportError

from controller.southbound.netconf.session import WakingSession

ASK_AGAIN_S = 0.02
"""And twice as long each time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One ``rpc-error``: its tag, what it says, and the path in the data, where the device names one."""

    tag: str
    message: str
    path: str

    def __str__(self) -> str:
        return ": ".join(part for part in (self.path, self.message or self.tag) if part)


class RpcRefused(Exception):
    """The device answered with ``rpc-error``; ``faults`` holds at least one."""

    def __init__(self, call: str, faults: tuple[Fault, ...]) -> None:
        others = f" ({len(faults)} errors, this is the first)" if len(faults) > 1 else ""
        super().__init__(f"{call}: {faults[0]}{others}")
        self.faults = faults

    def has_tag(self, *tags: str) -> bool:
        return any(fault.tag in tags for fault in self.faults)


class SessionLost(Exception):
    """The session ended, or was ended, before the answer came. What the device did is unknown."""


class _Awaited(RPC):  # type: ignore[misc]
    """Tells the loop when the answer is there."""

    loop: asyncio.AbstractEventLoop
    done: asyncio.Future[None]

    def deliver_reply(self, raw: str) -> None:
        super().deliver_reply(raw)
        self._tell()

    def deliver_error(self, err: Exception) -> None:
        super().deliver_error(err)
        self._tell()

    def _tell(self) -> None:
        if not self.loop.is_closed():
            self.loop.call_soon_threadsafe(_set_done, self.done)


def _set_done(done: asyncio.Future[None]) -> None:
    if not done.done():
        done.set_result(None)


class _Lock(_Awaited, operations.Lock):  # type: ignore[misc]
    pass


class _Unlock(_Awaited, operations.Unlock):  # type: ignore[misc]
    pass


class _EditConfig(_Awaited, operations.EditConfig):  # type: ignore[misc]
    pass


class _Commit(_Awaited, operations.Commit):  # type: ignore[misc]
    pass


class _CancelCommit(_Awaited, operations.CancelCommit):  # type: ignore[misc]
    pass


class _DiscardChanges(_Awaited, operations.DiscardChanges):  # type: ignore[misc]
    pass


class _GetConfig(_Awaited, operations.GetConfig):  # type: ignore[misc]
    pass


class _CreateSubscription(_Awaited, operations.CreateSubscription):  # type: ignore[misc]
    pass


class Calls:
    """The RPCs over one session. All raise ``RpcRefused`` and ``SessionLost``.

    An answer that does not come within ``limit_s`` ends the session: only a fresh one knows where it is.
    """

    def __init__(self, session: WakingSession, limit_s: float) -> None:
        self.session = session
        self._limit_s = limit_s

    async def first_word(self) -> None:
        """Ask for nothing until there is an answer: netconfd loses what it reads together with the client's hello, and
        no pause tells for sure that it has not."""
        nothing = etree.Element("filter", type="subtree")
        asking: list[asyncio.Task[list[etree._Element]]] = []
        answered: set[asyncio.Task[list[etree._Element]]] = set()
        pause_s = ASK_AGAIN_S
        try:
            while not answered:
                asking.append(asyncio.create_task(self.running(nothing)))
                answered, _ = await asyncio.wait(asking, timeout=pause_s, return_when=asyncio.FIRST_COMPLETED)
                pause_s *= 2
            answered.pop().result()
        finally:
            for one in asking:
                one.cancel()
            await asyncio.gather(*asking, return_exceptions=True)

    async def lock(self) -> None:
        await self._ask("lock", _Lock, target="candidate")

    async def unlock(self) -> None:
        await self._ask("unlock", _Unlock, target="candidate")

    async def edit(self, config: etree._Element) -> None:
        """Into the candidate, all or nothing. Never by ``validate``: netconfd answers it and forgets the edits."""
        await self._ask(
            "edit-config",
            _EditConfig,
            target="candidate",
            config=config,
            test_option="test-then-set",
            error_option="rollback-on-error",
        )

    async def commit_until(self, persist_id: str, timeout_s: int) -> None:
        """Make the candidate the running configuration, back again after ``timeout_s`` unless confirmed."""
        await self._ask("confirmed commit", _Commit, confirmed=True, timeout=str(timeout_s), persist=persist_id)

    async def confirm(self, persist_id: str) -> None:
        await self._ask("confirming commit", _Commit, persist_id=persist_id)

    async def commit(self) -> None:
        await self._ask("commit", _Commit)

    async def cancel(self, persist_id: str) -> None:
        await self._ask("cancel-commit", _CancelCommit, persist_id=persist_id)

    async def discard(self) -> None:
        await self._ask("discard-changes", _DiscardChanges)

    async def running(self, subtree: etree._Element) -> list[etree._Element]:
        """What the running configuration holds of a subtree."""
        reply = await self._ask("get-config", _GetConfig, source="running", filter=deepcopy(subtree))
        return list(reply.data)

    async def subscribe(self) -> None:
        await self._ask("create-subscription", _CreateSubscription)

    async def _ask(self, call: str, kind: type[_Awaited], **arguments: Any) -> Any:
        session = self.session
        rpc = kind(session, session._device_handler, async_mode=True, raise_mode=RaiseMode.NONE)
        rpc.loop = asyncio.get_running_loop()
        rpc.done = rpc.loop.create_future()
        try:
            rpc.request(**arguments)
            async with asyncio.timeout(self._limit_s):
                await rpc.done
        except TransportError as error:
            raise SessionLost(f"{call}: {error}") from error
        except TimeoutError:
            session.close()
            raise SessionLost(f"{call}: no answer within {self._limit_s:g} s") from None
        if rpc.error is not None:
            raise SessionLost(f"{call}: {rpc.error}") from rpc.error
        faults = tuple(map(_fault, rpc.reply.errors))
        if faults:
            raise RpcRefused(call, faults)
        return rpc.reply


def _fault(error: Any) -> Fault:
    return Fault(
        tag=error.tag or "operation-failed",
        message=(error.message or "").strip(),
        path=(error.path or "").strip(),
    )
