"""How a verification is put together: order, groups, repetition. The network here is a list of what to answer."""

import json
from dataclasses import dataclass, field, replace

import pytest
from measured_lab import LAB, PORT, VLAN
from rich.console import Console

from controller.domain.topology import Direction, PerDirection
from lab.measure.dataplane import Arrival, Exchange, Flooded, RoundTrip
from lab.measure.expectation import ExpectedLab
from lab.measure.frames import mark_of
from lab.measure.probes import Marks, Purpose, lab_probes
from lab.measure.report import exit_code, failures, to_json, to_text
from lab.measure.verify import Effort, flood_groups, verify

RUN = 5


@dataclass
class PerfectNetwork:
    """Delivers what ``lab`` promises. ``late_ns`` and ``offered_share`` hold for one measurement each, in order."""

    lab: ExpectedLab
    name: str = "perfect"
    late_ns: list = field(default_factory=list)
    offered_share: list = field(default_factory=list)
    calls: list = field(default_factory=list)

    def exchange(self, sendings, window_ns):
        self.calls.append("exchange")
        expected = {p.mark: p for p in lab_probes(self.lab, self.marks()) if p.purpose is Purpose.CARRIED}
        by_frame = {probe.frame: probe for probe in expected.values()}
        found = [by_frame[sending.frame] for sending in sendings if sending.frame in by_frame]
        return Exchange(
            arrivals=tuple(Arrival(site=p.far_site, frame=p.arrival, mark=p.mark) for p in found), refused={}
        )

    def marks(self):
        """As :func:`verify` counts: the floods' marks come first."""
        marks = Marks(RUN)
        list(flood_groups(self.lab, marks, Effort()))
        return marks

    def round_trips(self, loops, timeout_ns):
        self.calls.append(("round trips", len(loops)))
        late_ns = self.late_ns.pop(0) if self.late_ns else 0
        by_site = {line.a.site: line for line in self.lab.lines}
        return tuple(
            tuple(
                RoundTrip(out_ns=by_site[loop.a].delay_ns.a_to_z + late_ns, back_ns=by_site[loop.a].delay_ns.z_to_a)
                for _ in loop.out
            )
            for loop in loops
        )

    def flood(self, floods, duration_ns, drain_ns):
        self.calls.append(("flood", len(floods)))
        share = self.offered_share.pop(0) if self.offered_share else 1.0
        far = {line.ends(way)[0].site: line.ends(way)[1].site for line in self.lab.lines for way in Direction}
        return tuple(
            Flooded(
                sent_bytes=round(flood.rate_bps * share * duration_ns / 8e9),
                elapsed_ns=duration_ns,
                received_bytes={far[flood.site]: round(flood.rate_bps / 1.5 * duration_ns / 8e9)},
            )
            for flood in floods
        )


def test_a_perfect_network_passes_and_everything_is_reported():
    told = []
    network = PerfectNetwork(LAB)
    report = verify(network, LAB, RUN, Effort(), lambda *step: told.append(step))
    assert report.passed, failures(report)
    assert exit_code(report) == 0
    assert network.calls == ["exchange", ("round trips", 2), ("flood", 4)]
    assert [step[1:] for step in told] == [(0, 3), (1, 3), (2, 3), (3, 3)]
    names = [check.name for check in report.lines[1].checks]
    assert names == ["frames aToZ", "frames zToA", "blocked", "isolation", "round trip", "rate aToZ", "rate zToA"]
    assert "blocked" not in [check.name for check in report.lines[0].checks]
    assert report.lines[0].one_way_ns == PerDirection(20_000_000, 30_000_000)
    assert [site for site, _ in report.idle_sites] == ["s5"]


def test_a_late_round_trip_is_measured_again_and_the_last_attempt_counts():
    once = PerfectNetwork(LAB, late_ns=[10**7])
    assert verify(once, LAB, RUN).passed
    assert once.calls.count(("round trips", 2)) == 2
    always = PerfectNetwork(LAB, late_ns=[10**7] * 3)
    report = verify(always, LAB, RUN)
    assert [failure.split(" (")[0] for failure in failures(report)] == [
        "acme/port: round trip: takes 10.00 ms longer than planned",
        "acme/vlan: round trip: takes 10.00 ms longer than planned",
    ]
    assert exit_code(report) == 1


def test_a_flood_for_which_the_prober_was_too_slow_is_repeated():
    once = PerfectNetwork(LAB, offered_share=[0.5])
    assert verify(once, LAB, RUN).passed
    assert once.calls.count(("flood", 4)) == 2
    assert not verify(PerfectNetwork(LAB, offered_share=[0.5] * 3), LAB, RUN).passed


def test_floods_share_the_budget_of_packets():
    groups = list(flood_groups(LAB, Marks(1), Effort(packets_per_second=2000)))
    sizes = [sum(task.flood.rate_bps / len(task.flood.frame) / 8 for task in group) for group in groups]
    assert max(sizes) <= 2000
    assert len(groups) == 2
    everything = sorted((str(task.line), task.direction) for group in groups for task in group)
    assert everything == sorted((str(line), way) for line in LAB.lines for way in Direction)
    assert {task.flood.rate_bps for group in groups for task in group} == {15_000_000, 6_000_000}
    assert len({mark_of(task.flood.frame) for group in groups for task in group}) == 4


def test_a_flood_beyond_the_budget_runs_alone_and_unscaled():
    groups = list(flood_groups(LAB, Marks(1), Effort(packets_per_second=1)))
    assert [len(group) for group in groups] == [1, 1, 1, 1]
    assert groups[0][0].flood.rate_bps == 15_000_000


def test_a_flood_fills_the_mtu_and_an_evpl_is_flooded_in_its_vlan():
    frames = {
        str(task.line): task.flood.frame
        for group in flood_groups(LAB, Marks(1), Effort())
        for task in group
        if task.direction is Direction.A_TO_Z
    }
    assert len(frames[str(PORT)]) == 1514
    assert len(frames[str(VLAN)]) == 1518
    assert frames[str(VLAN)][12:16] == bytes.fromhex("81000064")


def test_a_lab_without_lines_is_judged_by_its_idle_sites():
    empty = ExpectedLab(sites=("s1",), lines=())
    report = verify(PerfectNetwork(empty), empty, RUN)
    assert report.passed
    assert [site for site, _ in report.idle_sites] == ["s1"]


@pytest.fixture
def failed():
    return verify(PerfectNetwork(LAB, late_ns=[10**7] * 3), LAB, RUN)


def test_the_text_names_the_data_plane_the_lines_and_what_failed(failed):
    console = Console(width=160, color_system=None)
    with console.capture() as captured:
        console.print(to_text(failed))
    text = captured.get()
    assert "data plane: perfect" in text
    for expected in ("acme/port", "EVPL", "20.00 ms", "50.00 ms", "60.00 ms", "10Mbps", "10.00 Mbps", "17/17"):
        assert expected in text
    assert "FAILED acme/vlan: round trip: takes 10.00 ms longer than planned" in text
    assert "0 of 2 lines as planned" in text
    assert "note: EVPL, outer tag 0x88a8: 0 of 2 carried unchanged" in text


def test_the_json_is_plain_and_says_the_same(failed):
    found = json.loads(json.dumps(to_json(failed)))
    assert (found["dataPlane"], found["passed"]) == ("perfect", False)
    port = found["lines"][0]
    assert port["planned"]["delayUs"] == {"aToZ": 20000.0, "zToA": 30000.0}
    assert port["measured"]["roundTripUs"] == 60000.0
    assert port["measured"]["deliveredBps"] == {"aToZ": 10_000_000, "zToA": 4_000_000}
    assert [check["check"] for check in port["checks"] if not check["passed"]] == ["round trip"]
    assert found["failures"] == list(failures(failed))


def test_a_line_of_which_nothing_came_back_is_reported_without_times():
    report = verify(PerfectNetwork(LAB), LAB, RUN)
    silent = replace(report.lines[0], round_trip_ns=None, one_way_ns=None)
    found = to_json(replace(report, lines=(silent,)))["lines"][0]["measured"]
    assert (found["roundTripUs"], found["delayUs"]) == (None, None)
