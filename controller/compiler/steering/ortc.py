"""The fewest prefix rules that mean the same: Optimal Routing Table Constructor (Draves, King, Venkatachary and Zill,
"Constructing optimal IP routing tables", INFOCOM 1999), for both IP versions, and kept up as prefixes change.

The method fills the binary tree of addresses so that each node has two children or none, works out from the leaves up
which labels a node could have at least cost (what both children want, else what either does), and hands labels down
from the root: a node that wants what it inherits needs no rule. Here branches are compressed (``prefix_tree``), and
what the method does along a branch is said in one step: on a branch with siblings that all mean ``g``, the nodes but
the lowest want ``g`` alone, and that one wants ``g`` and perhaps what is below it. What nobody has a rule for has the
default label, which costs nothing; in the original the root costs a rule, too. A change works through the nodes whose
wants or inheritance it changes, and ends where the whole would end if it were begun anew: ties go to the least label.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping

from controller.compiler.steering.prefix_tree import Node, PrefixTree
from controller.domain.prefixes import ADDRESS_BITS, Prefix
from controller.domain.steering import ELSEWHERE

Rule = tuple[int, int, int]
"""Address bits, length, label."""

_FEW = 1_000
"""So many changes are put into a sorted table one by one; more of them, and it is sorted again."""


def fewest(routes: Iterable[tuple[Prefix, int]], default: int = ELSEWHERE) -> tuple[tuple[Prefix, int], ...]:
    """The fewest routes, sorted, by which every address has the label that its longest prefix among ``routes`` gives
    it, or ``default`` where there is none. 100,000 prefixes take one to two seconds."""
    rules = FewestRules(default)
    rules.change(dict(routes))
    return rules.routes


class FewestRules:
    """The fewest rules for labels of prefixes that change. 2 kB a prefix."""

    def __init__(self, default: int = ELSEWHERE) -> None:
        self._default = default
        self._trees = {version: _Tree(version, default) for version in ADDRESS_BITS}
        self._labels: dict[Prefix, int] = {}
        self._routes: list[tuple[Prefix, int]] = []

    @property
    def routes(self) -> tuple[tuple[Prefix, int], ...]:
        """All rules as routes, sorted."""
        return tuple(self._routes)

    def change(self, labels: Mapping[Prefix, int | None]) -> dict[Prefix, int | None]:
        """Give prefixes labels, or (``None``) take theirs away. The rules that are now others, or (``None``) gone."""
        of_version: dict[int, list[tuple[Prefix, int | None]]] = {version: [] for version in self._trees}
        for prefix, label in sorted(labels.items()):
            if self._labels.get(prefix) != label:
                of_version[prefix.version].append((prefix, label))
        changed: dict[Prefix, int | None] = {}
        for version, new in of_version.items():
            if not new:
                continue
            for prefix, label in new:
                if label is None:
                    del self._labels[prefix]
                else:
                    self._labels[prefix] = label
            for (bits, length), label in self._trees[version].change(new).items():
                changed[Prefix(version, bits, length)] = label
        self._keep_sorted(changed)
        return changed

    def _keep_sorted(self, changed: Mapping[Prefix, int | None]) -> None:
        if len(changed) > _FEW:
            kept = [route for route in self._routes if route[0] not in changed]
            self._routes = sorted(kept + [(prefix, label) for prefix, label in changed.items() if label is not None])
            return
        for prefix, label in changed.items():
            place = bisect_left(self._routes, prefix, key=_prefix_of)
            there = place < len(self._routes) and self._routes[place][0] == prefix
            self._routes[place : place + there] = [] if label is None else [(prefix, label)]


class _Tree:
    """The method for one IP version."""

    def __init__(self, version: int, default: int) -> None:
        self._tree = PrefixTree(version, default)
        self._alone: dict[int, frozenset[int]] = {}
        root = self._tree.root
        root.wanted, root.inherited = self._only(default), default

    def change(self, labels: Iterable[tuple[Prefix, int | None]]) -> dict[tuple[int, int], int | None]:
        """The rules that are then others, or (``None``) gone, by bits and length. ``labels`` is sorted, and each is
        another than before."""
        dirty, gone = self._planted(labels)
        levels: list[dict[Node, None]] = [{} for _ in range(self._tree.width + 1)]
        self._mean(dirty, levels)
        self._want(levels)
        old, new = self._rule(levels)
        old += [rule for node in gone for rule in node.rules]
        before = {(bits, length): label for bits, length, label in old}
        now: dict[tuple[int, int], int | None] = {(bits, length): label for bits, length, label in new}
        found = {place: label for place, label in now.items() if before.get(place) != label}
        found |= {place: None for place in before if place not in now}
        return found

    def _planted(self, labels: Iterable[tuple[Prefix, int | None]]) -> tuple[list[Node], list[Node]]:
        """Labels put on nodes. The nodes that this may change, and those that it removed."""
        dirty: dict[Node, None] = {}
        gone: list[Node] = []
        for (_, bits, length), label in labels:
            if label is None:
                changed, removed = self._tree.drop(bits, length)
                for node in removed:
                    dirty.pop(node, None)
                gone += removed
            else:
                changed = self._tree.put(bits, length, label)
            dirty.update(dict.fromkeys(changed))
        return sorted(dirty, key=_by_length), gone

    def _mean(self, dirty: Iterable[Node], levels: list[dict[Node, None]]) -> None:
        """What the nodes mean, and those that take their meaning from them; all put down by level. Nodes come from the
        top down."""
        for node in dirty:
            meant = node.label if node.label is not None else self._tree.meaning_above(node)
            levels[node.length][node] = None
            if meant == node.meant:
                continue
            for other in self._tree.below(node):
                other.meant = meant
                levels[other.length][other] = None

    def _want(self, levels: list[dict[Node, None]]) -> None:
        """From the leaves up: which labels nodes want. Those above a node whose want is another are put down, too."""
        for level in reversed(levels):
            for node in level:
                wanted = self._wanted(node)
                if wanted != node.wanted:
                    node.wanted = wanted
                    if node.parent is not None:
                        levels[node.parent.length][node.parent] = None

    def _wanted(self, node: Node) -> frozenset[int]:
        zero, one = node.children
        mine = self._only(node.meant)
        if zero is None and one is None:
            return mine
        left = mine if zero is None else self._wanted_at_top(node, zero)
        right = mine if one is None else self._wanted_at_top(node, one)
        return left & right or left | right

    def _wanted_at_top(self, node: Node, child: Node) -> frozenset[int]:
        """What the first node on the branch to a child wants; the nodes that the branch leaves out each have a sibling
        that means what ``node`` does."""
        left_out = child.length - node.length - 1
        if not left_out:
            return child.wanted
        mine = self._only(node.meant)
        if left_out == 1:
            return child.wanted & mine or child.wanted | mine
        return mine

    def _rule(self, levels: list[dict[Node, None]]) -> tuple[list[Rule], list[Rule]]:
        """From the root down: the rules of nodes before and now, where these differ."""
        old: list[Rule] = []
        new: list[Rule] = []
        for level in levels:
            for node in level:
                now = tuple(self._rules(node, levels))
                if now != node.rules:
                    old += node.rules
                    new += now
                    node.rules = now
        return old, new

    def _rules(self, node: Node, levels: list[dict[Node, None]]) -> Iterator[Rule]:
        """The node's own rule and those on the branches below it; children that inherit another label than before are
        put down."""
        label = node.inherited
        assert label is not None, "those above have handed down"
        if label not in node.wanted:
            label = min(node.wanted)
            yield node.bits, node.length, label
        for side, child in enumerate(node.children):
            if child is None:
                if label != node.meant:  # never so at a leaf, which wants nothing else
                    yield *self._top(node, side), node.meant
                continue
            handed = label
            left_out = child.length - node.length - 1
            if left_out:
                wanted = self._wanted_at_top(node, child)
                if handed not in wanted:
                    handed = min(wanted)
                    yield *self._top(node, side), handed
                if left_out == 1 and handed != node.meant:
                    yield child.bits ^ 1 << self._tree.width - child.length, child.length, node.meant
            if child.inherited != handed:
                child.inherited = handed
                levels[child.length][child] = None

    def _top(self, node: Node, side: int) -> tuple[int, int]:
        """The prefix of one half of a node's addresses."""
        return node.bits | side << self._tree.width - 1 - node.length, node.length + 1

    def _only(self, label: int) -> frozenset[int]:
        """One set for each label, not one for each node."""
        return self._alone.setdefault(label, frozenset((label,)))


def _by_length(node: Node) -> int:
    return node.length


def _prefix_of(route: tuple[Prefix, int]) -> Prefix:
    return route[0]
