"""From one table of prefixes to another in portions, so that no change of the network takes long.

A first table of 100,000 prefixes takes half a minute to write to a dozen switches. What is lost meanwhile must not wait
for its end, so a portion is a change of its own, and what is urgent comes between.

An order in which an address never goes where neither table says, whichever part of it is done: first what is new or
other is set, *longer prefixes before the shorter ones that cover them*; then what is no more is taken away, *shorter
ones before the longer ones in them*. For take an address, its longest prefix in the old table and that in the new.
While things are set, a new prefix that holds the address is there only if the longest new one is: so the address has
the old meaning, or the longer of the two counts. While things are taken away, an old prefix that is left is the longest
old one, or the address has no old one but what is in both tables: again the longer of the two counts, or the new one.
Prefixes of which none covers the other may come in any order; so neighbours go together.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from controller.domain.prefixes import ADDRESS_BITS, Prefix
from controller.domain.steering import DestinationGroup, PrefixTable


class Portion(NamedTuple):
    """``table`` is what devices are to have next; from there it is so many changes (``left``) to what is wanted."""

    table: PrefixTable
    left: int


def next_portion(now: PrefixTable, wanted: PrefixTable, most: int) -> Portion:
    """At most ``most`` prefixes further. Sixty thousand prefixes take a tenth of a second."""
    if now == wanted:
        return Portion(wanted, 0)
    table, goal = dict(now.routes), dict(wanted.routes)
    to_set = [prefix for prefix, group in wanted.routes if table.get(prefix) != group]
    to_drop = [prefix for prefix, _ in now.routes if prefix not in goal]  # sorted: shorter ones first
    left = len(to_set) + len(to_drop) - most
    if left <= 0:
        return Portion(wanted, 0)
    for prefix in sorted(to_set, key=_covered_first)[:most]:
        table[prefix] = goal[prefix]
    for prefix in to_drop[: max(0, most - len(to_set))]:
        del table[prefix]
    return Portion(PrefixTable(routes=tuple(sorted(table.items()))), left)


def all_or_nothing(now: PrefixTable, wanted: PrefixTable, most: int) -> Portion:
    """What is wanted if it is at most so many prefixes away; else all stays."""
    found = next_portion(now, wanted, most)
    return found if not found.left else Portion(now, found.left + most)


def led_to(
    table: PrefixTable, groups: tuple[DestinationGroup, ...], before: Iterable[DestinationGroup]
) -> tuple[DestinationGroup, ...]:
    """``groups``, and those of ``before`` that prefixes of the table still are in; by number."""
    known = {group.number for group in groups}
    used = {number for _, number in table.routes} - known
    return tuple(sorted((*groups, *(group for group in before if group.number in used)), key=lambda one: one.number))


def _covered_first(prefix: Prefix) -> tuple[int, int, int]:
    """By the last address; of those that end alike the longer first."""
    last = prefix.bits | (1 << ADDRESS_BITS[prefix.version] - prefix.length) - 1
    return prefix.version, last, -prefix.length
