"""OTN nodes to measure with: real NETCONF servers, started by the lab in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from controller.domain.errors import Fault, InvalidInput, Reason
from controller.southbound.netconf.endpoint import Endpoint
from controller.southbound.netconf.southbound import ManagedDevice


@dataclass(frozen=True, slots=True, kw_only=True)
class Nodes:
    yang: Path
    devices: dict[str, ManagedDevice]


@contextmanager
def running(count: int) -> Iterator[Nodes]:
    """``InvalidInput`` when this machine cannot run them, saying what is missing."""
    command = [sys.executable, "-m", "lab.otn_serve", str(count)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        line = process.stdout.readline()
        if not line:
            why = process.stderr.read().decode(errors="replace").strip().splitlines()
            message = f"no OTN nodes to measure with: {why[-1] if why else 'the lab did not start'}"
            raise InvalidInput((Fault(reason=Reason.INVALID_VALUE, field="netconf", message=message),))
        try:
            yield _read(json.loads(line))
        finally:
            process.stdin.close()


def _read(told: dict[str, object]) -> Nodes:
    devices = told["devices"]
    assert isinstance(devices, list)
    return Nodes(
        yang=Path(str(told["yang"])),
        devices={
            device.pop("name"): ManagedDevice(profile=device.pop("profile"), endpoint=Endpoint(**device))
            for device in devices
        },
    )
