"""How a server is to run, as whoever starts it says."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from controller.service.confirming import ConfirmAbove
from controller.service.drift import DriftPolicy
from controller.service.egress.report import Mode


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """``listen``: where the API answers; ``openflow``: where switches connect to; ``metrics``: where Prometheus looks,
    ``None`` for nowhere. ``yang``: the directory of the YANG modules, needed where there are NETCONF devices.
    ``force``: start although the topology strands intents.

    ``read_every_s`` (devices), ``egress_every_s`` (gateways are chosen), ``probe_every_s`` (regions abroad are pinged)
    are ``None`` for: not by the clock. ``measured_fresh_s``: for so long what was measured counts."""

    listen: str
    openflow: str
    metrics: str | None
    yang: Path | None
    force: bool
    confirm_above: ConfirmAbove
    drift: DriftPolicy
    read_every_s: float | None
    egress: Mode
    egress_every_s: float | None
    probe_every_s: float | None
    measured_fresh_s: float
