from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from controller.domain.rules import MeterRule
from controller.forwarding.meter import TokenBucket

SECOND = 10**9


@given(
    st.integers(1, 10_000), st.integers(1, 10_000), st.lists(st.tuples(st.integers(0, SECOND), st.integers(60, 1600)))
)
def test_no_interval_gets_more_than_its_rate_and_one_burst(rate_kbps, burst_kbits, arrivals):
    bucket = TokenBucket(MeterRule(meter_id=1, rate_kbps=rate_kbps, burst_kbits=burst_kbits), now_ns=0)
    now_ns, passed = 0, []
    for gap_ns, size in arrivals:
        now_ns += gap_ns
        if bucket.passes(size, now_ns):
            passed.append((now_ns, size * 8))
    for first in range(len(passed)):
        bits = 0
        for at_ns, size in passed[first:]:
            bits += size
            allowed_ns_bits = (at_ns - passed[first][0]) * rate_kbps * 1_000 + burst_kbits * 1_000 * SECOND
            assert bits * SECOND <= allowed_ns_bits


def test_an_offer_of_one_and_a_half_times_the_rate_passes_the_rate_and_the_burst_exactly():
    """12 Mbps of 1,500-byte frames for 10 s into 8 Mbps with a bucket of 4,000 kbit."""
    bucket = TokenBucket(MeterRule(meter_id=1, rate_kbps=8_000, burst_kbits=4_000), now_ns=0)
    passed = sum(bucket.passes(1_500, number * 1_000_000) for number in range(10_000))
    assert passed * 12_000 in range(84_000_000 - 12_000 - 8_000, 84_000_000 + 1)
