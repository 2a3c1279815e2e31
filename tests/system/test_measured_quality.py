"""Delay and loss that somebody measures beyond gateways: told to a real server, they move traffic, and get old."""

from __future__ import annotations

import time

import grpc
import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from running.command import ROOT, trunkline
from running.controllers import called
from running.processes import until
from running.simulated import simulated
from running.steered import GBPS, Z_TO_EUROPE, cycles, told

from controller.wire.errors import RemoteError
from controller.wire.gen.trunkline.v1 import egress_pb2 as pb

GATEWAYS = ROOT / "tests" / "running" / "gateways.yaml"
BOUND = Z_TO_EUROPE + "  maxLoss: 1%\n"
OFTEN = ("--egress-every", "200ms")


@pytest.fixture
def net(processes):
    """To Europe, igw-s is nearer by 9 ms."""
    with simulated(processes, topology=GATEWAYS) as made:
        yield made


@pytest.fixture
def lossy(processes, tmp_path):
    """Both gateways are declared to lose a packet in a thousand on the way to Europe, and igw-s is nearer by 29 ms."""
    file = tmp_path / "gateways.yaml"
    written = GATEWAYS.read_text().replace("ms}\n      nextHop", "ms}\n      losses: {europe: 0.1%}\n      nextHop")
    file.write_text(written.replace("europe: 80ms", "europe: 60ms"))
    with simulated(processes, topology=file) as made:
        yield made


def apply(net, policy=Z_TO_EUROPE):
    file = net.directory / "policy.yaml"
    file.write_text(policy)
    return trunkline("apply", "-f", file, *at(net))


def at(net):
    return ("--server", net.server)


def steered(net):
    found = called(net.egress.GetAssignments, pb.GetAssignmentsRequest(figures_only=True)).steered
    return {one.gateway: one.rate_bps for one in found if one.rate_bps}


def until_leaves_by(net, gateway):
    until(lambda: steered(net) == {gateway: 2 * GBPS}, lambda: f"{gateway}: {steered(net)}\n{cycles(net)[-3:]}")


def until_begins_to_leave_by(net, gateway):
    until(lambda: gateway in steered(net), lambda: f"{gateway}: {steered(net)}\n{cycles(net)[-3:]}")


def measured(gateway, loss_ppm, delay_ms=None, ago_s=0.0, region="europe"):
    when = Timestamp()
    when.FromNanoseconds(round((time.time() - ago_s) * 1e9))
    delay_ns = None if delay_ms is None else delay_ms * 1_000_000
    return pb.Measurement(gateway=gateway, region=region, time=when, delay_ns=delay_ns, loss_ppm=loss_ppm)


def report(net, *measurements):
    return called(net.egress.ReportMeasurements, pb.ReportMeasurementsRequest(measurements=measurements)).held


def ways(net):
    found = called(net.egress.ListMeasurements, pb.ListMeasurementsRequest()).ways
    return {(one.gateway, one.region): one for one in found}


def test_a_gateway_that_begins_to_lose_is_left_for_a_slower_one_when_that_has_proved_worth_it(net):
    net.start(*OFTEN)
    assert apply(net).code == 0
    until_leaves_by(net, "igw-s")
    before = cycles(net)[-1]["number"]
    assert not report(net, *(measured("igw-s", 30_000, 80, ago_s) for ago_s in (3, 2, 1)))
    until_begins_to_leave_by(net, "igw-n")
    assert "igw-s" in steered(net)
    moved = [one for one in cycles(net) if one["number"] > before and one["movedBps"]]
    # For delay or loss alone nothing hurries: a part of it in each cycle, and first it has to be worth it three times.
    assert moved[0]["number"] - before >= 3
    assert max(one["movedBps"] for one in moved) < GBPS
    assert not any(one["urgent"] for one in moved)
    (flow,) = told(net, "egress", "why", "pe-z", "europe")
    by_name = {one["gateway"]: one for one in flow["gateways"]}
    assert (by_name["igw-s"]["lossPpm"], by_name["igw-s"]["lossWeighsUs"]) == (30_000, 300_000)
    assert (by_name["igw-s"]["delayUs"], by_name["igw-n"]["delayUs"]) == (82_000, 91_000)
    said = trunkline("egress", "why", "pe-z", "europe", *at(net)).out
    assert "(loss 300.00ms)" in next(line for line in said.splitlines() if line.startswith("igw-s"))


def test_beyond_a_bound_on_loss_it_is_left_at_once_and_what_is_declared_counts_again_when_that_is_stale(lossy):
    lossy.start(*OFTEN, "--measured-fresh", "4s")
    assert apply(lossy, BOUND).code == 0
    until_leaves_by(lossy, "igw-s")
    before = cycles(lossy)[-1]["number"]
    assert not report(lossy, *(measured("igw-s", 30_000, 60, ago_s) for ago_s in (0.3, 0.2, 0.1)))
    assert ways(lossy)["igw-s", "europe"].loss_ppm == 30_000
    until_leaves_by(lossy, "igw-n")
    moved = [one["movedBps"] for one in cycles(lossy) if one["number"] > before and one["movedBps"]]
    assert moved[0] == 2 * GBPS
    # Nobody measures any more.
    until_begins_to_leave_by(lossy, "igw-s")
    way = ways(lossy)["igw-s", "europe"]
    assert (way.loss_ppm, way.declared_loss_ppm, way.measured[0].loss_ppm) == (1_000, 1_000, 30_000)
    assert not way.measured[0].fresh
    assert any("it does not count any more" in reason for reason in cycles(lossy)[-1]["reasons"])


def test_a_policy_whose_bound_nothing_keeps_is_refused_until_something_is_measured(net):
    net.start(*OFTEN)
    answer = apply(net, BOUND)
    assert answer.code == 1
    assert "LOSS_BOUND_UNREACHABLE" in answer.err
    assert "no gateway that leads to europe has a loss that is declared or measured" in answer.err
    assert not report(net, measured("igw-n", 20_000), measured("igw-s", 2_000))
    until(lambda: apply(net, BOUND).code == 0, lambda: "a cycle to know of it")
    until_leaves_by(net, "igw-s")


def test_what_was_measured_is_known_after_a_restart(lossy):
    lossy.start(*OFTEN)
    assert apply(lossy, BOUND).code == 0
    assert not report(lossy, *(measured("igw-s", 30_000, 60, ago_s) for ago_s in (3, 2, 1)))
    until_leaves_by(lossy, "igw-n")
    lossy.restart()
    until(lambda: cycles(lossy), lambda: "a cycle")
    assert steered(lossy) == {"igw-n": 2 * GBPS}
    assert ways(lossy)["igw-s", "europe"].loss_ppm == 30_000


def test_what_can_hardly_be_is_held_and_told(net):
    net.start()
    assert not report(net, measured("igw-s", 0, 80, 2))
    (held,) = report(net, measured("igw-s", 0, 90, 1), measured("igw-s", 0, 700))
    assert (held.index, held.why) == (1, "700ms after 80ms: that may not be true")
    way = ways(net)["igw-s", "europe"]
    assert (way.delay_ns, way.declared_delay_ns, way.measured[0].why) == (80_000_000, 80_000_000, held.why)
    for nonsense, why in (
        (measured("igw-n", -1), "is not between"),
        (measured("igw-n", 1_000_001), "is not between"),
        (measured("igw-n", 0, -1), "is not between"),
        (measured("igw-n", 0, 10_001), "is not between"),
        (measured("igw-n", None), "neither a delay nor a loss"),
        (measured("igw-n", 0, 90, 10_000), "nothing counts any more"),
        (measured("igw-n", 0, 90, -10_000), "from now"),
        (pb.Measurement(gateway="igw-n", region="europe", time=Timestamp(nanos=-1), loss_ppm=1), "is no number"),
    ):
        (held,) = report(net, nonsense)
        assert why in held.why
    assert not ways(net)["igw-n", "europe"].measured[0].fresh


@pytest.mark.parametrize(
    ("measurements", "reason", "fields"),
    [
        (
            [measured("igw-n", 1), measured("igw-x", 1), measured("igw-s", 1, region="mars")],
            "REFERENCE_NOT_FOUND",
            ["measurements[1].gateway", "measurements[2].region"],
        ),
        ([measured("igw-n", 1)] * 10_001, "INVALID_VALUE", ["measurements"]),
    ],
)
def test_measurements_of_what_is_not_there_are_refused_and_none_is_taken(shared, measurements, reason, fields):
    with pytest.raises(RemoteError) as refused:
        report(shared, *measurements)
    assert refused.value.reason == reason
    assert [fault.field for fault in refused.value.faults] == fields
    assert refused.value.code in (grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.NOT_FOUND)
    assert not ways(shared)["igw-n", "europe"].measured


def test_a_file_of_measurements_is_told_and_listed(shared):
    file = shared.directory / "measured.csv"
    now = time.time()
    file.write_text(
        "time,gateway,region,delay,loss\n"
        f"{now - 60:.3f},igw-s,japan,17.2ms,0.05%\n"
        f"{now - 30:.3f},igw-s,japan,17.3ms,\n"
        f"{now:.3f},igw-s,japan,900ms,0%\n"
    )
    answer = trunkline("egress", "report", "-f", file, *at(shared))
    assert (answer.code, answer.out.splitlines()) == (
        0,
        [f"{file}:4: held: 900ms after 17.2ms: that may not be true", "2 measurements taken, 1 held"],
    )
    found = told(shared, "egress", "measurements")
    assert found["freshForSeconds"] == 600
    by_way = {(one["gateway"], one["region"]): one for one in found["ways"]}
    one = by_way["igw-s", "japan"]
    assert (one["declared"], one["delayUs"], one["lossPpm"]) == ({"delayUs": 16_000, "lossPpm": None}, 17_200, 500)
    assert one["measured"][0]["readings"] == 2
    said = trunkline("egress", "measurements", *at(shared)).out
    row = next(line for line in said.splitlines() if "reported" in line)
    assert row.split()[:7] == ["igw-s", "japan", "16ms", "17.2ms", "0.05%", "reported", "0:00:30"]
    assert "measured, held" in row


def test_what_is_wrong_with_a_file_is_told_with_its_line(shared):
    file = shared.directory / "wrong.csv"
    file.write_text("gateway,region,delay\nigw-s,japan,17.2\n")
    answer = trunkline("egress", "report", "-f", file, *at(shared))
    assert answer.code == 1
    assert f"{file}:2" in answer.err
    file.write_text("gateway,region,loss\nigw-s,japan,0.1%\nigw-sx,japan,0.1%\n")
    answer = trunkline("egress", "report", "-f", file, *at(shared))
    assert answer.code == 1
    assert f"{file}:3" in answer.err
    assert "there is no gateway 'igw-sx'" in answer.err


@pytest.fixture(scope="module")
def shared(processes):
    """A server for those who change little."""
    with simulated(processes, topology=GATEWAYS) as made:
        made.start()
        yield made
