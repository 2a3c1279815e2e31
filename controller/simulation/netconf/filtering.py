"""Subtree filters (RFC 6241, section 6): of a configuration what is asked for. Attributes are not matched. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from copy import deepcopy

from lxml import etree


def selected(config: Iterable[etree._Element], wanted: Iterable[etree._Element]) -> list[etree._Element]:
    """Copies of what the filter's elements select; of nothing nothing."""
    config = list(config)
    filters = list(wanted)
    found = (_one(element, [one for one in filters if _is(element, one)]) for element in config)
    return [element for element in found if element is not None]


def _one(element: etree._Element, filters: list[etree._Element]) -> etree._Element | None:
    """What the filters that name this element select of it, together."""
    if any(not len(one) for one in filters):  # a selection node: all of it
        return deepcopy(element)
    matching = [one for one in filters if all(_matches(element, test) for test in _tests(one))]
    if not matching:
        return None
    inner = [part for one in matching for part in one if not _is_test(part)]
    if any(all(map(_is_test, one)) for one in matching):
        return deepcopy(element)  # it says which, and nothing about what of it
    found = etree.Element(element.tag, nsmap=element.nsmap)
    for child in element:
        parts = [part for part in inner if _is(child, part)]
        kept = deepcopy(child) if any(_is(child, test) for one in matching for test in _tests(one)) else None
        if kept is None and parts:
            kept = _one(child, parts)
        if kept is not None:
            found.append(kept)
    return found if len(found) else None


def _tests(one: etree._Element) -> Iterator[etree._Element]:
    return (part for part in one if _is_test(part))


def _is_test(part: etree._Element) -> bool:
    """Whether it is a content match node: a leaf with the value that it must have."""
    return not len(part) and bool(part.text and part.text.strip())


def _matches(element: etree._Element, test: etree._Element) -> bool:
    return any(_is(child, test) and (child.text or "").strip() == test.text.strip() for child in element)


def _is(element: etree._Element, named: etree._Element) -> bool:
    """Whether a filter's element names this one; without a namespace it names it in any."""
    want, have = etree.QName(named), etree.QName(element)
    return want.localname == have.localname and want.namespace in (None, have.namespace)
