"""Every field of every request, wrong in every way it can be: status, reason and field, and nothing has changed."""

from __future__ import annotations

import grpc
import pytest
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo
from grpc_status import rpc_status
from running.lines import line
from running.simulated import simulated

from controller.domain.errors import Reason, TrunklineError
from controller.wire.errors import status_of
from controller.wire.gen.trunkline.v1 import intent_pb2 as pb
from controller.wire.intents import line_to_wire

STANDING = line("standing", "a2", "z2")
CODE = grpc.StatusCode
INVALID = CODE.INVALID_ARGUMENT


@pytest.fixture(scope="module")
def net(processes):
    """One server for all of this: each test sees that it left nothing behind."""
    with simulated(processes) as made:
        made.start()
        made.apply(STANDING)
        yield made


@pytest.fixture(autouse=True)
def unchanged(net):
    before = everything(net)
    yield
    assert everything(net) == before
    assert net.serving()


def everything(net):
    answer = net.stub.List(pb.ListRequest(parent="tenants/-"))
    return answer.revision, answer.intents, net.tables(), net.ledger()


def refused(method, request):
    """(code, reason, fields with their reasons) of a call that fails."""
    with pytest.raises(grpc.RpcError) as caught:
        method(request, timeout=30)
    info, bad = ErrorInfo(), BadRequest()
    status = rpc_status.from_call(caught.value)
    assert status.message == caught.value.details()
    for detail in status.details:
        detail.Unpack(info) or detail.Unpack(bad)
    assert info.domain == "trunkline"
    fields = [(violation.field, violation.reason) for violation in bad.field_violations]
    assert all(violation.description for violation in bad.field_violations)
    return caught.value.code(), info.reason, fields


def good():
    return line_to_wire(line("new", "a1.100", "z1.200"))


def put(**values):
    """Sets fields of the intent, named by their path with ``__`` between: ``spec__a__vlan=3``."""

    def change(intent):
        for path, value in values.items():
            *parents, last = path.split("__")
            message = intent.private_line
            for parent in parents:
                message = getattr(message, parent)
            if value is None:
                message.ClearField(last)
            elif isinstance(value, list):
                getattr(message, last).extend(value)
            elif isinstance(value, pb.Bandwidth):
                getattr(message, last).CopyFrom(value)
            else:
                setattr(message, last, value)

    return change


HUGE = 2**63 - 1
LONG = "x" * 100_000
FIELDS = [
    ("metadata__tenant", "", "MISSING_PROPERTY"),
    *(("metadata__tenant", name, "INVALID_VALUE") for name in ("a/b", "a b", "-", "é", "\0", "x" * 64, LONG)),
    ("metadata__name", "", "MISSING_PROPERTY"),
    *(("metadata__name", name, "INVALID_VALUE") for name in ("a/b", " ", "😀" * 3_000, "\u202e", "\n", LONG)),
    ("spec__a__site", "", "MISSING_PROPERTY"),
    *(("spec__a__site", name, "REFERENCE_NOT_FOUND") for name in ("a3", "A1", "a1 ", "\0", "%s", "😀" * 3_000, LONG)),
    *(("spec__a__vlan", vlan, "INVALID_VALUE") for vlan in (0, -1, 4_095, 2**31 - 1, -(2**31))),
    *(("spec__z__vlan", vlan, "INVALID_VALUE") for vlan in (0, 4_096)),
    *(("spec__bandwidth__a_to_z_bps", bps, "INVALID_VALUE") for bps in (0, -1, HUGE, -HUGE - 1)),
    ("spec__bandwidth__z_to_a_bps", -5, "INVALID_VALUE"),
    *(("spec__max_delay__seconds", seconds, "INVALID_VALUE") for seconds in (-1, 11, HUGE, -HUGE - 1)),
    *(("spec__max_delay__nanos", nanos, "INVALID_VALUE") for nanos in (-1, 10**9, 2**31 - 1)),
    *(("spec__mtu", mtu, "INVALID_VALUE") for mtu in (0, -1, 63, 9_601, 2**31 - 1)),
    *(("spec__protection", word, "INVALID_VALUE") for word in ("2:1", "NONE", "none ", LONG)),
    *(("spec__disjoint", word, "INVALID_VALUE") for word in ("links", "\0")),
    *(("spec__objective", word, "INVALID_VALUE") for word in ("hops", "😀")),
    *(("spec__priority", priority, "INVALID_VALUE") for priority in (-1, 8, 2**31 - 1)),
    ("spec__avoid__nodes", ["p-s", "p-x"], "REFERENCE_NOT_FOUND"),
    ("spec__avoid__nodes", ["p-s"] * 1_001, "INVALID_VALUE"),
    ("spec__avoid__links", [LONG], "REFERENCE_NOT_FOUND"),
    ("spec__avoid__srlgs", [""], "REFERENCE_NOT_FOUND"),
    ("spec__avoid__regions", ["atlantis"], "REFERENCE_NOT_FOUND"),
    ("spec__via__nodes", ["p-x"], "REFERENCE_NOT_FOUND"),
    ("spec__via__nodes", ["p-n", "p-n"], "INVALID_VALUE"),
    ("spec__protection", "restore", "INVALID_VALUE"),
]


def named(path):
    return f"intents[1].private_line.{path.replace('__', '.')}"


@pytest.mark.parametrize("rpc", ["Plan", "Apply"])
@pytest.mark.parametrize(
    ("path", "value", "reason"), FIELDS, ids=[f"{path}-{number}" for number, (path, _, _) in enumerate(FIELDS)]
)
def test_a_field_of_an_intent(net, rpc, path, value, reason):
    intent = good()
    put(**{path: value})(intent)
    request = getattr(pb, f"{rpc}Request")(intents=[line_to_wire(line("first", "a1.1", "z1.1")), intent])
    code, told, fields = refused(getattr(net.stub, rpc), request)
    assert told in {reason, fields[0][1]}
    assert code == CODE(status_code(Reason(told)))
    where = [field for field, why in fields if why == reason]
    # nanos and seconds make one bound; an item of a list is named by its index
    expected = named(path).removesuffix(".seconds").removesuffix(".nanos")
    assert any(field == expected or field.startswith(f"{expected}[") for field in where), fields


def status_code(reason):
    """The code that the table of ``wire.errors`` gives to a reason."""
    number = status_of(TrunklineError(reason, "")).code
    return next(code.value for code in CODE if code.value[0] == number)


@pytest.mark.parametrize(
    ("change", "code", "reason", "field"),
    [
        (lambda intent: intent.Clear(), INVALID, "MISSING_PROPERTY", "intents[0]"),
        (put(spec=None), INVALID, "MISSING_PROPERTY", "intents[0].private_line.spec.a.site"),
        (put(metadata=None), INVALID, "MISSING_PROPERTY", "intents[0].private_line.metadata.tenant"),
        (put(spec__bandwidth=None), INVALID, "MISSING_PROPERTY", "intents[0].private_line.spec.bandwidth"),
        (put(spec__bandwidth=pb.Bandwidth()), INVALID, "INVALID_VALUE", "intents[0].private_line.spec.bandwidth"),
        # Not known to the engine yet: refused, not ignored.
        (put(spec__protection="restore"), INVALID, "INVALID_VALUE", "intents[0].private_line.spec.protection"),
        (put(spec__a__vlan=None), INVALID, "INVALID_VALUE", "intents[0].private_line.spec.a.vlan"),
        (put(spec__z__site="a1"), INVALID, "INVALID_VALUE", "intents[0].private_line.spec.z.site"),
        (put(spec__a__site="a2"), CODE.ALREADY_EXISTS, "VLAN_IN_USE", "intents[0].private_line.spec.a.vlan"),
        (
            put(spec__a__site="a2", spec__a__vlan=None, spec__z__vlan=None),
            CODE.ALREADY_EXISTS,
            "VLAN_IN_USE",
            "intents[0].private_line.spec.a.site",
        ),
    ],
)
def test_an_intent_as_a_whole(net, change, code, reason, field):
    intent = good()
    change(intent)
    for method, request in ((net.stub.Plan, pb.PlanRequest), (net.stub.Apply, pb.ApplyRequest)):
        answer = refused(method, request(intents=[intent]))
        assert answer[:2] == (code, reason)
        assert (field, reason) in answer[2]


def test_two_intents_that_hinder_each_other(net):
    code, reason, fields = refused(net.stub.Apply, pb.ApplyRequest(intents=[good(), good()]))
    assert (code, reason) == (CODE.ALREADY_EXISTS, "NAME_TAKEN")
    assert fields == [("intents[1].private_line.metadata.name", "NAME_TAKEN")]
    other = line_to_wire(line("other", "a1.100", "z1.201"))
    code, reason, fields = refused(net.stub.Apply, pb.ApplyRequest(intents=[good(), other]))
    assert (code, reason) == (CODE.ALREADY_EXISTS, "VLAN_IN_USE")
    assert fields == [("intents[1].private_line.spec.a.vlan", "VLAN_IN_USE")]


def test_what_is_impossible_comes_with_its_plan(net):
    with pytest.raises(Exception, match="NO_BANDWIDTH") as caught:
        net.apply(line("wide", "a1.1", "z1.1", mbps=101), line("good", "a1.2", "z1.2"))
    assert caught.value.code is CODE.FAILED_PRECONDITION
    (verdict,) = caught.value.plan.intents
    assert (verdict.name, verdict.feasible, verdict.reasons[0].reason) == ("wide", False, "NO_BANDWIDTH")
    assert [(one.field, one.value) for one in verdict.reasons[0].relaxations] == [("spec.bandwidth", "100Mbps")]


NAMES = [
    "",
    "standing",
    "acme/standing",
    "tenants/acme",
    "tenants//privateLines/x",
    "tenants/a/privateLines/",
    "/",
    LONG,
]
NAMES += ["tenants/acme/privateLines/standing/more", "TENANTS/acme/privateLines/standing", "tenants/acme/egress/x"]
ELSEWHERE = ["tenants/acme/privateLines/nobody", "tenants/-/privateLines/standing", "tenants/\0/privateLines/😀"]


@pytest.mark.parametrize("name", [*NAMES, *ELSEWHERE], ids=lambda name: ascii(name[:30]))
def test_names(net, name):
    malformed = (INVALID, "INVALID_FORMAT")
    absent = (CODE.NOT_FOUND, "REFERENCE_NOT_FOUND")
    code, reason, fields = refused(net.stub.Get, pb.GetRequest(name=name))
    assert (code, reason) == (malformed if name in NAMES else absent)
    assert fields == ([("name", "INVALID_FORMAT")] if name in NAMES else [])
    good_name = "tenants/acme/privateLines/standing"
    code, reason, fields = refused(net.stub.Delete, pb.DeleteRequest(names=[good_name, name]))
    assert (code, reason) == (malformed if name in NAMES else absent)
    assert fields == ([("names[1]", "INVALID_FORMAT")] if name in NAMES else [])
    code, reason, fields = refused(net.stub.Plan, pb.PlanRequest(intents=[good()], deletes=[good_name, name]))
    assert (code, reason) == (malformed if name in NAMES else absent)
    assert fields == ([("deletes[1]", "INVALID_FORMAT")] if name in NAMES else [])


@pytest.mark.parametrize(
    ("rpc", "request_", "field"),
    [
        ("Plan", pb.PlanRequest(), "intents"),
        ("Plan", pb.PlanRequest(deletes=["tenants/acme/privateLines/standing"] * 2), "deletes[1]"),
        ("Plan", pb.PlanRequest(intents=[pb.Intent()] * 20_001), "intents"),
        ("Plan", pb.PlanRequest(deletes=["x"] * 20_001), "deletes"),
        ("Apply", pb.ApplyRequest(), "intents"),
        ("Apply", pb.ApplyRequest(intents=[good()], request_id="x" * 129), "request_id"),
        ("Explain", pb.ExplainRequest(), "intents"),
        ("Explain", pb.ExplainRequest(intents=[good()], names=["tenants/a/privateLines/b"]), "intents"),
        ("Explain", pb.ExplainRequest(intents=[good()] * 101), "intents"),
        ("Explain", pb.ExplainRequest(names=["tenants/a/privateLines/b"] * 2), "names"),
        ("Explain", pb.ExplainRequest(names=["tenants/a/privateLines/b"] * 101), "names"),
        ("Explain", pb.ExplainRequest(names=["b"]), "names[0]"),
        ("Describe", pb.DescribeRequest(), "name"),
        ("Delete", pb.DeleteRequest(), "names"),
        ("Delete", pb.DeleteRequest(names=["tenants/a/privateLines/b"] * 2), "names"),
        ("Delete", pb.DeleteRequest(names=["tenants/a/privateLines/b"], request_id=LONG), "request_id"),
        (
            "Delete",
            pb.DeleteRequest(names=["tenants/a/privateLines/b", "tenants/a/privateLines/c"], etag="1.1"),
            "etag",
        ),
        ("List", pb.ListRequest(), "parent"),
        ("List", pb.ListRequest(parent="tenants/a/b"), "parent"),
        ("List", pb.ListRequest(parent=LONG), "parent"),
        ("List", pb.ListRequest(parent="tenants/-", page_size=-1), "page_size"),
        ("List", pb.ListRequest(parent="tenants/-", page_token="x"), "page_token"),
        ("List", pb.ListRequest(parent="tenants/-", page_token="W10="), "page_token"),
        ("List", pb.ListRequest(parent="tenants/-", page_token="WzEsMiwzXQ=="), "page_token"),
        ("List", pb.ListRequest(parent="tenants/-", page_token="é"), "page_token"),
        ("List", pb.ListRequest(parent="tenants/-", page_token="W1tb" * 50_000), "page_token"),
    ],
)
def test_what_stands_around_the_intents(net, rpc, request_, field):
    code, _, fields = refused(getattr(net.stub, rpc), request_)
    assert code is INVALID
    assert [name for name, _ in fields] == [field]


@pytest.mark.parametrize("revision", [-1, -(2**63)])
def test_a_watch_from_before_the_beginning(net, revision):
    code, _, fields = refused(
        lambda request, timeout: [*net.stub.Watch(request, timeout=timeout)], pb.WatchRequest(from_revision=revision)
    )
    assert (code, [name for name, _ in fields]) == (INVALID, ["from_revision"])


@pytest.mark.parametrize("etag", ["0.0", "stale", "😀" * 10_000, "\0"])
def test_a_stale_etag(net, etag):
    code, reason, fields = refused(
        net.stub.Apply, pb.ApplyRequest(intents=[line_to_wire(line("standing", "a2", "z2", mbps=9), etag)])
    )
    assert (code, reason, fields) == (CODE.ABORTED, "ETAG_MISMATCH", [])
    request = pb.DeleteRequest(names=["tenants/acme/privateLines/standing"], etag=etag)
    assert refused(net.stub.Delete, request)[:2] == (CODE.ABORTED, "ETAG_MISMATCH")


def test_what_is_wrong_in_many_places_is_cut_short_and_counted(net):
    intents = [line_to_wire(line(f"line-{number}", f"{'😀' * 70}.{number}", "z1.9")) for number in range(1, 300)]
    with pytest.raises(Exception, match="REFERENCE_NOT_FOUND") as caught:
        net.apply(*[line(f"line-{number}", f"{'😀' * 70}.{number}", f"z1.{number}") for number in range(1, 300)])
    assert caught.value.code is CODE.NOT_FOUND
    assert 1 <= len(caught.value.faults) < 299
    assert len(caught.value.faults) + caught.value.left_out == 299
    assert [fault.document for fault in caught.value.faults] == [*range(len(caught.value.faults))]
    assert refused(net.stub.Apply, pb.ApplyRequest(intents=intents))[0] is CODE.NOT_FOUND
