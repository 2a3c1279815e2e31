"""The table of cross-connects names the line by its client ports, and follows the circuit."""

from pathlib import Path

from controller.documents import load_topology
from controller.domain.intents import Attachment
from controller.domain.topology import PerDirection
from lab.cross_connect_table import rows
from lab.measure.expectation import ExpectedLine

TOPOLOGY = load_topology(Path(__file__).parents[3] / "topologies/lab-otn.yaml")
LINE = ExpectedLine(
    tenant="acme",
    name="sh-bj",
    a=Attachment(site="dc-sh-1"),
    z=Attachment(site="dc-bj-1"),
    cir_bps=PerDirection.both(10**6),
    burst_bits=PerDirection.both(10**6),
    delay_ns=PerDirection.both(0),
    mtu_bytes=1500,
    route=("pe-sh", "otn-sh", "otn-nj", "otn-bj", "pe-bj"),
    links=("client-sh-1", "otn-nj-sh", "otn-bj-nj", "client-bj-2"),
    protect=None,
)


def rule(number, a, z):
    return {"number": number, "odu": "ODU1", "a": a, "z": z}


def line_end(port, *slots):
    return {"port": port, "tributaryPort": 1, "slots": list(slots)}


def test_rows_follow_the_circuit_and_say_whose_it_is():
    described = {
        "nodes": {
            "pe-bj": {"pid": 1},
            "otn-bj": {"crossConnects": [rule(7, {"port": 2}, line_end(102, 1, 2))]},
            "otn-nj": {
                "crossConnects": [
                    rule(7, line_end(102, 5, 80), line_end(103, 1, 2)),
                    rule(9, {"unknown": "no port"}, {"port": 4}),
                ]
            },
            "otn-sh": {"crossConnects": [rule(7, {"port": 1}, line_end(101, 5, 80))]},
        },
        "circuits": [
            {
                "odu": "ODU1",
                "nodes": ["otn-bj", "otn-nj", "otn-sh"],
                "links": ["client-bj-2", "otn-bj-nj", "otn-nj-sh", "client-sh-1"],
                "numbers": [7, 7, 7],
            }
        ],
    }
    assert rows(described, [LINE], TOPOLOGY) == [
        ("acme/sh-bj", "ODU1", "otn-bj", "client 2", "line 102: 1, 2"),
        ("", "", "otn-nj", "line 103: 1, 2", "line 102: 5, 80"),
        ("", "", "otn-sh", "line 101: 5, 80", "client 1"),
        ("part of no circuit", "ODU1", "otn-nj", "no port", "client 4"),
    ]
    assert [row[0] for row in rows(described, [], TOPOLOGY)] == ["nobody's", "", "", "part of no circuit"]
