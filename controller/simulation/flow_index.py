"""Flows by table and by the addresses that they are for: of 100,000 a question may mean ten."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator

from controller.domain.prefixes import ADDRESS_BITS, ANY_IPV4, ANY_IPV6, Prefix
from controller.domain.rules import FlowRule, Match, RuleKey, Table

_WHOLE = frozenset((ANY_IPV4, ANY_IPV6))


class _OfTable:
    """The flows of one table, those that ask for a prefix apart."""

    def __init__(self) -> None:
        self.others: dict[RuleKey, FlowRule] = {}
        self._at: dict[Prefix, dict[RuleKey, FlowRule]] = {}
        self._sorted: list[Prefix] = []
        self._new: list[Prefix] = []
        """Not sorted yet; a flood of flows is sorted once, when somebody asks."""

    def put(self, key: RuleKey, rule: FlowRule) -> None:
        prefix = rule.match.ip_dst
        if prefix is None:
            self.others[key] = rule
            return
        if prefix not in self._at:
            self._at[prefix] = {}
            self._new.append(prefix)
        self._at[prefix][key] = rule

    def take_out(self, key: RuleKey, prefix: Prefix | None) -> None:
        if prefix is None:
            del self.others[key]
            return
        del self._at[prefix][key]  # the prefix stays: it comes back as often as not

    def all(self) -> Iterator[FlowRule]:
        yield from self.others.values()
        for rules in self._at.values():
            yield from rules.values()

    def within(self, block: Prefix) -> Iterator[FlowRule]:
        """Those for a prefix in this one."""
        if self._new:
            self._sorted += self._new
            self._sorted.sort()
            self._new = []
        end = block.bits + (1 << ADDRESS_BITS[block.version] - block.length)
        first = bisect_left(self._sorted, block)
        for prefix in self._sorted[first : bisect_left(self._sorted, Prefix(block.version, end, 0))]:
            yield from self._at[prefix].values()


class FlowIndex:
    """What stands in the tables of a switch, for those who look for some of it."""

    def __init__(self) -> None:
        self._tables: defaultdict[Table, _OfTable] = defaultdict(_OfTable)

    def put(self, key: RuleKey, rule: FlowRule) -> None:
        self._tables[rule.table].put(key, rule)

    def take_out(self, key: RuleKey, rule: FlowRule) -> None:
        self._tables[rule.table].take_out(key, rule.match.ip_dst)

    def candidates(self, table: Table | None, match: Match) -> Iterator[FlowRule]:
        """All flows that a question for this table (``None``: any) and match can mean, and others."""
        for one in [*self._tables.values()] if table is None else [self._tables[table]]:
            if match.ip_dst is None or match.ip_dst in _WHOLE:
                yield from one.all()
            else:
                yield from one.others.values()  # answers to pings ask for an address in their own way
                yield from one.within(match.ip_dst)
