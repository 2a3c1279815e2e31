"""Demand matrices as they are written: what is read, and every way in which one is refused, with file, line, column."""

import random

import pytest

from controller.documents import read_topology
from controller.documents.demand import check_demand, load_demand, read_demand
from controller.domain.egress import EgressPolicy, Sources, TrafficClass
from controller.domain.egress_demand import aggregates_of, measured
from controller.domain.errors import InvalidInput, Reason

NETWORK = read_topology(
    """
apiVersion: trunkline/v1
kind: Topology
metadata: {name: coast}
spec:
  nodes:
    - {name: pe-gz, role: pe, region: guangdong}
    - {name: pe-sz, role: pe, region: guangdong}
    - {name: pe-sh, role: pe, region: shanghai}
    - {name: p-core, role: p, region: hubei}
  links:
    - {name: gz-core, a: pe-gz, z: p-core, aPort: 1, zPort: 1, capacity: 1Gbps, delay: 1ms}
  gateways:
    - {name: igw-sh, node: pe-sh, port: 21, capacity: 800Gbps, delays: {north-america: 65ms, japan: 15ms}}
""",
    "coast.yaml",
)
HEADER = "source,destination,class,rate\n"
NA = "north-america"
BULK, GOLD = TrafficClass.BULK, TrafficClass.GOLD


def rows(text):
    return [
        (row.source, row.to_region, row.traffic_class, row.rate_bps) for row in read_demand(text, "m.csv", NETWORK).rows
    ]


@pytest.mark.parametrize(
    ("text", "read"),
    [
        (HEADER + "pe-gz,japan,gold,1.5Gbps\n", [("pe-gz", "japan", GOLD, 1_500_000_000)]),
        (HEADER + "pe-gz,japan,,0bps\n", [("pe-gz", "japan", BULK, 0)]),
        ("source,destination,rate\np-core,japan,7kbps", [("p-core", "japan", BULK, 7_000)]),
        ("rate, class, destination, source\r\n3bps, gold, japan, pe-sh\r\n", [("pe-sh", "japan", GOLD, 3)]),
        ("\ufeff" + HEADER + '\n"pe-sz","japan","bulk","1 Gbps"\n\n', [("pe-sz", "japan", BULK, 10**9)]),
        (
            HEADER + "guangdong,japan,gold,7bps\npe-gz,japan,bulk,1bps\n",
            [("pe-gz", "japan", GOLD, 4), ("pe-sz", "japan", GOLD, 3), ("pe-gz", "japan", BULK, 1)],
        ),
    ],
)
def test_what_is_read(text, read):
    assert rows(text) == read
    assert rows(text.encode()) == read


GOOD = HEADER + "pe-gz,japan,gold,1Gbps\n"


@pytest.mark.parametrize(
    ("text", "line", "field", "reason", "words"),
    [
        ("", 1, "", Reason.INVALID_FORMAT, "is empty: the first line names the columns"),
        ("\n\n", 1, "", Reason.INVALID_FORMAT, "is empty"),
        (HEADER, 1, "", Reason.INVALID_FORMAT, "has no row below the header"),
        ("pe-gz,japan,gold,1Gbps\n", 1, "", Reason.UNEXPECTED_PROPERTY, "no column is called 'pe-gz'"),
        ("source,destination\n", 1, "rate", Reason.MISSING_PROPERTY, "source,destination,class,rate"),
        ("source;destination;class;rate\n", 1, "", Reason.UNEXPECTED_PROPERTY, "separated by commas"),
        ("source,destination,rate,rats\n", 1, "", Reason.UNEXPECTED_PROPERTY, "did you mean 'rate'?"),
        ("source,destination,rate,rate\n", 1, "rate", Reason.INVALID_FORMAT, "is there twice"),
        (GOOD + "pe-gz,japan,1Gbps\n", 3, "", Reason.INVALID_FORMAT, "has 3 cells, and the header 4"),
        (GOOD + "pe-gx,japan,bulk,1Gbps\n", 3, "source", Reason.REFERENCE_NOT_FOUND, "did you mean 'pe-gz'?"),
        (GOOD + "hubei,japan,bulk,1Gbps\n", 3, "source", Reason.INVALID_VALUE, "no PE is in hubei"),
        (GOOD + "pe-gz,jpan,bulk,1Gbps\n", 3, "destination", Reason.REFERENCE_NOT_FOUND, "did you mean 'japan'?"),
        (GOOD + "pe-gz,shanghai,bulk,1Gbps\n", 3, "destination", Reason.REFERENCE_NOT_FOUND, "a gateway serves"),
        (GOOD + "pe-gz,japan,golden,1Gbps\n", 3, "class", Reason.INVALID_VALUE, "gold, silver, bulk"),
        (GOOD + "pe-sz,japan,gold,5\n", 3, "rate", Reason.INVALID_VALUE, "as in 500Mbps"),
        (GOOD + "pe-sz,japan,gold,\n", 3, "rate", Reason.INVALID_VALUE, "as in 500Mbps"),
        (GOOD + "pe-sz,japan,gold,-5Gbps\n", 3, "rate", Reason.INVALID_VALUE, "'-5Gbps' is not a rate"),
        (GOOD + "pe-sz,japan,gold,nan\n", 3, "rate", Reason.INVALID_VALUE, "'nan' is not a rate"),
        (GOOD + "pe-sz,japan,gold,NaNGbps\n", 3, "rate", Reason.INVALID_VALUE, "is not a rate"),
        (GOOD + "pe-sz,japan,gold,infGbps\n", 3, "rate", Reason.INVALID_VALUE, "is not a rate"),
        (GOOD + "pe-sz,japan,gold,1e9Gbps\n", 3, "rate", Reason.INVALID_VALUE, "is not a rate"),
        (GOOD + "pe-sz,japan,gold,0.3bps\n", 3, "rate", Reason.INVALID_VALUE, "finer than 1bps"),
        (GOOD + "pe-sz,japan,gold,11Tbps\n", 3, "rate", Reason.INVALID_VALUE, "the most is 10Tbps"),
        (GOOD + "pe-sz,japan,gold,99999Tbps\n", 3, "rate", Reason.INVALID_VALUE, "too large"),
        (GOOD + "pe-gz,japan,gold,2Gbps\n", 3, "", Reason.INVALID_VALUE, "is in line 2, too: add them up"),
        (
            GOOD + "guangdong,japan,gold,2Gbps\n",
            3,
            "",
            Reason.INVALID_VALUE,
            "traffic from pe-gz to japan is in line 2",
        ),
        (GOOD + '"pe-sz,japan,gold,2Gbps\n', 3, "", Reason.INVALID_FORMAT, "is no CSV"),
        (GOOD + '"pe"sz,japan,gold,2Gbps\n', 3, "", Reason.INVALID_FORMAT, "is no CSV"),
        (GOOD + "x" * 200_000 + ",japan,gold,2Gbps\n", 3, "", Reason.INVALID_FORMAT, "is no CSV: field larger"),
        (GOOD + "pe\0sz,japan,gold,2Gbps\n", 3, "source", Reason.REFERENCE_NOT_FOUND, "no node or region"),
        (GOOD.encode() + b"\xff,japan,gold,2Gbps\n", 3, "", Reason.INVALID_FORMAT, "0xff is not UTF-8"),
    ],
)
def test_what_is_refused(text, line, field, reason, words):
    with pytest.raises(InvalidInput) as caught:
        read_demand(text, "m.csv", NETWORK)
    fault = caught.value.faults[0]
    assert (fault.source, fault.line, fault.field, fault.reason) == ("m.csv", line, field, reason)
    assert words in fault.message


def test_all_faults_are_told_at_once_and_thousands_are_counted(tmp_path):
    file = tmp_path / "m.csv"
    file.write_text(HEADER + "pe-gx,japn,golden,5\n" + "".join(f"x{n},japan,bulk,1bps\n" for n in range(3_000)))
    with pytest.raises(InvalidInput) as caught:
        load_demand(file, NETWORK)
    faults = caught.value.faults
    assert [fault.field for fault in faults[:4]] == ["source", "destination", "class", "rate"]
    assert (len(faults), faults[-1].message) == (51, "and 2954 more faults; the first 50 are shown")


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(InvalidInput, match="cannot be read: No such file"):
        load_demand(tmp_path / "none.csv", NETWORK)


def test_whatever_comes_in_is_read_or_refused():
    """Bytes of a good matrix changed at random: a fault at most, never another exception."""
    dice = random.Random(5)
    good = (GOOD + "guangdong,north-america,,3Mbps\npe-sh,japan,silver,0.5Gbps\n").encode()
    outcomes = set()
    for _ in range(500):
        data = bytearray(good)
        for _ in range(dice.randint(1, 4)):
            data[dice.randrange(len(data))] = dice.choice((dice.randrange(256), *b',"\n-0'))
        try:
            outcomes.add(bool(read_demand(bytes(data), "m.csv", NETWORK).rows))
        except InvalidInput as error:
            outcomes |= {fault.source for fault in error.faults}
    assert outcomes == {True, "m.csv"}


def policy(name, gbps, *, prefixes=(), sources=("pe-gz", "pe-sz")):
    return EgressPolicy(
        tenant="t",
        name=name,
        sources=Sources(nodes=sources),
        to_region=NA,
        prefixes=prefixes,
        demand_bps=None if gbps is None else gbps * 10**9,
    )


def rates(policies, text):
    """(source, policy, Gbps, whether by the matrix) of each aggregate."""
    matrix = read_demand(HEADER + text, "m.csv", NETWORK)
    check_demand(matrix, policies, NETWORK)
    return [
        (one.source, one.policy, one.rate_bps / 10**9, one.from_matrix)
        for one in aggregates_of(policies, matrix.rows, NETWORK)
    ]


def test_a_row_gives_the_rate_where_a_policy_is_for_it():
    assert rates([policy("p", 40)], "pe-gz,north-america,bulk,7Gbps\n") == [
        ("pe-gz", 0, 7, True),
        ("pe-sz", 0, 20, False),
    ]


def test_other_classes_places_and_senders_are_aggregates_of_their_own():
    text = "pe-gz,north-america,gold,1Gbps\npe-gz,japan,bulk,2Gbps\npe-sh,north-america,bulk,3Gbps\n"
    assert rates([policy("p", 40)], text) == [
        ("pe-gz", 0, 20, False),
        ("pe-sz", 0, 20, False),
        ("pe-gz", None, 1, True),
        ("pe-gz", None, 2, True),
        ("pe-sh", None, 3, True),
    ]


def test_a_measured_policy_is_what_the_matrix_says_and_no_more():
    asked = [policy("p", None)]
    assert rates(asked, "pe-gz,north-america,,7Gbps\n") == [("pe-gz", 0, 7, True)]
    assert rates(asked, "pe-gz,japan,,7Gbps\n") == [("pe-gz", None, 7, True)]
    for text, known in (("pe-gz,north-america,,0bps\n", {0}), ("pe-gz,japan,,7Gbps\n", set())):
        assert measured(asked, read_demand(HEADER + text, "m.csv", NETWORK).rows, NETWORK) == known


def test_zero_is_nothing_to_carry():
    assert rates([policy("p", 40, sources=("pe-gz",))], "pe-gz,north-america,,0bps\npe-sh,japan,,0bps\n") == []


def test_prefixes_keep_what_they_declare_and_the_region_has_the_rest():
    asked = [policy("narrow", 4, prefixes=("192.0.2.0/24",)), policy("wide", 40)]
    assert rates(asked, "pe-gz,north-america,,7Gbps\n") == [
        ("pe-gz", 0, 2, True),
        ("pe-sz", 0, 2, False),
        ("pe-gz", 1, 5, True),
        ("pe-sz", 1, 20, False),
    ]


def test_the_one_policy_with_prefixes_is_given_the_row():
    asked = [policy("narrow", 4, prefixes=("192.0.2.0/24",))]
    assert rates(asked, "guangdong,north-america,,7Gbps\n") == [("pe-gz", 0, 3.5, True), ("pe-sz", 0, 3.5, True)]


@pytest.mark.parametrize(
    ("gbps", "wide", "words"),
    [
        (None, True, "t/one, t/two are for some of this by prefix"),
        (4, False, "t/one, t/two share this by prefix"),
        (40, True, "7Gbps is less than what t/one, t/two declare for prefixes of it, 22Gbps"),
    ],
)
def test_a_row_that_does_not_tell_whose_it_is(gbps, wide, words):
    asked = [policy("one", gbps, prefixes=("192.0.2.0/24",)), policy("two", 4, prefixes=("198.51.100.0/24",))]
    asked += [policy("wide", 9)] if wide else []
    with pytest.raises(InvalidInput) as caught:
        rates(asked, "pe-sh,north-america,,7Gbps\npe-gz,north-america,,7Gbps\n")
    (fault,) = caught.value.faults
    assert (fault.source, fault.line, fault.field) == ("m.csv", 3, "rate")
    assert words in fault.message
