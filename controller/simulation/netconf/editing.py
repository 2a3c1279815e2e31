"""What an edit-config does to a configuration (RFC 6241, 7.2), as XML. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from copy import deepcopy
from enum import StrEnum

from lxml import etree

from controller.simulation.netconf.messages import BASE, RpcError

OPERATION = f"{{{BASE}}}operation"

ListKeys = Mapping[tuple[str, ...], tuple[str, ...]]
"""The key leaves of each list by its path (local names); of a leaf-list ``.``, for its value."""


class Operation(StrEnum):
    MERGE = "merge"
    REPLACE = "replace"
    CREATE = "create"
    DELETE = "delete"
    REMOVE = "remove"
    NONE = "none"


def edited(
    config: Iterable[etree._Element], edits: Iterable[etree._Element], keys: ListKeys, default: Operation
) -> list[etree._Element]:
    """The configuration after the edits; the one given stays as it is. ``RpcError`` when an entry that is to be
    created is there, or one that is to be deleted is not."""
    root = etree.Element("config")
    root.extend(deepcopy(element) for element in config)
    for edit in edits:
        _apply(root, edit, (), default, keys)
    return list(root)


def bare(edits: Iterable[etree._Element]) -> list[etree._Element]:
    """The edits as data: without operations, and without leaves that are to go and whose value nobody said."""
    copies = [deepcopy(edit) for edit in edits]
    for copy in copies:
        for element in list(copy.iter()):
            operation = element.attrib.pop(OPERATION, None)
            parent = element.getparent()
            if operation in (Operation.DELETE, Operation.REMOVE) and parent is not None and not _says_anything(element):
                parent.remove(element)
        etree.cleanup_namespaces(copy)
    return copies


def _apply(
    parent: etree._Element, edit: etree._Element, above: tuple[str, ...], inherited: Operation, keys: ListKeys
) -> None:
    path = (*above, etree.QName(edit).localname)
    operation = _operation(edit, inherited, path)
    there = _find(parent, edit, keys.get(path))
    match operation:
        case Operation.DELETE | Operation.REMOVE:
            if there is not None:
                parent.remove(there)
            elif operation is Operation.DELETE:
                raise RpcError("data-missing", "what is to be deleted is not there", path="/" + "/".join(path))
        case Operation.CREATE if there is not None:
            raise RpcError("data-exists", "what is to be created is there", path="/" + "/".join(path))
        case Operation.CREATE | Operation.REPLACE:
            (new,) = bare([edit])
            _put(parent, there, new)
        case Operation.MERGE | Operation.NONE:
            if there is None:
                if operation is Operation.NONE:
                    raise RpcError("data-missing", "what is to be edited is not there", path="/" + "/".join(path))
                there = etree.SubElement(parent, edit.tag, nsmap=edit.nsmap)
            if not len(edit):
                if operation is Operation.MERGE:
                    there.text = edit.text
                return
            for inner in edit:
                _apply(there, inner, path, operation, keys)


def _operation(edit: etree._Element, inherited: Operation, path: Sequence[str]) -> Operation:
    said = edit.get(OPERATION)
    if said is None:
        return inherited
    if said not in list(Operation):
        raise RpcError("bad-attribute", f"there is no operation {said!r}", path="/" + "/".join(path))
    return Operation(said)


def _put(parent: etree._Element, there: etree._Element | None, new: etree._Element) -> None:
    if there is None:
        parent.append(new)
    else:
        parent.replace(there, new)


def _find(parent: etree._Element, edit: etree._Element, keys: tuple[str, ...] | None) -> etree._Element | None:
    """The same instance as the edit is about, if it is there."""
    for candidate in parent.iterchildren(edit.tag):
        if keys is None or all(_value(candidate, key) == _value(edit, key) for key in keys):
            found: etree._Element = candidate
            return found
    return None


def _value(element: etree._Element, key: str) -> str:
    at = element if key == "." else element.find(f"{{{etree.QName(element).namespace}}}{key}")
    return "" if at is None or at.text is None else str(at.text).strip()


def _says_anything(element: etree._Element) -> bool:
    return len(element) > 0 or bool(element.text and element.text.strip())
