"""What wires are like, and what wires in series are like together."""

import pytest

from lab.wire import Impairment, in_series


@pytest.mark.parametrize("wrong", [{"delay_ns": -1}, {"rate_bps": 0}, {"loss": 1.1}, {"loss": float("nan")}])
def test_an_impossible_wire_is_refused(wrong):
    with pytest.raises(ValueError, match=r"delay|rate|loss"):
        Impairment(**wrong)


def test_wires_in_series_are_one_with_all_delays_the_narrowest_rate_and_every_loss():
    one = Impairment(delay_ns=3, rate_bps=50, loss=0.5)
    assert in_series([one, Impairment(delay_ns=4, loss=0.5), Impairment(rate_bps=20)]) == Impairment(
        delay_ns=7, rate_bps=20, loss=0.75
    )
    assert in_series([one]) == one
    assert in_series([]) == Impairment()
