"""How the controller and its devices stand now: for people (status) and for Prometheus (a scrape)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from controller.compiler.plan import LinkUse
from controller.compiler.planner import Planner
from controller.domain.topology import Topology
from controller.service.brownfield import Brownfield
from controller.service.devices import Devices
from controller.service.drift import Drifts
from controller.service.egress.drains import Drains
from controller.service.freeze import Freeze
from controller.service.planning import PlannerThread
from controller.service.port_states import Outages
from controller.service.readings import Readings
from controller.store.records import Drained, Frozen
from controller.store.store import Store
from controller.telemetry.state import DeviceState, LinkState, NetworkState


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    topology: str
    revision: int
    frozen: Frozen | None
    devices: tuple[DeviceState, ...]
    drained: tuple[tuple[str, Drained], ...]
    down: Outages


class StatusService:
    """Everything is looked up when it is asked for; nothing is kept up to date meanwhile."""

    def __init__(
        self,
        topology: Topology,
        store: Store,
        planner: PlannerThread,
        devices: Devices,
        readings: Readings,
        freeze: Freeze,
        brownfield: Brownfield,
        drifts: Drifts,
        drains: Drains,
        down: Callable[[], Outages],
    ) -> None:
        self._topology = topology
        self._store = store
        self._planner = planner
        self._devices = devices
        self._readings = readings
        self._freeze = freeze
        self._brownfield = brownfield
        self._drifts = drifts
        self._drains = drains
        self._down = down

    async def status(self) -> Status:
        _, revision = await self._store.counts()
        desired = await self._planner.run(_desired_counts)
        return Status(
            topology=self._topology.name,
            revision=revision,
            frozen=self._freeze.state,
            devices=tuple(self._device(device, desired) for device in sorted(self._devices.drivers)),
            drained=self._drains.all,
            down=self._down(),
        )

    async def picture(self) -> NetworkState:
        """The numbers of a scrape."""
        intents, _ = await self._store.counts()
        desired, links = await self._planner.run(lambda planner: (_desired_counts(planner), planner.link_use()))
        return NetworkState(
            intents=intents,
            devices=tuple(self._device(device, desired) for device in sorted(self._devices.drivers)),
            links=tuple(map(_link, links)),
            frozen=self._freeze.on,
        )

    def _device(self, device: str, desired: dict[str, int]) -> DeviceState:
        reading, drift = self._readings.get(device), self._drifts.get(device)
        return DeviceState(
            device=device,
            connected=self._devices.drivers[device].connected,
            in_step=self._devices.in_step(device),
            desired_rules=desired[device],
            observed_rules=None if reading is None else reading.ours,
            foreign_rules=None if reading is None else reading.foreign,
            adopted_rules=self._brownfield.count(device),
            waiting_changes=0 if reading is None else reading.waiting,
            drifted_rules=0 if drift is None else len(drift.changes),
            drift="" if drift is None else drift.standing,
            read_at=None if reading is None else reading.taken,
            why_not_connected=self._devices.drivers[device].why_not,
            why_out_of_step=self._devices.why_out_of_step(device),
        )


def _desired_counts(planner: Planner) -> dict[str, int]:
    return {device: len(rules) for device, rules in planner.desired.items()}


def _link(use: LinkUse) -> LinkState:
    return LinkState(
        link=use.link, direction=use.direction, capacity_bps=use.capacity_bps, reserved_bps=use.reserved_bps
    )
