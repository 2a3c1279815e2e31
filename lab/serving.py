"""Waiting for a controller that has just been started."""

from __future__ import annotations

from typing import Final

from controller.cli.client import Client
from controller.wire.gen.trunkline.v1 import operations_pb2
from lab.errors import LabError
from lab.patience import Patience

CONNECTING_S: Final = 30.0


def until_devices_are_there(client: Client) -> None:
    """A server takes requests as soon as it can answer, whether or not its devices have been reached."""
    patience = Patience(CONNECTING_S, pause_s=0.05)
    while True:
        devices = client.call(client.operations.GetStatus, operations_pb2.GetStatusRequest()).devices
        away = [device.device for device in devices if not device.in_step]
        if not away:
            return
        if patience.is_over:
            raise LabError(f"the controller is not in step with {', '.join(away)} after {CONNECTING_S:.0f} s")
        patience.pause()
