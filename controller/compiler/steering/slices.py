"""Parts of traffic by the last bits of source addresses, as the fewest rules that tell them apart.

A value for each of the ``SLICES`` parts becomes one rule for all and, above it, rules for those that differ. Those lie
side by side, never within each other: a packet meets at most one of them, and else the rule for all.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final, TypeVar

from controller.domain.rules import SourceSlice
from controller.domain.steering import SLICES, SOURCE_BITS

T = TypeVar("T")


def _reversed_bits(number: int) -> int:
    return int(f"{number:0{SOURCE_BITS}b}"[::-1], 2)


IN_ORDER: Final = tuple(_reversed_bits(number) for number in range(SLICES))
"""Parts in the order in which a run of any length takes few rules: by last bits, 0, 8, 4, 12, 2, ..."""


def spread(values: Sequence[T]) -> tuple[T, ...]:
    """A value for each part; one for all may be given alone. ``ValueError`` for any other number of them."""
    if len(values) not in (1, SLICES):
        raise ValueError(f"{len(values)} values are neither one for all nor {SLICES}")
    return tuple(values) * SLICES if len(values) == 1 else tuple(values)


def as_few(values: Sequence[T]) -> tuple[T, ...]:
    """One value alone, if all are the same."""
    return (values[0],) if all(value == values[0] for value in values) else tuple(values)


def most_common(values: Sequence[T]) -> T:
    """The value of most parts: of equally many the one of the lowest part."""
    counted = Counter(values)  # in the order of first appearance
    return max(counted, key=lambda value: counted[value])


def told_apart(values: Sequence[T]) -> Iterator[tuple[SourceSlice | None, T]]:
    """(which part, value): the value for all (``None``) first, then those that differ. ``ValueError`` as ``spread``."""
    every = spread(values)
    base = most_common(every)
    yield None, base
    yield from _below(every, base, SourceSlice(0, 0))


def _below(values: Sequence[T], base: T, part: SourceSlice) -> Iterator[tuple[SourceSlice, T]]:
    """What differs from ``base`` among the addresses that end in the bits of ``part``."""
    here = values[part.value :: 1 << part.width]
    if all(value == base for value in here):
        return
    if all(value == here[0] for value in here):
        yield part, here[0]
        return
    for bit in (0, 1):
        yield from _below(values, base, SourceSlice(part.value | bit << part.width, part.width + 1))
