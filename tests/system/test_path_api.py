"""PathService over a socket: routes, pairs and alternatives as they are free now, and what failures would do."""

from __future__ import annotations

import json
import signal

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo
from grpc_status import rpc_status
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from running.any_messages import messages
from running.command import trunkline
from running.lines import MBPS, line
from running.simulated import simulated

from controller.domain.errors import Reason
from controller.wire.gen.trunkline.v1 import intent_pb2, path_pb2
from controller.wire.gen.trunkline.v1 import path_pb2 as pb

CODE = grpc.StatusCode
NORTH, SOUTH = ["a-n", "n-z"], ["a-s", "s-z"]
LIMIT_S = 60


@pytest.fixture(scope="module")
def net(processes):
    """90 of 100 Mbps are taken in the north, in both directions."""
    with simulated(processes) as made:
        made.start()
        made.apply(line("standing", "a2", "z2", mbps=90))
        yield made
        assert "Traceback" not in made.log.read_text()


@pytest.fixture(autouse=True)
def unchanged(net):
    before = net.ledger()
    yield
    assert net.ledger() == before


def query(a="a1", z="z1", mbps=1, ms=None, via=(), avoid=(), **more):
    """Ends are sites, or nodes if they have a dash."""
    asked = pb.PathQuery(a=end(a), z=end(z), **more)
    asked.bandwidth.CopyFrom(intent_pb2.Bandwidth(a_to_z_bps=mbps * MBPS, z_to_a_bps=mbps * MBPS))
    if ms is not None:
        asked.max_delay.CopyFrom(Duration(nanos=ms * 10**6))
    asked.via.nodes.extend(via)
    asked.avoid.nodes.extend(avoid)
    return asked


def end(name):
    return pb.Endpoint(node=name) if "-" in name else pb.Endpoint(site=name)


def computed(net, *queries, sequential=False):
    request = pb.ComputePathsRequest(queries=queries, sequential=sequential)
    return net.paths.ComputePaths(request, timeout=LIMIT_S).answers


def routes(answer):
    return [list(path.links) for path in answer.paths]


def reason(answer):
    (refusal,) = answer.reasons
    return refusal.reason


def test_answers_come_in_the_order_asked_each_by_itself(net):
    answers = computed(
        net,
        query(mbps=10),
        query(mbps=11),
        query(mbps=101),
        query(mbps=11, ms=6),
        query(mbps=10, disjoint="node"),
        query(mbps=11, disjoint="link"),
        query(mbps=1, k=3),
        query(mbps=11, k=3),
        query(via=["p-s"]),
        query(avoid=["p-n"], a="pe-a", z="pe-z"),
        query(a="pe-a", z="p-n"),
        query(a="a1", z="a2"),
        query(mbps=0),
    )
    assert [routes(answer) for answer in answers] == [
        [NORTH],
        [SOUTH],
        [],
        [],
        [NORTH, SOUTH],
        [],
        [NORTH, SOUTH],
        [SOUTH],
        [SOUTH],
        [SOUTH],
        [["a-n"]],
        [[]],
        [NORTH],
    ]
    assert [answer.feasible for answer in answers] == [bool(answer.paths) for answer in answers]
    assert [reason(answers[index]) for index in (2, 3, 5)] == [
        "NO_BANDWIDTH",
        "DELAY_BOUND_UNREACHABLE",
        "NO_BANDWIDTH",
    ]
    (relaxed,) = [one for one in answers[3].reasons[0].relaxations if one.field == "spec.maxDelay"]
    assert relaxed.value == "11ms"
    (path,) = answers[0].paths
    assert (path.role, list(path.nodes)) == ("working", ["pe-a", "p-n", "pe-z"])
    assert (path.delay_ns.a_to_z, path.delay_ns.z_to_a) == (5_000_000, 5_000_000)
    assert (path.reserved_bps.a_to_z, path.reserved_bps.z_to_a) == (10 * MBPS, 10 * MBPS)
    assert [path.role for path in answers[4].paths] == ["working", "protect"]


def test_in_sequence_each_sees_what_those_before_it_take(net):
    asked = [query(mbps=10), query(mbps=60), query(mbps=60), query(mbps=40, disjoint="link"), query(mbps=40)]
    answers = computed(net, *asked, sequential=True)
    assert [routes(answer) for answer in answers] == [[NORTH], [SOUTH], [], [], [SOUTH]]
    assert routes(computed(net, query(mbps=60))[0]) == [SOUTH]


def test_what_is_placed_and_taken_away_is_seen_at_once(net):
    assert routes(computed(net, query(mbps=100))[0]) == [SOUTH]
    net.apply(line("passing", "a1.5", "z1.5", mbps=1, avoid=["p-n"]))
    assert reason(computed(net, query(mbps=100))[0]) == "NO_BANDWIDTH"
    net.delete(line("passing", "a1.5", "z1.5", mbps=1))
    assert routes(computed(net, query(mbps=100))[0]) == [SOUTH]


def test_a_large_batch(net):
    answers = computed(net, *[query(mbps=1 + number % 20) for number in range(10_000)])
    assert [routes(answer)[0] for answer in answers] == [
        NORTH if number % 20 < 10 else SOUTH for number in range(10_000)
    ]


def refused(call):
    """(code, reason, fields) of a call that fails."""
    with pytest.raises(grpc.RpcError) as caught:
        call()
    info, bad = ErrorInfo(), BadRequest()
    for detail in rpc_status.from_call(caught.value).details:
        detail.Unpack(info) or detail.Unpack(bad)
    assert all(violation.description for violation in bad.field_violations)
    return caught.value.code(), info.reason, [violation.field for violation in bad.field_violations]


INVALID, MISSING, UNKNOWN = "INVALID_VALUE", "MISSING_PROPERTY", "REFERENCE_NOT_FOUND"
LONG = "x" * 100_000
BANDWIDTH = intent_pb2.Bandwidth(a_to_z_bps=1, z_to_a_bps=1)


@pytest.mark.parametrize(
    ("asked", "why", "field"),
    [
        (pb.PathQuery(z=end("z1"), bandwidth=BANDWIDTH), MISSING, "a"),
        (pb.PathQuery(a=end("a1"), bandwidth=BANDWIDTH), MISSING, "z"),
        (query(a=""), MISSING, "a.site"),
        (query(a="b1"), UNKNOWN, "a.site"),
        (query(z="pe-b"), UNKNOWN, "z.node"),
        (query(z=f"-{LONG}"), UNKNOWN, "z.node"),
        (pb.PathQuery(a=end("a1"), z=end("z1")), MISSING, "bandwidth"),
        (query(mbps=-1), INVALID, "bandwidth"),
        (query(mbps=5 * 10**6), INVALID, "bandwidth"),
        (
            pb.PathQuery(a=end("a1"), z=end("z1"), bandwidth=intent_pb2.Bandwidth(a_to_z_bps=2, z_to_a_bps=-1)),
            INVALID,
            "bandwidth.z_to_a_bps",
        ),
        (query(ms=0), INVALID, "max_delay"),
        (query(max_delay=Duration(seconds=1, nanos=-1)), INVALID, "max_delay"),
        (query(mtu=63), INVALID, "mtu"),
        (query(objective="hops"), INVALID, "objective"),
        (query(disjoint="site"), INVALID, "disjoint"),
        (query(disjoint=""), MISSING, "disjoint"),
        (query(k=0), INVALID, "k"),
        (query(k=-1), INVALID, "k"),
        (query(k=65), INVALID, "k"),
        (query(k=2, via=["p-n"]), INVALID, "via"),
        (query(via=["p-x"]), UNKNOWN, "via.nodes[0]"),
        (query(via=["p-n", "p-n"]), INVALID, "via.nodes[1]"),
        (query(avoid=["p-n", "p-x"]), UNKNOWN, "avoid.nodes[1]"),
        (query(avoid=["p-n"] * 1_001), INVALID, "avoid.nodes"),
    ],
)
def test_what_is_wrong_with_a_query_is_told_by_its_index_and_field(net, asked, why, field):
    code, told, fields = refused(lambda: computed(net, query(), asked))
    assert (told, fields) == (why, [f"queries[1].{field}"])
    assert code is (CODE.NOT_FOUND if why == UNKNOWN else CODE.INVALID_ARGUMENT)


def test_a_batch_beyond_measure_is_refused(net):
    for queries in ([], [query()] * 10_001, [query(k=64)] * 313):
        assert refused(lambda queries=queries: computed(net, *queries)) == (CODE.INVALID_ARGUMENT, INVALID, ["queries"])
    code, _, fields = refused(lambda: computed(net, query(), query(k=2), sequential=True))
    assert (code, fields) == (CODE.INVALID_ARGUMENT, ["queries[1].k"])


def test_deadlines_are_kept_and_the_next_is_answered(net):
    """The reasons of so many refusals take much longer than that."""
    asked = pb.ComputePathsRequest(queries=[query(mbps=101 + number) for number in range(10_000)])
    with pytest.raises(grpc.RpcError) as caught:
        net.paths.ComputePaths(asked, timeout=0.3)
    assert caught.value.code() is CODE.DEADLINE_EXCEEDED
    assert routes(computed(net, query())[0]) == [NORTH]


# What if


def tried(net, *fail, lines=True):
    """(header, impacts by name, summary)."""
    header, *impacts, summary = net.paths.WhatIf(pb.WhatIfRequest(fail=fail, lines=lines), timeout=LIMIT_S)
    named = {"+".join(f"{part.element}/{part.name}" for part in one.impact.failure): one.impact for one in impacts}
    assert len(named) == len(impacts) == header.header.failures
    return header.header, named, summary.summary


def test_every_single_failure(net):
    header, impacts, summary = tried(net)
    assert (header.topology, header.lines) == ("ring", 1)
    assert [*impacts] == [
        *(f"link/{name}" for name in ("a-n", "a-s", "n-z", "s-z")),
        *(f"node/{name}" for name in ("p-n", "p-s", "pe-a", "pe-z")),
    ]
    impact = impacts["link/a-n"]
    assert (impact.hit, impact.survive, impact.lost, impact.ended) == (1, 1, 0, 0)
    assert (impact.worst_delay_ns, impact.worst_extra_delay_ns) == (11_000_000, 6_000_000)
    assert impact.fates["REPLACED"] == 1
    assert sum(impact.fates.values()) == 1
    (moved,) = impact.lines
    assert (moved.name, moved.fate, moved.before_ns.a_to_z, moved.after_ns.a_to_z) == (
        "standing",
        "REPLACED",
        5_000_000,
        11_000_000,
    )
    assert impacts["link/a-s"].hit == 0
    assert (impacts["node/pe-a"].ended, impacts["node/pe-a"].lost) == (1, 0)
    assert not summary.at_risk


def test_several_fail_together(net):
    _, impacts, summary = tried(net, "a-n", "node/p-s", "link/a-n", lines=False)
    ((name, impact),) = impacts.items()
    assert name == "link/a-n+node/p-s"
    assert (impact.hit, impact.lost, impact.fates["NO_PATH"], len(impact.lines)) == (1, 1, 1, 0)
    assert not impact.HasField("worst_delay_ns")
    (line_at_risk,) = summary.at_risk
    assert (line_at_risk.name, line_at_risk.hit_by, line_at_risk.lost_by) == ("standing", 1, 1)
    assert list(line_at_risk.lost_to) == [name]


@pytest.mark.parametrize(
    ("fail", "code", "fields"),
    [
        (["a-n", "a-nn"], CODE.NOT_FOUND, ["fail[1]"]),
        (["node/a-n"], CODE.NOT_FOUND, ["fail[0]"]),
        (["", "\0", LONG], CODE.NOT_FOUND, ["fail[0]", "fail[1]", "fail[2]"]),
        (["a-n"] * 1_001, CODE.INVALID_ARGUMENT, ["fail"]),
    ],
)
def test_what_cannot_fail(net, fail, code, fields):
    got_code, _, got_fields = refused(lambda: tried(net, *fail))
    assert (got_code, got_fields) == (code, fields)


def test_the_command_tells_the_same(net):
    outcome = trunkline("whatif", "--server", net.server, "-o", "json")
    assert (outcome.code, outcome.err) == (0, "")
    shown = json.loads(outcome.out)
    assert (shown["topology"], shown["lines"], len(shown["failures"]), shown["atRisk"]) == ("ring", 1, 8, [])
    worst = shown["failures"][0]
    assert worst["failure"] == [{"element": "node", "name": "pe-a"}]
    assert [one["fate"] for one in worst["lines"]] == ["END_FAILED"]
    lost = trunkline("whatif", "--server", net.server, "--fail", "a-n", "--fail", "p-s")
    assert lost.code == 2
    assert "link/a-n+node/p-s" in lost.out
    unknown = trunkline("whatif", "--server", net.server, "--fail", "a-m")
    assert unknown.code == 1
    assert "--fail: there is no link, node or SRLG 'a-m' in the topology" in unknown.err


def test_an_analysis_that_nobody_reads_does_not_hold_up_the_next(net):
    stream = net.paths.WhatIf(pb.WhatIfRequest(), timeout=LIMIT_S)
    assert next(stream).WhichOneof("part") == "header"
    stream.cancel()
    assert tried(net)[0].lines == 1


FORESEEN = {CODE.INVALID_ARGUMENT, CODE.NOT_FOUND}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(st.lists(messages(pb.PathQuery), max_size=3), st.booleans())
def test_any_query_is_answered_or_refused_with_a_reason(net, queries, sequential):
    check(lambda: computed(net, *queries, sequential=sequential))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(messages(pb.PathQuery))
def test_one_wrong_thing_in_a_right_query(net, drawn):
    """Nearly right: each field that is drawn replaces that of a good query."""
    for field, _ in drawn.ListFields():
        asked = query()
        asked.ClearField(field.name)
        only = path_pb2.PathQuery()
        only.CopyFrom(drawn)
        for other, _ in drawn.ListFields():
            if other.name != field.name:
                only.ClearField(other.name)
        asked.MergeFrom(only)
        check(lambda asked=asked: computed(net, asked))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(messages(pb.WhatIfRequest))
def test_any_analysis_is_made_or_refused_with_a_reason(net, request_):
    check(lambda: [*net.paths.WhatIf(request_, timeout=LIMIT_S)])


def check(call):
    error = failure(call)
    if error is not None:
        info = ErrorInfo()
        assert error.code() in FORESEEN, error
        assert any(detail.Unpack(info) for detail in rpc_status.from_call(error).details)
        assert info.reason in set(Reason)


def failure(call):
    """The error that a call ends in; ``None`` when it succeeds."""
    try:
        call()
    except grpc.RpcError as error:
        return error
    return None


def test_a_large_request_holds_up_neither_a_small_one_nor_the_end(processes):
    with simulated(processes) as made:
        made.start()
        asked = pb.ComputePathsRequest(queries=[query(mbps=101 + number) for number in range(10_000)])
        under_way = made.paths.ComputePaths.future(asked, timeout=LIMIT_S)
        assert routes(computed(made, query())[0]) == [NORTH]
        assert not under_way.done()
        assert made.end(signal.SIGTERM) == 0
