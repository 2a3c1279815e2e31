"""Blocks of addresses by which some prefixes are read back: they hold all of these, and are few."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from controller.domain.prefixes import ADDRESS_BITS, Prefix, parse_prefix
from controller.southbound.openflow.covering_blocks import covering_blocks


def names(blocks):
    return [str(block) for block in blocks]


@given(
    st.lists(
        st.builds(
            lambda version, length, bits: Prefix(
                version, (bits >> 16 - length) << ADDRESS_BITS[version] - length, length
            ),
            st.sampled_from((4, 6)),
            st.integers(0, 16),
            st.integers(0, (1 << 16) - 1),
        )
    ),
    st.integers(2, 8),
)
def test_every_prefix_is_in_exactly_one_of_few_blocks(prefixes, most):
    blocks = covering_blocks(prefixes, most)
    assert len(blocks) <= most
    for prefix in prefixes:
        assert sum(block.covers(prefix) for block in blocks) == 1
    for block in blocks:
        assert any(block.covers(prefix) for prefix in prefixes)
    if len(set(prefixes)) <= most:
        assert all(any(block == prefix for prefix in prefixes) for block in blocks)


def test_neighbours_share_a_block_and_what_is_far_apart_does_not():
    prefixes = [parse_prefix(f"198.51.100.{number}/32") for number in range(0, 64, 2)]
    far = [parse_prefix("10.0.0.0/8"), parse_prefix("2001:db8::/48"), parse_prefix("2001:db8:1::/48")]
    assert names(covering_blocks([*prefixes, *far], 4)) == [
        "10.0.0.0/8",
        "198.51.100.0/26",
        "2001:db8::/48",
        "2001:db8:1::/48",
    ]


def test_a_prefix_that_covers_others_is_one_with_them():
    assert names(covering_blocks(map(parse_prefix, ("0.0.0.0/0", "10.0.0.0/8", "192.0.2.0/24")), 8)) == ["0.0.0.0/0"]
    assert covering_blocks([], 8) == []
