"""``trunkline egress replay``: cycle after cycle, a gateway lost and back, and what is told of it."""

import json

import pytest
from running.command import trunkline, write

COAST = """
apiVersion: trunkline/v1
kind: Topology
metadata: {name: coast}
spec:
  nodes: [{name: pe-gz, role: pe, region: guangdong}, {name: pe-sh, role: pe, region: shanghai}]
  links: [{name: gz-sh, a: pe-gz, z: pe-sh, aPort: 1, zPort: 1, capacity: 200Gbps, delay: 5ms}]
  gateways:
    - {name: igw-sh, node: pe-sh, port: 21, capacity: 100Gbps, delays: {north-america: 60ms}}
    - {name: igw-gz, node: pe-gz, port: 21, capacity: 100Gbps, delays: {north-america: 40ms}}
"""


@pytest.fixture
def coast(tmp_path):
    """Options for a series in which Guangzhou sends so many Gbps in each cycle."""
    network = write(tmp_path / "coast.yaml", COAST)

    def options(*gbps):
        rows = [f"{number + 1},pe-gz,north-america,{rate}Gbps" for number, rate in enumerate(gbps)]
        series = write(tmp_path / "series.csv", "\n".join(["cycle,source,destination,rate", *rows]) + "\n")
        return ("egress", "replay", "-t", network, "--demand-series", series)

    return options


def cycles(*arguments):
    answer = trunkline(*arguments, "-o", "json")
    assert answer.code == 0, answer.err
    return json.loads(answer.out)["cycles"]


def test_a_gateway_is_left_at_once_and_gone_back_to_in_steps(coast):
    found = cycles(*coast(*[40] * 10), "--fail", "igw-gz@2-3")
    assert [one["away"] for one in found] == [[], ["igw-gz"], ["igw-gz"], *[[]] * 7]
    assert [one["urgent"] for one in found] == [False, True, *[False] * 8]
    assert [one["movedBps"] // 10**9 for one in found] == [0, 40, 0, 0, 0, 2, 2, 2, 2, 2]
    assert [one["neededBps"] // 10**9 for one in found] == [0, 40, *[0] * 8]
    assert [one["carriedBps"] // 10**9 for one in found] == [40] * 10
    assert found[3]["heldBps"] == {"EARLY": 40 * 10**9}
    assert found[5]["heldBps"] == {"BOUND": 38 * 10**9}
    assert [one["optimum"]["movedBps"] // 10**9 for one in found] == [0, 40, 0, 40, *[0] * 6]
    assert found[1]["delayUs"]["mean"] == 65_000
    assert found[3]["optimum"]["meanDelayUs"] == 40_000


def test_what_is_sent_to_a_full_gateway_is_lost_there_until_it_may_move(coast):
    found = cycles(*coast(90, 108, 108))
    assert [one["movedBps"] for one in found] == [0, 5_400_000_000, 5_400_000_000]
    assert found[1]["overBps"] == {"igw-gz": 7_600_000_000}
    assert [one["carriedBps"] for one in found] == pytest.approx([90e9, 108e9 - 7.6e9, 108e9 - 2.2e9], abs=2)
    assert found[1]["fullest"] == {"gateway": "igw-gz", "share": 1.026}
    assert found[1]["rules"]["least-delay"]["carriedShare"] == pytest.approx(95 / 108, abs=1e-6)


def test_a_table_for_people(coast):
    answer = trunkline(*coast(40, 40, 40), "--fail", "igw-gz@2", "--every", "5m")
    assert answer.code == 0, answer.err
    lines = answer.out.splitlines()
    assert lines[2].split()[:5] == ["2", "300s", "40Gbps", "100.00%", "40Gbps"]
    assert lines[2].endswith("urgent, igw-gz away")
    assert "3 cycles: 100.000% carried (the optimum: 100.000%), 33.333% moved a cycle" in answer.out


def test_a_picture(coast, tmp_path):
    pytest.importorskip("matplotlib")
    target = tmp_path / "replay.svg"
    answer = trunkline(*coast(*range(40, 60)), "--fail", "igw-gz@3-8", "-o", "plot", "--to", target)
    assert answer.code == 0, answer.err
    assert "igw-gz away" in target.read_text()
    assert target.stat().st_size < 200_000


def test_a_series_made_from_one_matrix(coast, tmp_path):
    matrix = write(tmp_path / "demand.csv", "source,destination,rate\npe-gz,north-america,40Gbps\n")
    options = (*coast(1)[:4], "--demand", matrix, "--cycles", "12", "--change", "0.1", "--seed", "3")
    found = cycles(*options, "--fail", "igw-gz@2-3")
    assert len({one["demandBps"] for one in found}) == 12
    assert found[1]["movedBps"] == found[1]["demandBps"]
    assert all(one["carriedBps"] == one["demandBps"] for one in found)
    assert cycles(*options, "--fail", "igw-gz@2-3") == found


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["--fail", "igw-gz"], 1, "is not GATEWAY@CYCLE"),
        (["--fail", "igw-xx@1"], 1, "no gateway 'igw-xx'"),
        (["--fail", "igw-gz@3"], 1, "cycles 1 to 2"),
        (["--fail", "igw-gz@2-1"], 1, "the last comes last"),
        (["-o", "plot"], 1, "belong together"),
        (["--demand", "demand.csv"], 1, "or one matrix to make a series from"),
        (["--every", "5"], 1, "not a duration"),
    ],
)
def test_wrong_uses(coast, arguments, code, words):
    answer = trunkline(*coast(40, 40), *arguments)
    assert (answer.code, words in answer.err) == (code, True), answer.err
