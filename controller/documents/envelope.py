"""The outer form that every document has (apiVersion and kind), and who reads which kind."""

from __future__ import annotations

from typing import Final

from controller.documents.faults import FaultLog
from controller.documents.fields import described
from controller.documents.files import decode
from controller.documents.scalars import Unusable
from controller.documents.shape import Document
from controller.documents.yaml_tree import Mapping, Node, Scalar, parse_documents, python_value
from controller.domain.errors import Reason
from controller.domain.spelling import did_you_mean

API_VERSION: Final = "trunkline/v1"
TOPOLOGY: Final = "Topology"
PRIVATE_LINE: Final = "PrivateLine"
EGRESS_POLICY: Final = "EgressPolicy"
KINDS: Final = (TOPOLOGY, PRIVATE_LINE, EGRESS_POLICY)


def open_documents(data: str | bytes, log: FaultLog, *wanted: str) -> list[Document]:
    """Return the documents of the ``wanted`` kinds in a file; faults of its form and of every envelope go to ``log``.

    A file may hold documents of several kinds: those of another known kind are left to their own reader. A file
    with none of the wanted kinds is refused.
    """
    text = decode(data, log)
    if text is None:
        return []
    roots = parse_documents(text, log)
    if not roots and not log.count:
        log.add(Reason.INVALID_FORMAT, "", "holds no document", line=1)
    opened = [(kind, root) for kind, root in ((_kind(root, index, log), root) for index, root in enumerate(roots))]
    documents = [
        Document(root, index, log, kind)
        for index, (kind, root) in enumerate(opened)
        if kind in wanted and isinstance(root, Mapping)
    ]
    if not documents and not log.count:
        found = ", ".join(sorted({kind for kind, _ in opened if kind is not None}))
        log.add(Reason.INVALID_VALUE, "kind", f"holds no {' or '.join(wanted)}, only {found}", line=roots[0].line)
    return documents


def _kind(root: Node, index: int, log: FaultLog) -> str | None:
    """The kind of a document; ``None`` (and a fault) when its envelope cannot be right."""
    if not isinstance(root, Mapping):
        empty = isinstance(root, Scalar) and isinstance(root.value, Unusable)
        found = "empty" if empty else described(python_value(root))
        message = f"a document is a mapping of apiVersion, kind, metadata and spec; this one is {found}"
        log.add(Reason.INVALID_FORMAT, "", message, line=root.line, document=index)
        return None
    version = _word(root, "apiVersion", (API_VERSION,), index, log)
    kind = _word(root, "kind", KINDS, index, log)
    return kind if version is not None else None


def _word(root: Mapping, key: str, known: tuple[str, ...], index: int, log: FaultLog) -> str | None:
    """The value of a key that must be one of the words known."""
    if key not in root.entries:
        message = f"is missing: write it as in '{key}: {known[-1]}'"
        log.add(Reason.MISSING_PROPERTY, key, message, line=root.line, document=index)
        return None
    line, node = root.entries[key]
    value = python_value(node)
    if isinstance(value, str) and value in known:
        return value
    hint = did_you_mean(value, known) if isinstance(value, str) else ""
    message = f"expected {_either(known)}, not {described(value)}{hint}"
    log.add(Reason.INVALID_VALUE, key, message, line=line, document=index)
    return None


def _either(words: tuple[str, ...]) -> str:
    *first, last = words
    return f"{', '.join(first)} or {last}" if first else last
