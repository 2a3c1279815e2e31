"""A packet meets the value of its part, however few rules say so."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.compiler.steering.slices import IN_ORDER, as_few, spread, told_apart
from controller.domain.steering import SLICES

values = st.lists(st.sampled_from("abc"), min_size=SLICES, max_size=SLICES)


def met(rules, source):
    """The values of all rules for part of the sources that hold this one; of none, the value for all."""
    (base,) = (value for part, value in rules if part is None)
    found = [value for part, value in rules if part is not None and source % (1 << part.width) == part.value]
    return found or [base]


@given(values)
def test_each_part_meets_one_rule_with_its_value(wanted):
    rules = list(told_apart(wanted))
    assert [met(rules, source) for source in range(SLICES)] == [[value] for value in wanted]


@given(st.integers(0, SLICES))
def test_a_run_in_order_takes_one_rule_for_each_bit_of_its_length(length):
    wanted = ["a"] * SLICES
    for part in IN_ORDER[:length]:
        wanted[part] = "b"
    assert len(list(told_apart(wanted))) - 1 == min(length, SLICES - length).bit_count()


def test_one_value_for_all_is_one_rule():
    assert list(told_apart("a")) == [(None, "a")]
    assert as_few(spread("a")) == ("a",)


def test_neither_one_nor_all_parts_are_refused():
    with pytest.raises(ValueError, match="3 values"):
        spread("abc")
