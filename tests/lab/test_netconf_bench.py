"""``trunkline bench netconf`` on few devices: every engine makes the change, and it is on the devices."""

import json

import pytest
from click.testing import CliRunner

from controller.__main__ import trunkline
from controller.bench.netconf import suite, two_phase
from controller.bench.works.setting import QUICK
from controller.domain.errors import InvalidInput

pytestmark = pytest.mark.lab(netconf=True)


def test_every_engine_makes_the_change(monkeypatch):
    monkeypatch.setattr(two_phase, "CASES", {"2 devices": 2})
    monkeypatch.setattr(two_phase, "GOALS_MS", {"2 devices": 50})
    arguments = ["bench", "netconf", "--quick", "--case", "2 devices", "-o", "json"]
    done = CliRunner().invoke(trunkline, arguments, catch_exceptions=False, standalone_mode=False)
    assert done.exit_code == 0, done.output
    report = json.loads(done.stdout)
    assert report["bench"] == "netconf"
    assert {"ncclient", "paramiko"} <= report["versions"].keys()
    assert [row["engine"] for row in report["rows"]] == [
        "trunkline",
        "ncclient",
        "ncclient/threads",
        "ncclient/tuned",
        "ncclient/tuned-threads",
    ]
    for row in report["rows"]:
        assert (row["work"], row["case"], row["unit"]) == ("two-phase", "2 devices", "ms")
        assert 1 <= row["n"] <= 3
        assert 0 < row["p25"] <= row["median"] <= row["p75"]
        assert row["detail"]["nodes"] == 2


def test_a_line_over_both_layers_is_measured_beside_hand_made_ones():
    report = suite.run(works=("apply",), cases=(), effort=QUICK, tell=lambda text: None)
    assert not report.notes
    engines = ["trunkline", "ncclient+ovs-ofctl", "ncclient/tuned-threads+ovs-ofctl"]
    assert [row.engine for row in report.rows] == engines
    for row in report.rows:
        assert (row.work, row.case, row.unit) == ("apply", "one line", "ms")
        assert 1 <= row.n <= 3
        assert (row.detail["nodes"], row.detail["rules"]) == (6, 20)


def test_an_unknown_case_is_refused_before_anything_starts():
    with pytest.raises(InvalidInput, match="there are 12 devices, 100 devices, one line"):
        suite.run(works=(), cases=("13 devices",), effort=QUICK, tell=lambda text: None)
