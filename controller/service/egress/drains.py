"""Gateways that are to carry nothing, because somebody who works there said so."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping

from controller.domain.errors import Fault, InvalidInput, Reason
from controller.domain.spelling import did_you_mean
from controller.domain.topology import Topology
from controller.service.finishing import to_the_end
from controller.store.records import Drained
from controller.store.store import Store

log = logging.getLogger(__name__)


class Drains:
    """Durable. ``drained`` is what was found on disk; a gateway that the topology does not have any more is passed
    over. ``on_change`` is told, in words, when traffic is to move away or may come back."""

    def __init__(
        self, topology: Topology, store: Store, drained: Mapping[str, Drained], now: Callable[[], float]
    ) -> None:
        self._known = frozenset(gateway.name for gateway in topology.gateways)
        self._store = store
        self._drained = {name: one for name, one in drained.items() if name in self._known}
        self._now = now
        self._tell_changed: Callable[[str], None] | None = None
        # Who drains and who undrains take turns: what is in force is what is on disk, whoever came last.
        self._turns = asyncio.Lock()

    @property
    def gateways(self) -> frozenset[str]:
        return frozenset(self._drained)

    @property
    def all(self) -> tuple[tuple[str, Drained], ...]:
        """By gateway: why and since when."""
        return tuple(sorted(self._drained.items()))

    def get(self, gateway: str) -> Drained | None:
        """``None``: it is not drained."""
        return self._drained.get(gateway)

    def on_change(self, tell: Callable[[str], None]) -> None:
        self._tell_changed = tell

    async def drain(self, gateway: str, reason: str) -> Drained:
        """The gateway is to carry nothing until it is undrained, over restarts. Drained already, ``since`` stays, and
        the reason unless another one is given. ``InvalidInput``: there is no such gateway; ``StoreError``: nothing was
        done."""
        self._must_be_known(gateway)
        return await to_the_end(self._drain(gateway, reason))

    async def undrain(self, gateway: str) -> None:
        """Traffic may come back, as other moves do: with hysteresis, a bounded part of it a cycle."""
        self._must_be_known(gateway)
        await to_the_end(self._undrain(gateway))

    async def _drain(self, gateway: str, reason: str) -> Drained:
        async with self._turns:
            before = self._drained.get(gateway)
            if before is None:
                drained = Drained(reason=reason, since=self._now())
            else:
                drained = Drained(reason=reason if reason else before.reason, since=before.since)
            await self._store.set_drained(gateway, drained)
            self._drained[gateway] = drained
        if before is None:
            log.warning("gateway %s is drained%s", gateway, f" ({reason})" if reason else "")
            self._tell(f"gateway {gateway} is drained")
        return drained

    async def _undrain(self, gateway: str) -> None:
        async with self._turns:
            await self._store.set_drained(gateway, None)
            before = self._drained.pop(gateway, None)
        if before is not None:
            log.warning("gateway %s is not drained any more", gateway)
            self._tell(f"gateway {gateway} is not drained any more")

    def _tell(self, what: str) -> None:
        if self._tell_changed is not None:
            self._tell_changed(what)

    def _must_be_known(self, gateway: str) -> None:
        if gateway not in self._known:
            message = f"there is no gateway {gateway[:80]!r}{did_you_mean(gateway, self._known)}"
            raise InvalidInput((Fault(reason=Reason.REFERENCE_NOT_FOUND, field="gateway", message=message),))
