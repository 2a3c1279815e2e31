"""Rules of others on our devices: what is there, and keeping what they use out of use (adopting them)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from controller.compiler.aside import Aside
from controller.domain.errors import DeviceError
from controller.domain.foreign import ForeignRule, foreign_number
from controller.domain.intents import Attachment
from controller.domain.rules import Rule, key_of
from controller.domain.topology import Topology
from controller.service.devices import Devices
from controller.service.finishing import to_the_end
from controller.service.planning import PlannerThread
from controller.store.store import Store

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignView:
    """A rule that is not ours: what it uses, whether it is on the device now, and whether that is kept out of use."""

    device: str
    rule: ForeignRule
    attachments: tuple[Attachment, ...]
    links: tuple[str, ...]
    found: bool
    adopted: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """``unread`` are the devices asked for that could not be read just now."""

    rules: tuple[ForeignView, ...]
    unread: tuple[str, ...]


class Brownfield:
    """``deciding`` is held by whoever plans a change and carries it out: between the two, nothing may be adopted."""

    def __init__(
        self,
        topology: Topology,
        store: Store,
        devices: Devices,
        planner: PlannerThread,
        adopted: Mapping[str, Sequence[ForeignRule]],
        deciding: asyncio.Lock,
        now: Callable[[], float],
        left_on: Callable[[str], Iterable[Rule]],
    ) -> None:
        """``left_on``: the rules of ours that may still be on a device although they should not be."""
        self._topology = topology
        self._store = store
        self._devices = devices
        self._planner = planner
        self._adopted = {device: tuple(rules) for device, rules in adopted.items()}
        self._deciding = deciding
        self._now = now
        self._left_on = left_on

    def count(self, device: str) -> int:
        """How many rules are adopted on the device."""
        return len(self._adopted.get(device, ()))

    async def listing(self, names: Sequence[str]) -> Listing:
        """What is found now on these devices (none named: all) and what is kept for their sake."""
        wanted = self._devices.named(names) if names else sorted(self._devices.drivers.keys() | self._adopted.keys())
        found, unread = await self._read(wanted)
        return self._listing(wanted, found, unread)

    async def adopt(self, names: Sequence[str]) -> Listing:
        """Keep what is found now on these devices (``-``: all) out of use, and what was kept before. ``DeviceError``
        when a device that is named cannot be read; then nothing is adopted."""
        wanted = sorted(self._devices.drivers) if list(names) == ["-"] else self._devices.named(names)
        async with self._deciding:
            # Read inside: what a change takes into use after the reading would be taken for somebody else's.
            found, unread = await self._read(wanted)
            if unread and list(names) != ["-"]:
                raise next(iter(unread.values()))
            more = {device: _not_among(self._adopted.get(device, ()), rules) for device, rules in found.items()}
            await to_the_end(self._keep(more))
        for device, rules in more.items():
            if rules:
                log.info("%s: %d foreign rules adopted", device, len(rules), extra={"device": device})
        return self._listing(wanted, found, unread)

    async def release(self, names: Sequence[str]) -> int:
        """Give back what is kept for the sake of rules on these devices (``-``: all). Returns of how many rules. A
        device that the topology does not have any more can be named, too."""
        wanted = sorted(self._adopted) if list(names) == ["-"] else list(dict.fromkeys(names))
        self._devices.named([name for name in wanted if name not in self._adopted])
        async with self._deciding:
            released = await to_the_end(self._give_back(wanted))
        log.info("%d foreign rules released on %s", released, ", ".join(wanted) if wanted else "no device")
        return released

    async def set_aside(self) -> None:
        """Have the planner keep clear of all that is adopted."""
        adopted = dict(self._adopted)
        await self._planner.run(lambda planner: planner.set_aside(adopted))

    async def _keep(self, more: Mapping[str, Sequence[ForeignRule]]) -> None:
        await self._store.adopt(more, self._now())
        for device, rules in more.items():
            if rules:
                self._adopted[device] = (*self._adopted.get(device, ()), *rules)
        await self.set_aside()

    async def _give_back(self, devices: Sequence[str]) -> int:
        await self._store.release(devices)
        released = {device: self._adopted.pop(device, ()) for device in devices}
        await self.set_aside()
        for device, rules in released.items():
            # Where somebody else's flow stood, one of ours may be missing: no repair has written there.
            if device in self._devices.drivers and any(rule.place is not None for rule in rules):
                self._devices.suspect(device)
        return sum(map(len, released.values()))

    async def _read(self, devices: Sequence[str]) -> tuple[dict[str, list[ForeignRule]], dict[str, DeviceError]]:
        """What is not ours on each device, and those that could not be read, with why."""

        async def read(device: str) -> list[ForeignRule]:
            # Claimed, so that no meter or group of a change under way is taken for somebody else's.
            async with self._devices.claimed((device,)):
                observed = await self._devices.drivers[device].read()
                numbers = await self._planner.run(lambda planner: planner.not_ours(device, observed.rules))
                left = set(map(key_of, self._left_on(device)))
            return [*observed.foreign, *(foreign_number(rule) for rule in numbers if key_of(rule) not in left)]

        there = [device for device in devices if device in self._devices.drivers]
        outcomes = await asyncio.gather(*map(read, there), return_exceptions=True)
        found: dict[str, list[ForeignRule]] = {}
        unread: dict[str, DeviceError] = {}
        for device, outcome in zip(there, outcomes, strict=True):
            if isinstance(outcome, DeviceError):
                unread[device] = outcome
            elif isinstance(outcome, BaseException):
                raise outcome
            else:
                found[device] = outcome
        return found, unread

    def _listing(
        self, devices: Sequence[str], found: Mapping[str, Sequence[ForeignRule]], unread: Mapping[str, DeviceError]
    ) -> Listing:
        places = Aside(self._topology, {})
        views: list[ForeignView] = []
        for device in devices:
            here, kept = set(found.get(device, ())), set(self._adopted.get(device, ()))
            for rule in sorted(here | kept, key=lambda rule: (rule.kind, rule.words)):
                views.append(
                    ForeignView(
                        device=device,
                        rule=rule,
                        attachments=tuple(places.attachments(device, rule)),
                        links=tuple(places.links_of(device, rule)),
                        found=rule in here,
                        adopted=rule in kept,
                    )
                )
        return Listing(rules=tuple(views), unread=tuple(sorted(unread)))


def _not_among(known: Iterable[ForeignRule], rules: Iterable[ForeignRule]) -> list[ForeignRule]:
    """Those of ``rules`` that are not known, in their order."""
    there = set(known)
    return [rule for rule in rules if rule not in there]
