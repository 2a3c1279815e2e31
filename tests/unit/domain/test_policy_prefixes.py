"""Prefixes that a policy may not name: our own, and those that another policy has elsewhere."""

from __future__ import annotations

from dataclasses import replace

import pytest
from running.policies import COAST, policy

from controller.documents import load_topology
from controller.domain.egress_validation import check_overlaps, check_policies

NETWORK = load_topology(COAST)
OWN = replace(NETWORK.sites[0], name="home", prefixes=("10.44.0.0/16", "fd00:44::/32"))
HOME = replace(NETWORK, sites=(OWN, *NETWORK.sites[1:]))
ABROAD = "198.51.100.0/24"


@pytest.mark.parametrize("prefix", ["10.44.0.0/16", "10.44.7.0/24", "fd00:44::1/128"])
def test_what_a_site_of_ours_has_is_not_abroad(prefix):
    (fault,) = check_policies([policy("a", prefixes=(ABROAD, prefix))], HOME)
    assert fault.field == "spec.to.prefixes[1]"
    assert fault.message.startswith(f"{prefix} is in ")
    assert fault.message.endswith(" of site home, and not abroad: no gateway leads there")


@pytest.mark.parametrize("prefix", ["10.0.0.0/8", "0.0.0.0/0", "10.45.0.0/16", "::/0", "fd00:45::/32"])
def test_what_has_more_than_a_site_of_ours_is_abroad_for_the_rest(prefix):
    assert check_policies([policy("a", prefixes=(prefix,))], HOME) == []


def test_a_prefix_is_in_one_region_whoever_sends_there():
    here = policy("a", source="guangdong", to="japan", prefixes=(ABROAD,))
    there = policy("b", source="shanghai", to="north-america", prefixes=("203.0.113.0/24", ABROAD))
    says = "198.51.100.0/24 is in japan as EgressPolicy backbone/a has it, and in one region only"
    for faults in (check_policies([here, there], NETWORK), check_overlaps([there], NETWORK, standing=[here])):
        assert [(one.field, one.message) for one in faults] == [("spec.to.prefixes[1]", says)]
    assert faults[0].document == 0
    within = replace(there, prefixes=("198.51.100.0/25",))
    assert check_policies([here, within], NETWORK) == []
