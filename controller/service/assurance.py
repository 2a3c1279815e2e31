"""How lines fare, from what is known of the devices that they ride over."""

from __future__ import annotations

from collections.abc import Iterable

from controller.domain.assurance import Assurance
from controller.domain.intents import IntentKey
from controller.domain.placement import PlacedPath
from controller.service.devices import Devices
from controller.service.drift import Drifts


class Assurances:
    """Looked up when asked for; nothing is stored."""

    def __init__(self, devices: Devices, drifts: Drifts) -> None:
        self._devices = devices
        self._drifts = drifts

    @property
    def drifted(self) -> frozenset[IntentKey]:
        """The lines that are ``DRIFTED`` now."""
        return self._drifts.lines

    def of(self, key: IntentKey, paths: Iterable[PlacedPath]) -> Assurance | None:
        """``None`` when the network carries nothing of the line."""
        nodes = {node for path in paths for node in path.route.nodes}
        if not nodes:
            return None
        if key in self._drifts.lines:
            return Assurance.DRIFTED
        return Assurance.UP if all(map(self._devices.known, nodes)) else Assurance.UNKNOWN
