"""Holds a tree against a model, and tells pydantic's errors in our words, at the field and line where they are."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final, TypeVar, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from controller.documents.faults import FaultLog
from controller.documents.fields import described
from controller.documents.scalars import TOLD, Unusable
from controller.documents.yaml_tree import Mapping, Node, Scalar, Sequence, line_of, lines_of, python_value
from controller.domain.errors import Reason
from controller.domain.spelling import did_you_mean

M = TypeVar("M", bound=BaseModel)

Loc = tuple[int | str, ...]

# What a missing key could be given, for the message.
_EXAMPLES: Final = {
    "name": "pe-bj", "tenant": "acme", "role": "pe", "driver": "openflow", "datapathId": '"0000000000000001"',
    "host": "192.0.2.1", "username": "trunkline", "keyFile": "keys/id", "lat": "39.90", "lon": "116.40",
    "a": "...", "z": "...", "aPort": "1", "zPort": "1", "port": "11", "node": "pe-bj", "site": "dc-bj-1",
    "capacity": "100Gbps", "bandwidth": "500Mbps", "delay": "3.4ms", "region": "north-america",
    "from": "{regions: [guangdong]}", "to": "{region: north-america}", "demand": "40Gbps",
    "mac": '"02:00:00:00:00:01"', "ip": "192.0.2.1",
}  # fmt: skip


@dataclass
class Document:
    """One document of a file: its tree, and the log that its faults go to."""

    root: Mapping
    index: int
    log: FaultLog = field(repr=False)
    kind: str = ""

    @cached_property
    def lines(self) -> dict[str, int]:
        return lines_of(self.root)

    def line(self, path: str) -> int:
        """The line of a field, or of the nearest thing around it that is written."""
        return line_of(self.lines, path)

    def refuse(self, reason: Reason, path: str, message: str, *, line: int | None = None) -> None:
        where = self.line(path) if line is None else line
        self.log.add(reason, path, message, line=where, document=self.index)


def read_shape(model: type[M], node: Node, path: str, document: Document) -> M | None:
    """Return a node as a model; ``None``, and every fault told to the document, when it does not fit.

    ``path`` is the field at which the node stands.
    """
    try:
        return model.model_validate(python_value(node))
    except ValidationError as error:
        for detail in error.errors(include_url=False, include_input=False):
            if document.log.full:
                document.refuse(Reason.INVALID_VALUE, path, "", line=node.line)
                continue
            _tell(detail, model, node, path, document)
        return None


def _tell(detail: ErrorDetails, model: type[BaseModel], node: Node, path: str, document: Document) -> None:
    found, path, line, rest = _follow(node, path, detail["loc"])
    if detail["type"] == "union_tag_invalid":
        found, path, line, rest = _follow(found, path, ("driver",))
    if isinstance(found, Scalar) and found.value is TOLD:
        return
    context = detail.get("ctx", {})
    match detail["type"]:
        case "extra_forbidden":
            key = str(detail["loc"][-1])
            known = _keys(model, detail["loc"][:-1])
            hint = did_you_mean(key, known) or f"; known here: {', '.join(known)}"
            document.refuse(Reason.UNEXPECTED_PROPERTY, path, f"unknown key '{key}'{hint}", line=line)
        case "missing" | "union_tag_not_found":
            key = str(rest[-1]) if detail["type"] == "missing" else "driver"
            path = f"{path}.{key}" if path else key
            example = f": write it as in '{key}: {_EXAMPLES[key]}'" if key in _EXAMPLES else ""
            document.refuse(Reason.MISSING_PROPERTY, path, f"is missing{example}", line=line)
        case "value_error":
            document.refuse(Reason.INVALID_VALUE, path, str(context["error"]), line=line)
        case "too_short":
            document.refuse(Reason.INVALID_VALUE, path, "is empty: name at least one", line=line)
        case _ if isinstance(found, Scalar) and isinstance(found.value, Unusable):
            document.refuse(Reason.INVALID_VALUE, path, found.value.why, line=line)
        case "union_tag_invalid":
            message = f"expected one of {context['expected_tags']}, not {described(python_value(found))}"
            document.refuse(Reason.INVALID_VALUE, path, message, line=line)
        case kind:
            expected = {"list_type": "a list", "dict_type": "a mapping", "model_type": "a mapping"}.get(kind)
            was = described(python_value(found))
            message = f"expected {expected}, not {was}" if expected is not None else f"{detail['msg']}, not {was}"
            document.refuse(Reason.INVALID_VALUE, path, message, line=line)


def _follow(node: Node, path: str, loc: Loc) -> tuple[Node, str, int, Loc]:
    """Walk from a node along an error's location as far as that is written: the node there, its path, its line, and
    the rest of the location. Tags of a union and the directions of a value given for both are not written."""
    line = node.line
    for position, part in enumerate(loc):
        match node, part:
            case Mapping(), str() if part in node.entries:
                line, node = node.entries[part]
                path = f"{path}.{part}" if path else part
            case Sequence(), int() if part < len(node.items):
                node = node.items[part]
                path, line = f"{path}[{part}]", node.line
            case Scalar(), _:
                return node, path, line, loc[position:]
    return node, path, line, loc[-1:]


def _keys(model: type[BaseModel], loc: Loc) -> list[str]:
    """The keys that the mapping at a location of a model may have."""
    models = [model]
    for part in loc:
        fields = [info for one in models for key, info in _fields(one) if key == part]
        if fields:
            models = [inner for info in fields for inner in _models_in(info.annotation)]
        elif isinstance(part, str):  # the tag of a union
            models = [one for one in models if part in (get_args(_driver(one)) or (part,))]
    return [key for one in models for key, _ in _fields(one)]


def _fields(model: type[BaseModel]) -> Iterator[tuple[str, Any]]:
    return ((info.alias if info.alias is not None else name, info) for name, info in model.model_fields.items())


def _driver(model: type[BaseModel]) -> Any:
    info = model.model_fields.get("driver")
    return None if info is None else info.annotation


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from _models_in(inner)
