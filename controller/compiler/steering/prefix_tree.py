"""Prefixes of one IP version as a binary tree with compressed branches (a PATRICIA tree, Morrison 1968).

A node is there for each prefix that has a label, and where two branches part. So there are fewer than twice as many
nodes as prefixes, however long these are.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from controller.domain.prefixes import ADDRESS_BITS


class Node:
    """``label`` is the prefix's own, ``None`` if it has none; ``meant`` is what holds for addresses that no longer
    prefix holds: its own or that of the nearest one above. The other fields belong to ``ortc``."""

    __slots__ = ("bits", "children", "inherited", "label", "length", "meant", "parent", "rules", "wanted")

    def __init__(self, bits: int, length: int, parent: Node | None) -> None:
        self.bits = bits
        self.length = length
        self.parent = parent
        self.children: list[Node | None] = [None, None]
        self.label: int | None = None
        self.meant = 0
        self.wanted: frozenset[int] = frozenset()
        self.inherited: int | None = None
        self.rules: tuple[tuple[int, int, int], ...] = ()


class PrefixTree:
    """``default`` is the label of all that no prefix holds; it is the root's for good, and counts for no prefix."""

    def __init__(self, version: int, default: int) -> None:
        self.width: Final = ADDRESS_BITS[version]
        self.root: Final = Node(0, 0, None)
        self.root.meant = default
        self._default = default
        self._last = self.root

    def put(self, bits: int, length: int, label: int) -> list[Node]:
        """Give a prefix a label. The nodes that are new or hang elsewhere, the prefix's own first."""
        node, changed = self._found(bits, length)
        node.label = label
        return changed

    def drop(self, bits: int, length: int) -> tuple[list[Node], list[Node]]:
        """Take a prefix's label away. The nodes that are left and may have changed, and those that are gone."""
        node = self._nearest(bits, length)
        assert (node.bits, node.length) == (bits, length), "what is taken away was put there"
        node.label = None
        changed, gone = [node], list[Node]()
        # A node without a label and with one child at most says nothing that its parent could not say.
        while node.parent is not None and node.label is None and None in node.children:
            parent, child = node.parent, node.children[0] or node.children[1]
            parent.children[self.bit(node.bits, parent.length)] = child
            changed = [parent]
            if child is not None:
                child.parent = parent
                changed.append(child)
            gone.append(node)
            node.parent = None
            node = parent
        if self._last in gone:
            self._last = node
        return changed, gone

    def bit(self, bits: int, position: int) -> int:
        """The bit of an address at a position counted from the left; that in which a prefix of this length branches."""
        return bits >> self.width - 1 - position & 1

    def below(self, node: Node) -> Iterator[Node]:
        """The node and those under it that take their meaning from above: down to labels of their own."""
        waiting = [node]
        while waiting:
            node = waiting.pop()
            yield node
            waiting += [child for child in node.children if child is not None and child.label is None]

    def meaning_above(self, node: Node) -> int:
        return self._default if node.parent is None else node.parent.meant

    def _found(self, bits: int, length: int) -> tuple[Node, list[Node]]:
        """The node of a prefix, put in where there is none."""
        node = self._nearest(bits, length)
        self._last = node
        if node.length == length:
            return node, [node]
        side = self.bit(bits, node.length)
        child = node.children[side]
        new = Node(bits, length, node)
        self._last = new
        if child is None:
            node.children[side] = new
            return new, [new, node]
        common = self.width - (child.bits ^ bits).bit_length()
        if common >= length:
            node.children[side] = new
            self._hang(new, child)
            return new, [new, node, child]
        fork = Node(bits >> self.width - common << self.width - common, common, node)
        node.children[side] = fork
        self._hang(fork, child)
        self._hang(fork, new)
        return new, [new, fork, node, child]

    def _hang(self, parent: Node, child: Node) -> None:
        parent.children[self.bit(child.bits, parent.length)] = child
        child.parent = parent

    def _nearest(self, bits: int, length: int) -> Node:
        """The node of the longest prefix that covers this one, or its own. Looked for from where the last one was put:
        sorted prefixes lie beside each other."""
        node = self._last
        while not self._covers(node, bits, length):
            assert node.parent is not None, "the root covers all"
            node = node.parent
        while node.length < length:
            child = node.children[self.bit(bits, node.length)]
            if child is None or not self._covers(child, bits, length):
                break
            node = child
        return node

    def _covers(self, node: Node, bits: int, length: int) -> bool:
        return node.length <= length and not (node.bits ^ bits) >> self.width - node.length
