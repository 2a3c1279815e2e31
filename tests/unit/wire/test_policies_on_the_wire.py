"""Egress policies as messages: what comes back is what was sent, and what cannot be one is said field by field."""

from __future__ import annotations

from dataclasses import replace

import pytest
from any_policies import policies
from hypothesis import given

from controller.domain.egress import EgressPolicy, GatewayChoice, Sources
from controller.domain.egress_validation import check_policy_values
from controller.domain.errors import InvalidInput
from controller.domain.intents import IntentKey
from controller.wire.errors import in_request
from controller.wire.gen.trunkline.v1 import intent_pb2 as pb
from controller.wire.intents import gone_to_wire, intent_from_wire, intent_to_wire, key_of, wanted_from_wire
from controller.wire.names import intent_key, intent_name

POLICY = EgressPolicy(
    tenant="backbone",
    name="to-japan",
    sources=Sources(regions=("west",)),
    to_region="japan",
    prefixes=("198.51.100.0/24",),
    demand_bps=1,
)


@given(policy=policies())
def test_what_was_sent_comes_back(policy):
    message = pb.Intent.FromString(intent_to_wire(policy, "1.2").SerializeToString())
    assert intent_from_wire(message) == policy
    assert wanted_from_wire([message])[0].etag == "1.2"
    assert key_of(message) == policy.key


def unset(message):
    message.egress_policy.spec.ClearField("demand_bps")


def not_measured(message):
    message.egress_policy.spec.measured = False


def host_bits(message):
    message.egress_policy.spec.destination.prefixes.append("10.1.2.3/8")


def no_length(message):
    message.egress_policy.spec.destination.prefixes.append("10.0.0.0")


def no_region(message):
    message.egress_policy.spec.destination.region = ""


def no_class(message):
    message.egress_policy.spec.traffic_class = "platinum"


def no_time(message):
    message.egress_policy.spec.max_delay.nanos = -1


def nobody(message):
    message.egress_policy.metadata.tenant = ""


@pytest.mark.parametrize(
    ("spoil", "field", "reason"),
    [
        (unset, "spec.demand_bps", "MISSING_PROPERTY"),
        (not_measured, "spec.demand_bps", "MISSING_PROPERTY"),
        (host_bits, "spec.destination.prefixes[1]", "INVALID_VALUE"),
        (no_length, "spec.destination.prefixes[1]", "INVALID_VALUE"),
        (no_region, "spec.destination.region", "MISSING_PROPERTY"),
        (no_class, "spec.traffic_class", "INVALID_VALUE"),
        (no_time, "spec.max_delay", "INVALID_VALUE"),
        (nobody, "metadata.tenant", "MISSING_PROPERTY"),
    ],
)
def test_what_cannot_be_a_policy_is_said_at_its_field(spoil, field, reason):
    message = intent_to_wire(POLICY)
    spoil(message)
    with pytest.raises(InvalidInput) as refused:
        wanted_from_wire([intent_to_wire(POLICY), message])
    (fault,) = in_request(refused.value, ["egress_policy", "egress_policy"]).faults
    assert (fault.field, str(fault.reason)) == (f"intents[1].egress_policy.{field}", reason)


def test_what_the_domain_refuses_has_the_names_of_messages():
    limited = replace(
        POLICY, gateways=GatewayChoice(at_most=0), prefixes=("::/0", "::/0"), demand_bps=-1, max_loss_ppm=-1
    )
    refused = InvalidInput(tuple(check_policy_values(limited)))
    assert [fault.field for fault in in_request(refused, ["egress_policy"]).faults] == [
        "intents[0].egress_policy.spec.demand_bps",
        "intents[0].egress_policy.spec.max_loss_ppm",
        "intents[0].egress_policy.spec.gateways.at_most",
        "intents[0].egress_policy.spec.destination.prefixes[1]",
    ]


def test_an_intent_of_no_kind_is_said_to_be_empty():
    with pytest.raises(InvalidInput) as refused:
        wanted_from_wire([pb.Intent()])
    (fault,) = in_request(refused.value, [""]).faults
    assert (fault.field, fault.message) == ("intents[0]", "is empty: set private_line or egress_policy")


@pytest.mark.parametrize("kind", ["PrivateLine", "EgressPolicy"])
def test_names_say_the_kind(kind):
    key = IntentKey(kind=kind, tenant="acme", name="x")
    assert intent_key(intent_name(key), "name") == key
    assert key_of(gone_to_wire(key, 7)) == key
