"""Pings of a server: which switches send them, when, and where their measurements go."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterable, Mapping

import click

from controller.compiler.steering.probes import Probe, probes_of
from controller.domain.gateway_quality import Measurement, Way
from controller.domain.topology import Topology
from controller.service.devices import Devices
from controller.service.egress.pings import PingReading
from controller.service.egress.probing import TOKEN_BYTES, PingOutcome, Probing, reading_every_s
from controller.service.port_states import PortStates
from controller.southbound.driver import FrameSender
from controller.telemetry.ping_metrics import PingMetrics


def check_pace(topology: Topology, every_s: float | None, fresh_s: float) -> None:
    """Raises ``click.UsageError`` where what is measured would be stale before it is measured anew: what counts would
    come and go, and traffic with it. ``every_s``: ``None`` for no pings at all."""
    ways = 0 if every_s is None else len(probes_of(topology))
    if every_s is not None and ways and reading_every_s(ways, every_s) >= fresh_s:
        raise click.UsageError(
            f"--probe-every: {ways} ways abroad are measured every {reading_every_s(ways, every_s):g} s (ten pings "
            f"each), and what is measured counts for {fresh_s:g} s (--measured-fresh): ping more often, or let it "
            "count for longer"
        )


def pinging(
    topology: Topology,
    senders: Mapping[str, FrameSender],
    devices: Devices,
    ports: PortStates,
    metrics: PingMetrics,
    report: Callable[[Iterable[Measurement]], object],
    every_s: float | None,
) -> Probing:
    """``every_s``: ``None`` for no pings at all. ``report`` takes what was measured."""
    probes = () if every_s is None else [probe for probe in probes_of(topology) if probe.node in senders]
    metrics.expect((probe.gateway, probe.region) for probe in probes)

    def standing(probe: Probe) -> int | None:
        """Answers come back by a rule that is there when the switch is as it should be."""
        if probe.gateway in ports.down.gateways or not devices.in_step(probe.node):
            return None
        return devices.incidents(probe.node)

    def counted(way: Way, outcome: PingOutcome) -> None:
        metrics.pings.labels(*way, outcome.value).inc()

    def read(way: Way, reading: PingReading) -> None:
        metrics.show(way, reading.delay_ns, reading.lost / reading.pings)

    return Probing(
        probes,
        senders,
        standing=standing,
        report=report,
        now=time.time,
        token=lambda: secrets.token_bytes(TOKEN_BYTES),
        identifier=secrets.randbits(16),
        every_s=0.0 if every_s is None else every_s,
        counted=counted,
        read=read,
    )
