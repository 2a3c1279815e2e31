"""Is what leaves by gateways as planned? Probes from each province, from addresses that end in all ways (by which
traffic is split), in both IP versions: by which gateway each comes in abroad, how long it takes, with how many hops.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from ipaddress import ip_network
from itertools import takewhile
from statistics import median
from typing import Final

from controller.domain.topology import Topology
from lab.measure.checks import Check
from lab.measure.echoes import echoes
from lab.measure.exits import ExpectedTraffic, destination, sources
from lab.measure.traffic import Arrival, Listener, Stream, Traffic

EARLY_NS: Final = 200_000
LATE_NS: Final = 2_000_000
"""How far from the plan the median may be."""
TTL: Final = 64 - 1
"""What a packet has left: the network is one router."""

LEAST_SHARE: Final = 1 / 8
"""What of a policy's traffic from a source is divided into sixteenths is meant to be that much, give or take one."""
MOST_PROBED: Final = 16
"""Of the prefixes of an IP version, so many get a probe, one from each address."""

_EVERY_NS: Final = 200_000_000
_ECHOES: Final = 3
_MARGIN_S: Final = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class EgressReport:
    """What was found of one policy's traffic from one site. By gateway: how many probes came by it, and the median of
    their one-way delays."""

    traffic: ExpectedTraffic
    sent: int
    arrived: Mapping[str, int]
    delay_ns: Mapping[str, float]
    checks: tuple[Check, ...]

    @property
    def passed(self) -> bool:
        return all(check.passed for check in self.checks)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hosts:
    """Where to send and listen: a process of each site's host, and the interfaces of the hosts abroad."""

    customers: Mapping[str, int]
    listeners: Sequence[Listener]


def measure_egress(
    topology: Topology,
    hosts: Hosts,
    expected: Sequence[ExpectedTraffic],
    seconds: float = 2.0,
    attempts: int = 3,
    progress: Callable[[int], None] = lambda _attempt: None,
) -> tuple[EgressReport, ...]:
    """Measure all, and judge. What does not pass is measured again: a busy machine delays packets for a moment, a wrong
    route for good."""
    reports = {}
    left = list(expected)
    for attempt in range(attempts):
        progress(attempt)
        if not left:
            break
        for report in _measured(topology, hosts, left, seconds):
            reports[report.traffic.policy, report.traffic.source] = report
        left = [traffic for traffic in left if not reports[traffic.policy, traffic.source].passed]
    return tuple(reports[traffic.policy, traffic.source] for traffic in expected)


def probes(topology: Topology, traffic: ExpectedTraffic) -> list[Stream]:
    """One from each address, to the prefixes by turns."""
    streams = []
    for version in (4, 6):
        prefixes = [prefix for prefix in traffic.destinations if ip_network(prefix).version == version]
        for number, source in enumerate(sources(topology, traffic.site, version) if prefixes else ()):
            streams.append(
                Stream(
                    site=traffic.site,
                    source=source,
                    destination=destination(prefixes[number % len(prefixes)]),
                    dscp=traffic.dscp,
                    every_ns=_EVERY_NS,
                )
            )
    return streams


def _measured(
    topology: Topology, hosts: Hosts, expected: Sequence[ExpectedTraffic], seconds: float
) -> list[EgressReport]:
    streams: list[Stream] = []
    of: list[range] = []
    for traffic in expected:
        own = probes(topology, traffic)
        of.append(range(len(streams), len(streams) + len(own)))
        streams += own
    # Their routers' addresses are asked for first: that takes time of its own.
    longest_s = max((one.delay_ns for traffic in expected for one in traffic.exits), default=0) / 1e9
    # Answers come back by the gateway that is nearest to the region, which may be further from the source.
    timeout_s = 3 * longest_s + _MARGIN_S
    with ThreadPoolExecutor(max_workers=max(1, len(of))) as pool:
        answered = list(pool.map(lambda own: _echoed(hosts, [streams[index] for index in own], timeout_s), of))
    with Traffic(hosts.customers, hosts.listeners, streams) as running:
        running.run_for(seconds)
        running.stop(drain_s=longest_s + _MARGIN_S)
    return [
        judged(
            traffic,
            sum(len(running.sent[index]) for index in own),
            [arrival for index in own for arrival in running.arrived[index]],
            echoed,
        )
        for traffic, own, echoed in zip(expected, of, answered, strict=True)
    ]


def _echoed(hosts: Hosts, streams: Sequence[Stream], timeout_s: float) -> dict[int, int]:
    """By IP version, how many of the echo requests along one stream were answered; the first that is not ends it."""
    first = {ip_network(stream.destination).version: stream for stream in reversed(streams)}
    found: dict[int, int] = {}
    for version, stream in first.items():
        host = hosts.customers[stream.site]
        one_by_one = (echoes(host, stream.source, stream.destination, 1, timeout_s) for _ in range(_ECHOES))
        found[version] = sum(1 for _ in takewhile(lambda answers: None not in answers, one_by_one))
    return found


def judged(traffic: ExpectedTraffic, sent: int, arrivals: Sequence[Arrival], echoed: Mapping[int, int]) -> EgressReport:
    """Pure. ``echoed``: as ``_echoed`` has it."""
    delays: dict[str, list[int]] = {}
    for arrival in arrivals:
        delays.setdefault(arrival.gateway, []).append(arrival.delay_ns)
    found = {gateway: float(median(each)) for gateway, each in sorted(delays.items())}
    arrived = {gateway: len(each) for gateway, each in sorted(delays.items())}
    return EgressReport(
        traffic=traffic,
        sent=sent,
        arrived=arrived,
        delay_ns=found,
        checks=(
            _carried(traffic, sent, arrivals),
            _by_planned_gateways(traffic, arrived),
            _as_fast(traffic, found),
            _routed_once(arrivals),
            _answered(echoed),
        ),
    )


def _carried(traffic: ExpectedTraffic, sent: int, arrivals: Sequence[Arrival]) -> Check:
    came = len(arrivals)
    strayed = sorted({arrival.region for arrival in arrivals} - {traffic.region})
    faults = [] if came == sent else [f"{sent - came} were lost" if came < sent else f"{came - sent} came twice"]
    faults += [f"some came out in {', '.join(strayed)}"] if strayed else []
    if not sent:
        faults.append("nothing could be sent")
    return _check("carried", f"{came} of {sent}", f"all in {traffic.region}", faults)


def _by_planned_gateways(traffic: ExpectedTraffic, arrived: Mapping[str, int]) -> Check:
    """No other has any, and each that is to have a share worth the name has some."""
    planned = {one.gateway for one in traffic.exits if one.rate_bps > 0}
    total_bps = sum(one.rate_bps for one in traffic.exits)
    sure = {one.gateway for one in traffic.exits if one.rate_bps >= LEAST_SHARE * total_bps and one.rate_bps > 0}
    faults = [f"some left by {gateway}" for gateway in sorted(set(arrived) - planned)]
    if not arrived:
        faults.append("none left")
    elif len(traffic.destinations) <= MOST_PROBED:  # all of them were sent to
        faults += [f"none left by {gateway}" for gateway in sorted(sure - set(arrived))]
    return _check("gateways", ", ".join(arrived), ", ".join(sorted(planned)), faults)


def _as_fast(traffic: ExpectedTraffic, found: Mapping[str, float]) -> Check:
    faults = []
    planned = traffic.by_gateway
    for gateway, delay_ns in found.items():
        if gateway in planned:
            beyond_ns = delay_ns - planned[gateway].delay_ns
            if not -EARLY_NS <= beyond_ns <= LATE_NS:
                faults.append(f"by {gateway} it takes {beyond_ns / 1e6:+.2f} ms of what was planned")
    expected = ", ".join(f"{_ms(one.delay_ns)} by {gateway}" for gateway, one in sorted(planned.items()))
    return _check("delay", ", ".join(map(_ms, found.values())), expected, faults)


def _routed_once(arrivals: Sequence[Arrival]) -> Check:
    left = sorted({arrival.ttl for arrival in arrivals})
    faults = [] if left in ([TTL], []) else ["the hop limit does not fall by one"]
    return _check("hop limit", ", ".join(map(str, left)), str(TTL), faults)


def _answered(echoed: Mapping[int, int]) -> Check:
    faults = [
        f"{_ECHOES - count} of {_ECHOES} echo requests over IPv{version} were not answered"
        for version, count in sorted(echoed.items())
        if count < _ECHOES
    ]
    return _check("answers", f"{sum(echoed.values())} of {_ECHOES * len(echoed)}", "all", faults)


def _check(name: str, measured: str, expected: str, faults: Sequence[str]) -> Check:
    return Check(name=name, passed=not faults, measured=measured, expected=expected, message="; ".join(faults))


def _ms(nanoseconds: float) -> str:
    return f"{nanoseconds / 1e6:.2f} ms"
