"""What a server measures beyond its gateways, over Open vSwitch and hosts with IP stacks: what the lab emulates."""

import sys
from pathlib import Path

import pytest
from served_lab import ServedLab
from waiting import wait_until

from controller.wire.gen.trunkline.v1 import egress_pb2
from lab.acts import Acts

ROOT = Path(__file__).parents[2]
MS = 1_000_000
WITHIN_MS = 5
"""What a busy machine may add to a ping, beyond what the control connection's share tells of."""
LOST, FAR = ("igw-gz", "europe"), ("igw-sh", "north-america")


def ways(served):
    found = served.client.call(served.client.egress.ListMeasurements, egress_pb2.ListMeasurementsRequest()).ways
    return {(one.gateway, one.region): one for one in found}


def off_by_ms(served):
    """By way: how much longer it is measured to be than it is; nothing where nothing is measured."""
    found = ways(served)
    return {
        (gateway.name, region): (found[gateway.name, region].measured[0].delay_ns - delay_ns) / MS
        for gateway in served.topology.gateways
        for region, delay_ns in gateway.delays_ns
        if found[gateway.name, region].measured
    }


@pytest.mark.lab(alone=True)
def test_delay_and_loss_beyond_gateways_are_measured_as_they_are():
    with ServedLab(ROOT / "topologies/lab-egress.yaml", "--egress-every", "2s", "--probe-every", "200ms") as served:
        declared = {(one.name, region) for one in served.topology.gateways for region, _ in one.delays_ns}
        assert len(declared) == 7
        wait_until(lambda: off_by_ms(served).keys() == declared, lambda: ways(served))
        wait_until(lambda: max(off_by_ms(served).values()) < WITHIN_MS, lambda: off_by_ms(served))
        assert min(off_by_ms(served).values()) > -1
        sys.stdout.write(f"longer than emulated, in ms: {off_by_ms(served)}\n")
        assert max(one.loss_ppm for one in ways(served).values()) < 50_000

        acts = Acts(served.lab)
        acts.loss(" ".join(LOST), 0.3, "aToZ")
        acts.delay(" ".join(FAR), 122 * MS)
        wait_until(lambda: abs(ways(served)[FAR].delay_ns / MS - 122) < WITHIN_MS, lambda: ways(served)[FAR])
        # Of few pings less is likely at least, and pings before count, too.
        wait_until(lambda: 150_000 < ways(served)[LOST].loss_ppm < 350_000, lambda: ways(served)[LOST])
        others = declared - {LOST, FAR}
        assert max(off_by_ms(served)[way] for way in others) < WITHIN_MS
        assert all(ways(served)[way].loss_ppm < 50_000 for way in others)
