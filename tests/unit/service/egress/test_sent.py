"""What leaves by a gateway is what was counted of the slices that lead there."""

from __future__ import annotations

from controller.domain.egress import TrafficClass
from controller.domain.steering import SLICES, Entry
from controller.domain.topology import Gateway
from controller.service.egress.sent import sent_bps

GOLD, BULK = TrafficClass.GOLD, TrafficClass.BULK
GATEWAYS = tuple(Gateway(name=name, node="p", port=1, capacity_bps=1000) for name in ("igw-a", "igw-b"))


def entry(gateways, rate_bps=0, traffic_class=BULK):
    return Entry(source="pe", group=1, traffic_class=traffic_class, gateways=gateways, rate_bps=rate_bps)


def test_what_is_counted_counts_and_the_rest_is_as_it_was_decided_on():
    entries = [
        entry(("igw-a",) * 12 + ("igw-b",) * 4, rate_bps=77),
        entry(("igw-b",), rate_bps=5, traffic_class=GOLD),
    ]
    slices = tuple(map(float, range(SLICES)))
    counted = {("pe", 1, BULK): slices}
    assert sent_bps(GATEWAYS, entries, counted, ()) == {"igw-a": sum(range(12)), "igw-b": 12 + 13 + 14 + 15 + 5}
    assert sent_bps(GATEWAYS, entries[1:], {("pe", 1, GOLD): slices}, ()) == {"igw-a": 0, "igw-b": 120}


def test_by_no_gateway_leaves_more_than_it_can_carry_and_by_none_that_is_down_anything():
    entries = [entry(("igw-a",), rate_bps=5000), entry(("igw-b",), rate_bps=500, traffic_class=GOLD)]
    assert sent_bps(GATEWAYS, entries, {}, {"igw-b"}) == {"igw-a": 1000, "igw-b": 0}
