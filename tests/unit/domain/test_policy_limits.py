"""What comes over the network may be of any length: lists are cut short before they are looked at."""

from __future__ import annotations

from dataclasses import replace

import pytest
from running.policies import COAST, policy

from controller.documents import load_topology
from controller.domain.egress import GatewayChoice, Sources
from controller.domain.egress_validation import MOST_PREFIXES, check_policies
from controller.domain.intent_validation import check_intents
from controller.domain.intents import Attachment, PrivateLine
from controller.domain.topology import PerDirection
from controller.domain.validation import MOST_NAMES

NETWORK = load_topology(COAST)
MANY = tuple(f"x-{number}" for number in range(MOST_NAMES + 1))


@pytest.mark.parametrize(
    ("field", "more"),
    [
        ("spec.from.nodes", {"sources": Sources(nodes=MANY)}),
        ("spec.from.regions", {"sources": Sources(regions=MANY)}),
        ("spec.gateways.allow", {"gateways": GatewayChoice(allow=MANY)}),
        ("spec.gateways.deny", {"gateways": GatewayChoice(deny=MANY)}),
        ("spec.gateways.prefer", {"gateways": GatewayChoice(prefer=MANY)}),
    ],
)
def test_so_many_names_are_not_taken(field, more):
    faults = check_policies([replace(policy("a"), **more)], NETWORK)
    assert (field, f"has {len(MANY)} names: at most {MOST_NAMES} are taken") in [(f.field, f.message) for f in faults]
    assert len([fault for fault in faults if fault.field.startswith(f"{field}[")]) == MOST_NAMES


def test_a_policy_has_so_many_prefixes_and_no_more():
    prefixes = tuple(f"10.{number >> 8}.{number & 255}.0/24" for number in range(MOST_PREFIXES + 1))
    assert check_policies([policy("a", prefixes=prefixes[:-1])], NETWORK) == []
    (fault,) = check_policies([policy("a", prefixes=prefixes)], NETWORK)
    assert (fault.field, "at most 10000" in fault.message) == ("spec.to.prefixes", True)


def test_faults_of_both_kinds_have_their_place_among_all():
    end = Attachment(site="a1", vlan=1)
    line = PrivateLine(tenant="t", name="n", a=end, z=end, cir_bps=PerDirection.both(1))
    asked = [policy("a"), line, policy("b"), policy("c", to="mars")]
    assert [(fault.document, fault.field) for fault in check_intents(asked, NETWORK)] == [
        (1, "spec.z.site"),
        (2, "spec.to"),
        (3, "spec.to.region"),
    ]
