"""Series of demand matrices: cycles in order, and every fault with its line."""

import pytest

from controller.documents import read_topology
from controller.documents.demand_series import load_series, read_series, varied
from controller.domain.errors import InvalidInput

NETWORK = read_topology(
    """
apiVersion: trunkline/v1
kind: Topology
metadata: {name: coast}
spec:
  nodes: [{name: pe-gz, role: pe, region: guangdong}, {name: pe-sz, role: pe, region: guangdong}]
  links: [{name: gz-sz, a: pe-gz, z: pe-sz, aPort: 1, zPort: 1, capacity: 1Gbps, delay: 1ms}]
  gateways: [{name: igw, node: pe-gz, port: 21, capacity: 8Gbps, delays: {japan: 15ms}}]
""",
    "coast.yaml",
)
SERIES = """cycle,source,destination,rate
08:00,pe-gz,japan,1Gbps
08:00,pe-sz,japan,2Gbps
08:05,guangdong,japan,8Gbps
"""


def rates(series):
    return [(moment.name, {row.source: row.rate_bps // 10**9 for row in moment.matrix.rows}) for moment in series]


def test_lines_that_lie_together_are_a_cycle():
    series = read_series(SERIES, "series.csv", NETWORK)
    assert rates(series) == [("08:00", {"pe-gz": 1, "pe-sz": 2}), ("08:05", {"pe-gz": 4, "pe-sz": 4})]
    assert [moment.matrix.lines for moment in series] == [(2, 3), (4, 4)]


def test_a_directory_has_a_matrix_a_cycle_in_the_order_of_names(tmp_path):
    for name, rate in (("b", 2), ("a", 1), ("c", 3)):
        (tmp_path / f"{name}.csv").write_text(f"source,destination,rate\npe-gz,japan,{rate}Gbps\n")
    (tmp_path / "notes.txt").write_text("no matrix")
    assert rates(load_series(tmp_path, NETWORK)) == [("a", {"pe-gz": 1}), ("b", {"pe-gz": 2}), ("c", {"pe-gz": 3})]


@pytest.mark.parametrize(
    ("old", "new", "line", "words"),
    [
        ("cycle,source", "when,source", 1, "first column has to be time or cycle"),
        ("rate\n", "speed\n", 1, "is missing"),
        ("08:05,guangdong", ",guangdong", 4, "is empty"),
        ("08:00,pe-sz,japan,2Gbps\n08:05", "08:05,pe-sz,japan,2Gbps\n08:00", 4, "keep its lines together"),
        ("08:00,pe-sz", "08:00,pe-gz", 3, "is in line 2, too"),
        ("2Gbps", "2", 3, "is not a rate"),
        ("japan,2Gbps", "2Gbps", 3, "has 2 cells, and the header 3"),
    ],
)
def test_one_thing_wrong(old, new, line, words):
    assert old in SERIES
    with pytest.raises(InvalidInput) as refused:
        read_series(SERIES.replace(old, new, 1), "series.csv", NETWORK)
    found = {fault.line: fault.message for fault in refused.value.faults}
    assert words in found[line], refused.value.faults


def test_the_same_traffic_may_be_in_every_cycle_once():
    series = read_series("time,source,destination,rate\n0s,pe-gz,japan,1Gbps\n30s,pe-gz,japan,1Gbps\n", "s", NETWORK)
    assert len(series) == 2


def test_one_matrix_makes_a_series_that_a_seed_decides():
    (moment,) = read_series("cycle,source,destination,rate\n1,pe-gz,japan,1Gbps\n", "s", NETWORK)
    series = varied(moment.matrix, 50, 0.1, 7)
    rates_bps = [one.matrix.rows[0].rate_bps for one in series]
    assert [one.name for one in series] == [str(number) for number in range(1, 51)]
    assert all(900_000_000 <= rate <= 1_100_000_000 for rate in rates_bps)
    assert len(set(rates_bps)) == 50
    assert (varied(moment.matrix, 50, 0.1, 7) == series, varied(moment.matrix, 50, 0.1, 8) == series) == (True, False)


@pytest.mark.parametrize("text", ["", "cycle,source,destination,rate\n", 'cycle,source,destination,rate\n1,"pe\n'])
def test_nothing_to_read(text):
    with pytest.raises(InvalidInput):
        read_series(text, "series.csv", NETWORK)


def test_a_directory_without_matrices_and_no_file_at_all(tmp_path):
    for path in (tmp_path, tmp_path / "none"):
        with pytest.raises(InvalidInput):
            load_series(path, NETWORK)
