"""The fewest prefix rules: the meaning is kept, there are no fewer, and what is kept up ends where a new start ends."""

from __future__ import annotations

from functools import cache
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from controller.compiler.steering.ortc import FewestRules, fewest
from controller.domain.prefixes import ADDRESS_BITS, Prefix, parse_prefix
from controller.domain.steering import ELSEWHERE

Table = dict[Prefix, int]


def short(version: int, bits: int, length: int) -> Prefix:
    """A prefix by its first bits."""
    return Prefix(version, bits << ADDRESS_BITS[version] - length, length)


def prefixes(version: int, longest: int) -> st.SearchStrategy[Prefix]:
    return st.integers(0, longest).flatmap(
        lambda length: st.integers(0, (1 << length) - 1).map(lambda bits: short(version, bits, length))
    )


def tables(longest: int, labels: int = 3) -> st.SearchStrategy[Table]:
    return st.sampled_from((4, 6)).flatmap(
        lambda version: st.dictionaries(prefixes(version, longest), st.integers(0, labels), max_size=20)
    )


def meaning(routes: Table, address: int, version: int) -> int:
    """By the longest prefix, looked for one by one."""
    holding = [prefix for prefix in routes if prefix.version == version and prefix.holds(address)]
    return routes[max(holding, key=lambda prefix: prefix.length)] if holding else ELSEWHERE


def meanings(routes: Table, version: int, depth: int) -> list[int]:
    """Of each address that the first ``depth`` bits tell apart."""
    width = ADDRESS_BITS[version]
    return [meaning(routes, bits << width - depth, version) for bits in range(1 << depth)]


def least_count(meant: list[int]) -> int:
    """How few rules mean this: every way to put labels on the nodes of the full tree is tried, subtree by subtree."""
    labels = {ELSEWHERE, *meant}

    @cache
    def cost(low: int, high: int, inherited: int) -> int:
        if high - low == 1:
            return int(meant[low] != inherited)
        middle = (low + high) // 2
        return min(
            (label != inherited) + cost(low, middle, label) + cost(middle, high, label) for label in sorted(labels)
        )

    return cost(0, len(meant), ELSEWHERE)


@given(tables(longest=5))
@settings(max_examples=300)
def test_means_the_same_with_the_fewest_rules(table: Table) -> None:
    found = fewest(table.items())
    for version in ADDRESS_BITS:
        assert meanings(dict(found), version, 6) == meanings(table, version, 6)
    count = sum(least_count(meanings(table, version, 6)) for version in ADDRESS_BITS)
    assert len(found) == count
    assert list(found) == sorted(found)
    assert len({prefix for prefix, _ in found}) == len(found)


def test_no_table_at_all_with_fewer_rules_means_the_same() -> None:
    """The oracle above is itself checked by every table there is over four addresses and two labels."""
    nodes = [short(4, bits, length) for length in range(3) for bits in range(1 << length)]
    least: dict[tuple[int, ...], int] = {}
    for choice in product((None, 0, 1), repeat=len(nodes)):
        table = {node: label for node, label in zip(nodes, choice, strict=True) if label is not None}
        meant = tuple(meanings(table, 4, 2))
        least[meant] = min(least.get(meant, len(nodes)), len(table))
    for meant, count in least.items():
        table = {short(4, bits, 2): label for bits, label in enumerate(meant)}
        assert len(fewest(table.items())) == count == least_count(list(meant))


@given(tables(longest=5), st.lists(st.dictionaries(prefixes(4, 5), st.none() | st.integers(0, 3), max_size=6)))
@settings(max_examples=200)
def test_changes_lead_to_what_a_new_start_leads_to(table: Table, steps: list[dict[Prefix, int | None]]) -> None:
    rules = FewestRules()
    rules.change(table)
    mirrored = dict(rules.routes)
    labels = dict(table)
    for step in steps:
        changed = rules.change(step)
        for prefix, label in step.items():
            labels.pop(prefix, None)
            if label is not None:
                labels[prefix] = label
        for prefix, now in changed.items():
            assert mirrored.get(prefix) != now, "what is told is another than before"
            mirrored.pop(prefix, None)
            if now is not None:
                mirrored[prefix] = now
        assert rules.routes == fewest(labels.items())
        assert tuple(sorted(mirrored.items())) == rules.routes


@given(
    st.dictionaries(
        st.builds(
            lambda version, bits, length: Prefix(
                version,
                (bits << 96 if version == 6 else bits) & Prefix(version, 0, length).mask,
                length,
            ),
            st.sampled_from((4, 6)),
            st.integers(0, 2**32 - 1),
            st.integers(0, 32),
        ),
        st.integers(0, 2),
        max_size=30,
    )
)
def test_means_the_same_for_addresses_of_full_length(table: Table) -> None:
    """Long branches: each prefix's first and last address, and those beside it."""
    found = dict(fewest(table.items()))
    for prefix in table:
        width = ADDRESS_BITS[prefix.version]
        last = prefix.bits | (1 << width - prefix.length) - 1
        for address in {prefix.bits, last, max(prefix.bits - 1, 0), min(last + 1, (1 << width) - 1)}:
            assert meaning(found, address, prefix.version) == meaning(table, address, prefix.version)
    assert len(found) <= len(table)


def test_the_example_of_the_paper() -> None:
    """Figure 1 there: five routes of which three are enough; with a default that costs nothing, two."""
    table = {
        parse_prefix("0.0.0.0/0"): 1,
        parse_prefix("0.0.0.0/2"): 2,
        parse_prefix("64.0.0.0/2"): 3,
        parse_prefix("128.0.0.0/1"): 2,
        parse_prefix("192.0.0.0/2"): 2,
    }
    assert dict(fewest(table.items())) == {parse_prefix("0.0.0.0/0"): 2, parse_prefix("64.0.0.0/2"): 3}
    assert dict(fewest(table.items(), default=2)) == {parse_prefix("64.0.0.0/2"): 3}


def test_neighbours_alike_become_one_and_a_hole_stays_a_hole() -> None:
    table = {
        parse_prefix("10.0.0.0/9"): 7,
        parse_prefix("10.128.0.0/9"): 7,
        parse_prefix("10.1.2.0/24"): ELSEWHERE,
        parse_prefix("fd00::/16"): 5,
        parse_prefix("fd00:44::/32"): 5,
    }
    assert dict(fewest(table.items())) == {
        parse_prefix("10.0.0.0/8"): 7,
        parse_prefix("10.1.2.0/24"): ELSEWHERE,
        parse_prefix("fd00::/16"): 5,
    }


def test_a_prefix_that_was_never_there_cannot_be_taken_away() -> None:
    rules = FewestRules()
    assert rules.change({parse_prefix("10.0.0.0/8"): None}) == {}
    assert rules.routes == ()


@pytest.mark.parametrize("text", ["0.0.0.0/0", "10.1.2.3/32", "::/0", "fd00::1/128"])
def test_a_single_prefix_of_any_length_comes_and_goes(text: str) -> None:
    prefix = parse_prefix(text)
    rules = FewestRules()
    assert rules.change({prefix: 4}) == {prefix: 4}
    assert rules.change({prefix: 4}) == {}
    assert rules.change({prefix: None}) == {prefix: None}
    assert rules.routes == ()
