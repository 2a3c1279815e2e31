"""What an error can carry in gRPC's trailers is little: of what is too long the first part is told, not nothing."""

from __future__ import annotations

from controller.domain.errors import Binding, BindingLink, Infeasible, Reason, Refusal
from controller.domain.topology import PerDirection
from controller.wire.errors import MOST_BINDING_NAMES, status_of
from controller.wire.gen.trunkline.v1 import plan_pb2
from controller.wire.plans import refusal_to_wire


def test_a_refusal_that_a_great_cut_binds_is_told():
    links = tuple(BindingLink(link=f"link-{number:04}", free_bps=PerDirection.both(10**9)) for number in range(1000))
    srlgs = tuple(f"duct-{number:04}" for number in range(1000))
    refusal = Refusal(reason=Reason.NO_BANDWIDTH, message="full", binding=Binding(links=links, srlgs=srlgs))
    verdict = plan_pb2.Verdict(kind="PrivateLine", tenant="acme", name="x", reasons=[refusal_to_wire(refusal)])
    status = status_of(Infeasible("full", (("acme/x", refusal),)), plan_pb2.Plan(intents=[verdict]))
    told = plan_pb2.Plan()
    assert status.details[-1].Unpack(told)
    (one,) = told.intents
    assert [link.link for link in one.reasons[0].binding.links] == [link.link for link in links[:MOST_BINDING_NAMES]]
    assert list(one.reasons[0].binding.srlgs) == list(srlgs[:MOST_BINDING_NAMES])
    assert len(verdict.reasons[0].binding.links) == 1000  # what a plan tells stays whole
