"""A policy that is written reads back equal, whatever it holds."""

from __future__ import annotations

from any_policies import policies
from hypothesis import given

from controller.documents import load_all, write_intent
from controller.documents.spec_fields import spec_fields
from controller.domain.egress import EgressPolicy, Sources


@given(policy=policies())
def test_what_is_written_reads_back_equal(tmp_path_factory, policy):
    file = tmp_path_factory.mktemp("written") / "policy.yaml"
    file.write_text(write_intent(policy))
    assert [one.intent for one in load_all([file]).all] == [policy]


def test_what_says_nothing_is_not_written():
    policy = EgressPolicy(tenant="t", name="n", sources=Sources(regions=("west",)), to_region="japan")
    assert spec_fields(policy) == {
        "spec.from.regions": "west",
        "spec.to.region": "japan",
        "spec.demand": "measured",
        "spec.class": "bulk",
    }
