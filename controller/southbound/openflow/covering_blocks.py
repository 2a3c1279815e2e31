"""A few blocks of addresses that hold some prefixes, and little else. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from heapq import heappop, heappush

from controller.domain.prefixes import ADDRESS_BITS, Prefix


def covering_blocks(prefixes: Iterable[Prefix], most: int) -> list[Prefix]:
    """At most ``most`` blocks (two at least: one for each IP version), each prefix in one of them. The largest block is
    parted as long as that may be, so that neighbours share one; a prefix that covers others is one with them."""
    known = sorted(set(prefixes))
    waiting: list[tuple[int, Prefix, list[Prefix]]] = []
    for version in ADDRESS_BITS:
        _put(waiting, [prefix for prefix in known if prefix.version == version])
    whole: list[Prefix] = []
    while waiting and len(waiting) + len(whole) < most:
        _, block, members = heappop(waiting)
        if members[0] == block:
            whole.append(block)  # sorted: what covers others stands before them
            continue
        middle = block.bits | 1 << ADDRESS_BITS[block.version] - block.length - 1
        _put(waiting, [prefix for prefix in members if prefix.bits < middle])
        _put(waiting, [prefix for prefix in members if prefix.bits >= middle])
    return sorted((*whole, *(block for _, block, _ in waiting)))


def _put(waiting: list[tuple[int, Prefix, list[Prefix]]], members: list[Prefix]) -> None:
    if members:
        block = _common(members)
        heappush(waiting, (_size(block), block, members))


def _size(block: Prefix) -> int:
    """The less, the larger. An IPv6 block counts for one of IPv4 with half its bits: what is announced is twice as long
    there."""
    return block.length if block.version == 4 else block.length // 2


def _common(members: list[Prefix]) -> Prefix:
    """The longest prefix that covers all; they are sorted."""
    width = ADDRESS_BITS[members[0].version]
    alike = width - (members[0].bits ^ members[-1].bits).bit_length()
    length = min(alike, min(prefix.length for prefix in members))
    return Prefix(members[0].version, members[0].bits >> width - length << width - length, length)
