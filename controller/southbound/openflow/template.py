"""Flow-mods in bulk: the bytes of ``messages.flow_mod``, some fifty times faster.

Lines of one kind get flow-mods that differ in a handful of numbers, and so do 100,000 prefixes. So the general encoder
builds one message of a *shape* (which match fields, which kinds of action) with a distinct mark in the place of each
number; where the marks come to stand is where the numbers of every other rule of that shape go. The wire format is
described once, in ``messages``, and not again here.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, Final, NamedTuple

from os_ken.ofproto import ofproto_v1_3 as ofp

from controller.domain.rules import (
    Action,
    FlowRule,
    Match,
    Opaque,
    Output,
    Police,
    SetGroup,
    SetMacs,
    SetTrunk,
    SetVlan,
    Table,
    UseGroup,
    Wrap,
)
from controller.southbound.openflow.messages import Command, flow_mod
from controller.southbound.openflow.oxm import (
    MAX_GROUP,
    MAX_LABEL,
    MAX_TC,
    MAX_VLAN,
    VLAN_PRESENT,
    in_range,
    mac_number,
    mac_of,
    mac_text,
)
from controller.southbound.openflow.template_fields import FIELDS, fields_of


class _Number(NamedTuple):
    """A number that an action bears: its size on the wire, the bytes before it, how to read it from the action."""

    code: str
    before: bytes
    read: Callable[[Any], Any]


class _Numbered(NamedTuple):
    """Actions that differ in their numbers alone: an action with marks in their places (given a small number, distinct
    in a message), and the numbers in the order in which they stand."""

    marked: Callable[[int], Action]
    numbers: tuple[_Number, ...]


_LABEL_FIELD: Final = bytes.fromhex("80004404")


def _wrap(kind: Wrap) -> _Numbered:
    return _Numbered(
        lambda mark: Wrap(0xA_A000 + mark, kind.shim, kind.tc),
        (_Number("I", _LABEL_FIELD, lambda a: in_range(a.service_label, 0, MAX_LABEL, "label")),),
    )


def _mac_bytes(mac: str) -> bytes:
    return mac_number(mac_text(mac)).to_bytes(6, "big")


_Shape = type[Action] | Action
"""What is the same in many actions: their class; or, of one without numbers, the action itself; of a Wrap, it with the
label 0."""

_WRAPS: Final = {(shim, tc): Wrap(0, shim, tc) for shim in (False, True) for tc in range(MAX_TC + 1)}
_NUMBERED: Final[dict[_Shape, _Numbered]] = {
    Police: _Numbered(
        lambda mark: Police(0xA0A0_A000 + mark), (_Number("I", bytes.fromhex("00060008"), lambda a: a.meter_id),)
    ),
    SetVlan: _Numbered(
        lambda mark: SetVlan(0xA00 + mark),
        (_Number("H", bytes.fromhex("80000c02"), lambda a: VLAN_PRESENT | in_range(a.vlan, 1, MAX_VLAN, "VLAN")),),
    ),
    SetTrunk: _Numbered(
        lambda mark: SetTrunk(0xA_A000 + mark),
        (_Number("I", _LABEL_FIELD, lambda a: in_range(a.label, 0, MAX_LABEL, "label")),),
    ),
    Output: _Numbered(
        lambda mark: Output(0xA0A0_A000 + mark),
        (_Number("I", bytes.fromhex("00000010"), lambda a: in_range(a.port, 1, ofp.OFPP_MAX, "port")),),
    ),
    UseGroup: _Numbered(
        lambda mark: UseGroup(0xA0A0_A000 + mark), (_Number("I", bytes.fromhex("00160008"), lambda a: a.group_id),)
    ),
    SetGroup: _Numbered(
        lambda mark: SetGroup(0xA0_A000 + mark),
        (
            _Number(
                "Q",
                bytes.fromhex("0002001800000000"),
                lambda a: in_range(a.group, 0, MAX_GROUP, "destination group"),
            ),
        ),
    ),
    SetMacs: _Numbered(
        lambda mark: SetMacs(mac_of(0xA0A1_A2A3_A400 + mark), mac_of(0xA0A1_A2A3_A500 + mark)),
        (
            _Number("6s", bytes.fromhex("80000606"), lambda a: _mac_bytes(a.destination)),
            _Number("6s", bytes.fromhex("80000806"), lambda a: _mac_bytes(a.source)),
        ),
    ),
    **{shape: _wrap(shape) for shape in _WRAPS.values()},
}


def _shape(action: Action) -> _Shape:
    kind = type(action)
    if kind in _NUMBERED:
        return kind
    if isinstance(action, Wrap):
        return _WRAPS.get((action.shim, action.tc), action)
    return kind if kind is Opaque else action


_XID: Final = 0xB0B1_B2B3
_COOKIE: Final = 0xC0C1_C2C3_C4C5_C6C7
_PRIORITY: Final = 0xD0D1


class _Template:
    """The flow-mods of one shape. ``fill`` takes the numbers in the order in which the message bears them."""

    def __init__(self, command: Command, table: Table, fields: tuple[str, ...], shapes: tuple[_Shape, ...]):
        actions: list[Action] = []
        numbers: list[tuple[int, _Number]] = []
        for position, shape in enumerate(shapes):
            if shape in _NUMBERED:
                actions.append(_NUMBERED[shape].marked(position))
                numbers += [(position, number) for number in _NUMBERED[shape].numbers]
            elif isinstance(shape, type):
                raise ValueError(f"{shape.__name__} cannot be sent")
            else:
                actions.append(shape)
        asked = {name: value for field in fields for name, value in FIELDS[field].marked.items()}
        match = Match(**asked)
        rule = FlowRule(cookie=_COOKIE, table=table, priority=_PRIORITY, match=match, actions=tuple(actions))
        model = flow_mod(command, rule, _XID)
        # The switch's order of fields is another than ours.
        matched = sorted((_place(model, FIELDS[field], match), FIELDS[field]) for field in fields)
        places = [(_find(model, struct.pack(f"!{code}", mark)), code) for code, mark in _HEAD]
        places += [(place, field.code) for place, field in matched]
        places += [(_place(model, number, actions[position]), number.code) for position, number in numbers]
        self._cut(model, places)
        self._match_reads = tuple(field.read for _, field in matched)
        self._action_reads = tuple((position, number.read) for position, number in numbers)

    def _cut(self, model: bytes, places: Sequence[tuple[int, str]]) -> None:
        """Cut the model where numbers stand: constant bytes, number, constant bytes, number ..."""
        layout, parts, done = "!", [], 0
        for start, code in places:
            layout += f"{start - done}s{code}"
            parts += [model[done:start], 0]
            done = start + struct.calcsize(f"!{code}")
        self._parts = [*parts, model[done:]]
        self._pack = struct.Struct(f"{layout}{len(model) - done}s").pack

    def fill(self, rule: FlowRule, xid: int) -> bytes:
        match, actions = rule.match, rule.actions
        values = [xid, rule.cookie, rule.priority]
        values += [read(match) for read in self._match_reads]
        values += [read(actions[position]) for position, read in self._action_reads]
        parts = self._parts.copy()
        parts[1::2] = values
        return self._pack(*parts)


_HEAD: Final = (("I", _XID), ("Q", _COOKIE), ("H", _PRIORITY))


def _place(model: bytes, number: Any, marked: Match | Action) -> int:
    """Where the number stands in the model that bears the mark there."""
    return _find(model, struct.pack(f"!{number.code}", number.read(marked)), number.before)


def _find(model: bytes, mark: bytes, before: bytes = b"") -> int:
    if model.count(before + mark) != 1:
        raise AssertionError(f"mark {before.hex()} {mark.hex()} is not unique in {model.hex()}")
    return model.index(before + mark) + len(before)


_template: Final = lru_cache(maxsize=1024)(_Template)


def fast_flow_mod(command: Command, rule: FlowRule, xid: int) -> bytes:
    """The bytes of ``messages.flow_mod``. ``ValueError`` or ``struct.error`` when a value does not fit its field."""
    shapes: tuple[_Shape, ...] = ()
    if command is not Command.DELETE:
        shapes = tuple(map(_shape, rule.actions))
    return _template(command, rule.table, fields_of(rule.match), shapes).fill(rule, xid)
