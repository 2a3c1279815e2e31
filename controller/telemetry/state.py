"""How things stand at the moment of a scrape, as values, and as Prometheus metrics. Nothing is kept between scrapes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceState:
    """A device. ``observed_rules`` and ``foreign_rules`` as of the last full reading, the former with what changes have
    made of it since; ``None`` before the first. ``waiting_changes``: what a frozen controller has not put right.
    ``drifted_rules`` differ and are left so, ``drift`` says why (empty: none do). ``read_at``: when it was last read,
    in seconds since the epoch. ``why_not_connected``: as far as that is known. ``why_out_of_step``: what went
    wrong when it was last to be put right, empty if nothing did."""

    device: str
    connected: bool
    in_step: bool
    desired_rules: int
    observed_rules: int | None
    foreign_rules: int | None
    adopted_rules: int
    waiting_changes: int
    drifted_rules: int = 0
    drift: str = ""
    read_at: float | None = None
    why_not_connected: str = ""
    why_out_of_step: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkState:
    """One direction of a link, bits per second."""

    link: str
    direction: str
    capacity_bps: int
    reserved_bps: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkState:
    """``intents`` counts by (kind, state)."""

    intents: Mapping[tuple[str, str], int]
    devices: tuple[DeviceState, ...]
    links: tuple[LinkState, ...]
    frozen: bool


def families(state: NetworkState) -> Iterator[Metric]:
    """The state as metrics. Rates are bytes per second, Prometheus's base unit; times 8 they are bits."""
    yield _gauge(
        "trunkline_intents",
        "Intents by kind and state.",
        ("kind", "state"),
        [(*key, n) for key, n in state.intents.items()],
    )
    yield _gauge("trunkline_frozen", "1 when automatic changes are stopped.", (), [(int(state.frozen),)])
    devices = state.devices
    for name, text, values in (
        ("connected", "1 when the device is connected.", [int(one.connected) for one in devices]),
        (
            "in_step",
            "1 when it is connected, and was read and is as it should be.",
            [int(one.in_step) for one in devices],
        ),
        ("desired_rules", "Rules that it should hold.", [one.desired_rules for one in devices]),
        (
            "observed_rules",
            "Rules of ours that it holds, last read or verified.",
            [one.observed_rules for one in devices],
        ),
        (
            "foreign_rules",
            "Rules of others found when it was last read in full.",
            [one.foreign_rules for one in devices],
        ),
        (
            "adopted_rules",
            "Rules of others whose resources are kept out of use.",
            [one.adopted_rules for one in devices],
        ),
        ("waiting_changes", "Repairs that wait for the end of a freeze.", [one.waiting_changes for one in devices]),
        ("drifted_rules", "Rules that differ and are left so for now.", [one.drifted_rules for one in devices]),
        ("read_timestamp_seconds", "When it was last read in full.", [one.read_at for one in devices]),
    ):
        rows = [(one.device, value) for one, value in zip(devices, values, strict=True) if value is not None]
        yield _gauge(f"trunkline_device_{name}", text, ("device",), rows)
    for name, text, rates in (
        ("capacity", "What a direction of a link can carry.", [one.capacity_bps for one in state.links]),
        ("reserved", "What lines hold of it.", [one.reserved_bps for one in state.links]),
    ):
        per_link = [(one.link, one.direction, bps / 8) for one, bps in zip(state.links, rates, strict=True)]
        yield _gauge(f"trunkline_link_{name}_bytes_per_second", text, ("link", "direction"), per_link)


def _gauge(name: str, text: str, labels: tuple[str, ...], rows: Sequence[tuple[str | float, ...]]) -> GaugeMetricFamily:
    """Each row: the values of the labels, then the number."""
    family = GaugeMetricFamily(name, text, labels=labels)
    for *values, number in rows:
        family.add_metric([str(value) for value in values], float(number))
    return family
