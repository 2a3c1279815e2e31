"""Flow-mods in bulk: the bytes of ``messages.flow_mod``, some fifty times faster.

Lines of one kind get flow-mods that differ in a handful of numbers. So the general encoder builds one message
of a *shape* (which match fields, which kinds of action) with a distinct mark in the place of each number;
where the marks come to stand is where the numbers of every other rule of that shape go. The wire format is
described once, in ``messages``, and not again here.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final, NamedTuple

from os_ken.ofproto import ofproto_v1_3 as ofp

from controller.domain.rules import (
    Action,
    FlowRule,
    GoTo,
    Match,
    Output,
    Police,
    PopTrunk,
    SetTrunk,
    SetVlan,
    Table,
    Unwrap,
    UseGroup,
    Wrap,
)
from controller.southbound.openflow.messages import Command, flow_mod
from controller.southbound.openflow.oxm import MAX_LABEL, MAX_VLAN, MIN_ETH_TYPE, VLAN_PRESENT, in_range


class _Number(NamedTuple):
    """A number that an action bears: its size on the wire, the bytes before it, how to read it from
    the action, and an action with a mark in its place (``mark`` is a small number, distinct in a message)."""

    code: str
    before: bytes
    read: Callable[[Any], int]
    marked: Callable[[int], Action]


_ETHERTYPE_FIELD: Final = bytes.fromhex("80000a02")
_LABEL_FIELD: Final = bytes.fromhex("80004404")
_VLAN_FIELD: Final = bytes.fromhex("80000c02")
_PORT_FIELD: Final = bytes.fromhex("80000004")


def _port(port: int) -> int:
    return in_range(port, 1, ofp.OFPP_MAX, "port")


def _ethertype(ethertype: int) -> int:
    return in_range(ethertype, MIN_ETH_TYPE, 0xFFFF, "ethertype")


def _vlan(vlan: int) -> int:
    return VLAN_PRESENT | in_range(vlan, 1, MAX_VLAN, "VLAN")


def _label(label: int) -> int:
    return in_range(label, 0, MAX_LABEL, "label")


def _wrap(*, shim: bool) -> _Number:
    return _Number("I", _LABEL_FIELD, lambda a: _label(a.service_label), lambda mark: Wrap(0xA_A000 + mark, shim))


_Shape = type[Action] | Action
"""What is the same in many actions: their class; or, of one without numbers, the action itself; of a Wrap, it with the
label 0."""


def _shape(action: Action) -> _Shape:
    match action:
        case GoTo() | PopTrunk() | Unwrap():
            return action
        case Wrap():
            return _SHIM_WRAP if action.shim else _PLAIN_WRAP
        case _:
            return type(action)


_PLAIN_WRAP: Final = Wrap(0)
_SHIM_WRAP: Final = Wrap(0, shim=True)
_NUMBERS: Final[dict[_Shape, _Number]] = {
    Police: _Number("I", bytes.fromhex("00060008"), lambda a: a.meter_id, lambda mark: Police(0xA0A0_A000 + mark)),
    SetVlan: _Number("H", _VLAN_FIELD, lambda a: _vlan(a.vlan), lambda mark: SetVlan(0xA00 + mark)),
    _PLAIN_WRAP: _wrap(shim=False),
    _SHIM_WRAP: _wrap(shim=True),
    SetTrunk: _Number("I", _LABEL_FIELD, lambda a: _label(a.label), lambda mark: SetTrunk(0xA_A000 + mark)),
    Output: _Number("I", bytes.fromhex("00000010"), lambda a: _port(a.port), lambda mark: Output(0xA0A0_A000 + mark)),
    UseGroup: _Number("I", bytes.fromhex("00160008"), lambda a: a.group_id, lambda mark: UseGroup(0xA0A0_A000 + mark)),
}

_XID: Final = 0xB0B1_B2B3
_COOKIE: Final = 0xC0C1_C2C3_C4C5_C6C7
_PRIORITY: Final = 0xD0D1
_MATCHED: Final[dict[str, Any]] = {"in_port": 0xE0E1_E2E3, "ethertype": 0xE4E5, "vlan": 0xEE0, "mpls_label": 0xE_E0E1}


class _Template:
    """The flow-mods of one shape. ``fill`` takes the numbers in the order in which the message bears them."""

    def __init__(self, command: Command, table: Table, fields: tuple[str, ...], shapes: tuple[_Shape, ...]):
        actions: list[Action] = []
        self._reads: list[tuple[int, Callable[[Any], int]]] = []
        marks = [(b"", "I", _XID), (b"", "Q", _COOKIE), (b"", "H", _PRIORITY)]
        if "in_port" in fields:
            marks.append((_PORT_FIELD, "I", _MATCHED["in_port"]))
        if "ethertype" in fields:
            marks.append((_ETHERTYPE_FIELD, "H", _MATCHED["ethertype"]))
        if "vlan" in fields:
            marks.append((_VLAN_FIELD, "H", _vlan(_MATCHED["vlan"])))
        if "mpls_label" in fields:
            marks.append((_LABEL_FIELD, "I", _MATCHED["mpls_label"]))
        for position, shape in enumerate(shapes):
            if shape in _NUMBERS:
                number = _NUMBERS[shape]
                marked = number.marked(position)
                actions.append(marked)
                marks.append((number.before, number.code, number.read(marked)))
                self._reads.append((position, number.read))
            elif isinstance(shape, type):
                raise ValueError(f"{shape.__name__} cannot be sent")
            else:
                actions.append(shape)
        rule = FlowRule(
            cookie=_COOKIE,
            table=table,
            priority=_PRIORITY,
            match=Match(**{field: _MATCHED[field] for field in fields}),
            actions=tuple(actions),
        )
        self._cut(flow_mod(command, rule, _XID), marks)

    def _cut(self, model: bytes, marks: list[tuple[bytes, str, int]]) -> None:
        """Cut the model at its marks: constant bytes, number, constant bytes, number ..."""
        layout, parts, done = "!", [], 0
        for before, code, value in marks:
            number = struct.pack(f"!{code}", value)
            if model.count(before + number) != 1:
                raise AssertionError(f"mark {before.hex()} {number.hex()} is not unique in {model.hex()}")
            start = model.index(before + number) + len(before)
            layout += f"{start - done}s{code}"
            parts += [model[done:start], 0]
            done = start + len(number)
        self._parts = [*parts, model[done:]]
        self._pack = struct.Struct(f"{layout}{len(model) - done}s").pack

    def fill(self, rule: FlowRule, xid: int) -> bytes:
        values = [xid, rule.cookie, rule.priority]
        match, actions = rule.match, rule.actions
        if match.in_port is not None:
            values.append(_port(match.in_port))
        if match.ethertype is not None:
            values.append(_ethertype(match.ethertype))
        if match.vlan is not None:
            values.append(_vlan(match.vlan))
        if match.mpls_label is not None:
            values.append(_label(match.mpls_label))
        for position, read in self._reads:
            values.append(read(actions[position]))
        parts = self._parts.copy()
        parts[1::2] = values
        return self._pack(*parts)


_template: Final = lru_cache(maxsize=1024)(_Template)


def fast_flow_mod(command: Command, rule: FlowRule, xid: int) -> bytes:
    """The bytes of ``messages.flow_mod``. ``ValueError`` or ``struct.error`` when a value does not fit its field."""
    match = rule.match
    fields: tuple[str, ...] = ()
    if match.in_port is not None:
        fields += ("in_port",)
    if match.ethertype is not None:
        fields += ("ethertype",)
    if match.vlan is not None:
        fields += ("vlan",)
    if match.mpls_label is not None:
        fields += ("mpls_label",)
    shapes: tuple[_Shape, ...] = ()
    if command is not Command.DELETE:
        shapes = tuple(map(_shape, rule.actions))
    return _template(command, rule.table, fields, shapes).fill(rule, xid)
