"""A gateway is cut off: its traffic leaves by others at once, and comes back, damped, when the gateway does."""

import itertools
import sys
from pathlib import Path

import pytest
from served_lab import ServedLab
from waiting import wait_until

from lab.measure.echoes import echoes
from lab.measure.traffic import Stream

ROOT = Path(__file__).parents[2]
LOST, OTHERS = "igw-ur", {"igw-gz", "igw-sh"}
POLICIES = "\n---\n".join(
    f"""
apiVersion: trunkline/v1
kind: EgressPolicy
metadata: {{tenant: backbone, name: {name}-to-europe}}
spec:
  from: {{regions: [{name}]}}
  to: {{region: europe, prefixes: [100.64.0.0/16, "fd64:1::/32"]}}
  demand: 4Mbps
  class: {traffic_class}
"""
    for name, traffic_class in (("beijing", "gold"), ("sichuan", "bulk"))
)
"""Together they fit the nearest gateway, of 12 Mbps."""
SITES = {"net-bj": ("10.11.0.", "fd00:11::"), "net-sc": ("10.51.0.", "fd00:51::")}
DAMPED_CYCLES = 3
"""In so many in a row another gateway has to be better before anything moves for delay alone."""


def streams():
    """Gold from Beijing and bulk from Sichuan for Europe, from three addresses each, in both versions."""
    return [
        Stream(
            site=site,
            source=start + tail,
            destination="fd64:1::9" if ":" in start else "100.64.0.9",
            dscp=46 if site == "net-bj" else 0,
            every_ns=20_000_000,
        )
        for site, starts in SITES.items()
        for start in starts
        for tail in (("16", "23", "30") if "." in start else ("10", "17", "1e"))
    ]


def last_gateways(traffic, count=5):
    """By which the last packets of each stream came in."""
    return [{arrival.gateway for arrival in list(arrived)[-count:]} for arrived in traffic.arrived]


def all_by(traffic, gateways):
    return lambda: all(last and last <= gateways for last in last_gateways(traffic))


@pytest.mark.lab(alone=True)
def test_a_lost_gateway_is_left_at_once_and_returned_to_in_time(tmp_path):
    policies = tmp_path / "policies.yaml"
    policies.write_text(POLICIES)
    with ServedLab(ROOT / "topologies/lab-egress.yaml", "--egress-every", "1s") as served:
        served.apply(ROOT / "intents/lab-egress-lines.yaml", policies)
        for site, starts in SITES.items():  # neighbours are found before it is measured
            for start in starts:
                far = "fd64:1::9" if ":" in start else "100.64.0.9"
                assert None not in echoes(served.hosts.customers[site], f"{start}16", far)
        with served.traffic(streams()) as traffic:
            wait_until(all_by(traffic, {LOST}), "all by the nearest gateway")

            before = served.cycles()[-1].number
            served.lab.wires.cut(LOST)
            wait_until(all_by(traffic, OTHERS), lambda: f"all by others: {last_gateways(traffic)}")
            moved = wait_until(lambda: moved_urgently(served, before), "the cycle's report")
            assert list(moved.gateways_away) == [LOST]
            told_gaps(traffic)
            pid = served.hosts.customers["net-bj"]
            wait_until(
                lambda: None not in echoes(pid, "10.11.0.16", "100.64.0.9", timeout_s=0.5), "answers come back, too"
            )

            settled = [len(sent) for sent in traffic.sent]
            before = served.cycles()[-1].number
            served.lab.wires.restore(LOST)
            for share in (0.5, 1.0):  # one slice in a cycle: it takes a while
                wait_until(lambda least=share: back_again(traffic) >= least, lambda: f"back: {last_gateways(traffic)}")
            back = [cycle for cycle in served.cycles() if cycle.number > before]
            assert not any(cycle.urgent for cycle in back)
            first = next(index for index, cycle in enumerate(back) if cycle.moved_bps)
            assert first >= DAMPED_CYCLES - 1, [(cycle.ending, cycle.moved_bps) for cycle in back]
            traffic.stop()
        for index, start in enumerate(settled):
            arrived = {arrival.number for arrival in traffic.arrived[index]}
            lost = [number for number in range(start, len(traffic.sent[index])) if number not in arrived]
            assert not lost, f"stream {index} lost {lost} on the way back"
        assert {arrival.ttl for arrived in traffic.arrived for arrival in arrived} == {63}


def back_again(traffic):
    """How many of the streams leave by the gateway that was lost."""
    last = last_gateways(traffic)
    return sum(gateways == {LOST} for gateways in last) / len(last)


def moved_urgently(served, number):
    """The first such cycle after that number."""
    found = (cycle for cycle in served.cycles() if cycle.number > number and cycle.urgent and cycle.moved_bps)
    return next(found, None)


def told_gaps(traffic):
    """How long nothing that was sent arrived, by stream: for whoever reads the output."""
    for stream, arrived in zip(traffic.streams, traffic.arrived, strict=True):
        by_time = sorted(arrival.sent_ns for arrival in arrived)
        gap_ms = max((later - earlier) / 1e6 for earlier, later in itertools.pairwise(by_time))
        sys.stdout.write(f"{stream.source}: nothing that was sent during {gap_ms:.0f} ms arrived\n")
