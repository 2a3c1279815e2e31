"""The payload of an edit-config: what each entry is to be, printed by the YANG library, marked with what to do."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from lxml import etree

from controller.southbound.netconf.edits import Edits
from controller.southbound.netconf.model import Model
from controller.southbound.netconf.tree import Tree, with_entry

BASE = "urn:ietf:params:xml:ns:netconf:base:1.0"
_OPERATION = f"{{{BASE}}}operation"


def config_element(model: Model, wanted: Edits) -> etree._Element:
    """``<config>`` with every entry replaced, or removed where it is to be gone (RFC 6241, 7.2): both can be repeated,
    and neither leaves a trace of what stood there. ``NotValid`` when a value cannot be."""
    config = etree.Element(f"{{{BASE}}}config", nsmap={"nc": BASE})
    for operation, gone in (("remove", True), ("replace", False)):
        part: Tree = {}
        paths = []
        for where, entry in wanted.items():
            if (entry is None) is gone:
                part = with_entry(part, where, {where.key: where.value} if entry is None else entry)
                paths.append(where.path)
        for root in model.to_xml(part) if part else ():  # most edits are all of one kind
            for path in dict.fromkeys(paths):
                for element in _elements(root, path):
                    element.set(_OPERATION, operation)
            config.append(root)
    return config


def filter_element(model: Model, roots: Iterable[str]) -> etree._Element:
    """A subtree filter for whole top-level containers (``module:name``)."""
    element = etree.Element(f"{{{BASE}}}filter", {"type": "subtree"}, nsmap={None: BASE})
    element.extend(model.to_xml({root: {} for root in roots}))
    return element


def _elements(root: etree._Element, path: tuple[str, ...]) -> Iterator[etree._Element]:
    top, *inner = (name.rpartition(":")[2] for name in path)
    found = [root] if etree.QName(root).localname == top else []
    for name in inner:
        found = [child for element in found for child in element if etree.QName(child).localname == name]
    yield from found
