"""What is counted and timed while the controller works. docs/metrics.md has every name, unit and meaning.

Every server has instruments and a registry of its own: nothing is global, so several can run in one process.
"""

from __future__ import annotations

import asyncio
import platform
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from importlib.metadata import version

from prometheus_client import CollectorRegistry, Counter, Histogram, Info
from prometheus_client.process_collector import ProcessCollector

from controller.domain.errors import DeviceError
from controller.telemetry.egress_metrics import EgressMetrics
from controller.telemetry.ping_metrics import PingMetrics

OK = "OK"
INTERNAL = "INTERNAL"
CANCELLED = "CANCELLED"
# From a plan of one line (some 100 us) to an apply of 10,000 over slow devices.
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)


class Metrics:
    """The instruments. Those with labels are named for what they count; the methods keep label values few."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        Info("trunkline_build", "Version of the controller and of Python.", registry=registry).info(
            {"version": version("trunkline"), "python": platform.python_version()}
        )
        self.grpc_calls = Counter(
            "trunkline_grpc_calls", "gRPC calls that ended, by status code.", ("method", "code"), registry=registry
        )
        self.requests = Counter(
            "trunkline_requests",
            "Requests that ended: OK, or the reason for which not.",
            ("request", "outcome"),
            registry=registry,
        )
        self.request_duration = Histogram(
            "trunkline_request_duration_seconds",
            "From the request to its answer, waiting for devices included.",
            ("request",),
            registry=registry,
            buckets=_SECONDS,
        )
        self.plan_duration = Histogram(
            "trunkline_plan_duration_seconds",
            "Time in the planner's thread for one plan.",
            registry=registry,
            buckets=_SECONDS,
        )
        self.transactions = Counter(
            "trunkline_transactions",
            "Changes of the network: done, undone, or interrupted (the state could not be written).",
            ("kind", "outcome"),
            registry=registry,
        )
        self.transaction_duration = Histogram(
            "trunkline_transaction_duration_seconds",
            "From the first journal entry to the last.",
            ("kind",),
            registry=registry,
            buckets=_SECONDS,
        )
        self.rule_changes = Counter(
            "trunkline_rule_changes", "Rules that transactions changed on devices.", registry=registry
        )
        self.reconcile_runs = Counter(
            "trunkline_reconcile_runs",
            "Times a device was read to be put right: clean, repaired, left (drift is reported, or its repair waits), "
            "frozen (differs, but must not be written), failed.",
            ("outcome",),
            registry=registry,
        )
        self.device_reads = Counter(
            "trunkline_device_reads",
            "Readings of devices in step: same, differs, interrupted (somebody wrote meanwhile; read again), failed.",
            ("outcome",),
            registry=registry,
        )
        self.drift_notices = Counter(
            "trunkline_drift_notices", "Devices' own notices that somebody else changed them.", registry=registry
        )
        self.reconcile_repairs = Counter(
            "trunkline_reconcile_repairs", "Rules that the reconciler changed on devices.", registry=registry
        )
        self.connections = Counter(
            "trunkline_device_connections", "Connections that came up.", ("device",), registry=registry
        )
        self.disconnections = Counter(
            "trunkline_device_disconnections", "Connections that went down.", ("device",), registry=registry
        )
        self.egress = EgressMetrics(registry)
        self.pings = PingMetrics(registry)
        for request in ("plan", "apply", "delete"):  # zeros from the start, so that rates are right from the first
            self.requests.labels(request, OK)
            self.request_duration.labels(request)
        for outcome in ("clean", "repaired", "left", "frozen", "failed"):
            self.reconcile_runs.labels(outcome)
        for outcome in ("same", "differs", "interrupted", "failed"):
            self.device_reads.labels(outcome)
        for kind in ("apply", "delete"):
            self.transactions.labels(kind, "done")
            self.transactions.labels(kind, "undone")

    def watch_devices(self, devices: Iterable[str]) -> None:
        """Show these devices from the start."""
        for device in devices:
            self.connections.labels(device)
            self.disconnections.labels(device)

    def connection(self, device: str, connected: bool) -> None:
        (self.connections if connected else self.disconnections).labels(device).inc()

    @contextmanager
    def request(self, request: str) -> Iterator[Outcome]:
        """Time what is inside and count how it ended; an error by its reason."""
        outcome, start = Outcome(), time.perf_counter()
        try:
            yield outcome
        except BaseException as error:
            outcome.reason = reason_of(error)
            raise
        finally:
            self.request_duration.labels(request).observe(time.perf_counter() - start)
            self.requests.labels(request, outcome.reason).inc()

    @contextmanager
    def transaction(self, kind: str) -> Iterator[None]:
        """Time one change of the network and count how it ended."""
        outcome, start = "done", time.perf_counter()
        try:
            yield
        except DeviceError:
            outcome = "undone"
            raise
        except BaseException:
            outcome = "interrupted"
            raise
        finally:
            self.transaction_duration.labels(kind).observe(time.perf_counter() - start)
            self.transactions.labels(kind, outcome).inc()


def reason_of(error: BaseException) -> str:
    """The stable reason of an error: its own if it has one."""
    if isinstance(error, asyncio.CancelledError):
        return CANCELLED
    return str(getattr(error, "reason", INTERNAL))


class Outcome:
    """How a request ends, to be set by who knows; OK unless said otherwise."""

    def __init__(self) -> None:
        self.reason: str = OK
