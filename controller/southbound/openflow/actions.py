"""Actions <-> OpenFlow instructions (a flow's) and action lists (a bucket's), both ways.

Four of our actions are instructions:

========  ============================================================================
Police    ``meter``, before everything else
SetClass  ``write_metadata``, bits 24-31; a flow has one of these two, right before GoTo
SetGroup  ``write_metadata``, bits 0-23
GoTo      ``goto_table``, after everything else
========  ============================================================================

All others are listed in ``apply_actions``; what each is there, says ``action_parts``.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import chain
from typing import Any, Final

from os_ken.ofproto import ofproto_v1_3 as ofp
from os_ken.ofproto import ofproto_v1_3_parser as parser

from controller.domain.rules import (
    Action,
    AnswerArp,
    AnswerNeighbour,
    DecTtl,
    GoTo,
    Opaque,
    Output,
    Police,
    PopTrunk,
    SetClass,
    SetGroup,
    SetMacs,
    SetTrunk,
    SetVlan,
    Table,
    TellController,
    Unwrap,
    UseGroup,
    Wrap,
)
from controller.southbound.openflow.action_parts import DEC_TTL, POP_TRUNK, TELL_CONTROLLER, parts_of, to_actions
from controller.southbound.openflow.oxm import (
    CLASS_MASK,
    CLASS_SHIFT,
    ETH_DST,
    ETH_SRC,
    GROUP_MASK,
    MAX_CLASS,
    MAX_GROUP,
    MAX_LABEL,
    MAX_TC,
    MAX_VLAN,
    MPLS_LABEL,
    MPLS_TC,
    OPENFLOW_BASIC,
    VLAN_PRESENT,
    VLAN_VID,
    in_range,
    mac_of,
)
from controller.southbound.openflow.protocol import elements

_ACTION: Final = struct.Struct("!HH")
_OUTPUT: Final = struct.Struct("!HHIH6x")
_GROUP: Final = struct.Struct("!HHI")
_SET_FIELD: Final = struct.Struct("!HHHBB")
_METER: Final = struct.Struct("!HHI")
_GOTO: Final = struct.Struct("!HHB3x")
_METADATA: Final = struct.Struct("!HH4xQQ")
_APPLY: Final = struct.Struct("!HH4x")


def to_instructions(actions: tuple[Action, ...]) -> list[Any]:
    """The os-ken instructions of a flow. ``ValueError`` when the order or a value cannot be said in OpenFlow."""
    last = len(actions) - 1
    applied: list[Any] = []
    first: list[Any] = []
    final: list[Any] = []
    for position, action in enumerate(actions):
        match action:
            case Police():
                if position:
                    raise ValueError("a flow polices before it does anything else")
                first.append(parser.OFPInstructionMeter(action.meter_id))
            case SetClass() | SetGroup():
                if position != last - 1 or not isinstance(actions[last], GoTo):
                    raise ValueError("a flow notes one class or group, right before it goes to the next table")
                final.append(parser.OFPInstructionWriteMetadata(*_metadata(action)))
            case GoTo():
                if position != last:
                    raise ValueError("a flow goes to the next table after everything else")
                final.append(parser.OFPInstructionGotoTable(int(action.table)))
            case _:
                applied += to_actions(action)
    if applied:
        first.append(parser.OFPInstructionActions(ofp.OFPIT_APPLY_ACTIONS, applied))
    return first + final


def _metadata(action: SetClass | SetGroup) -> tuple[int, int]:
    """(value, mask)"""
    if isinstance(action, SetClass):
        return in_range(action.traffic_class, 0, MAX_CLASS, "class") << CLASS_SHIFT, CLASS_MASK
    return in_range(action.group, 0, MAX_GROUP, "destination group"), GROUP_MASK


def encode_instructions(actions: tuple[Action, ...]) -> bytes:
    """The instructions of a flow as they end a flow-mod or an ``ofp_flow_stats``."""
    data = bytearray()
    for instruction in to_instructions(actions):
        instruction.serialize(data, len(data))
    return bytes(data)


def encode_actions(actions: tuple[Action, ...]) -> bytes:
    """The action list of a bucket."""
    return b"".join(chain.from_iterable(map(parts_of, actions)))


@lru_cache(maxsize=4096)
def decode_instructions(data: bytes) -> tuple[Action, ...]:
    """What a flow does; whatever no action of ours says is ``Opaque``. ``Malformed`` when the lengths do not fit.

    Many flows of a switch do the same (deliver at one port, cross from one port to another): what was decoded last is
    remembered.
    """
    first: list[Action] = []
    applied: list[Action] = []
    noted: list[Action] = []
    final: list[Action] = []
    for instruction in elements(data, "instructions", header=_ACTION, smallest=8, step=8):
        kind, length = _ACTION.unpack_from(instruction)
        if kind == ofp.OFPIT_METER and length == _METER.size and not first:
            first.append(Police(_METER.unpack(instruction)[2]))
        elif kind == ofp.OFPIT_WRITE_METADATA and length == _METADATA.size and not noted:
            noted.append(_noted(*_METADATA.unpack(instruction)[2:]))
        elif kind == ofp.OFPIT_GOTO_TABLE and length == _GOTO.size and not final:
            final.append(_goto(instruction))
        elif kind == ofp.OFPIT_APPLY_ACTIONS and not applied:
            applied += decode_actions(instruction[_APPLY.size :])
        else:
            applied.append(Opaque(f"instruction {kind} {instruction[4:].hex()}"))
    if noted and not final:
        noted = [Opaque(f"{noted[0]} for no table")]
    return (*first, *applied, *noted, *final)


def _noted(value: int, mask: int) -> Action:
    if mask == CLASS_MASK and not value & ~mask:
        return SetClass(value >> CLASS_SHIFT)
    if mask == GROUP_MASK and not value & ~mask:
        return SetGroup(value)
    return Opaque(f"write_metadata:{value:#x}/{mask:#x}")


def _goto(instruction: bytes) -> Action:
    number = _GOTO.unpack(instruction)[2]
    return GoTo(Table(number)) if number in Table._value2member_map_ else Opaque(f"goto_table:{number}")


def decode_actions(data: bytes) -> tuple[Action, ...]:
    """What an action list does, in actions of ours; the rest is ``Opaque``."""
    parts = list(elements(data, "actions", header=_ACTION, smallest=8, step=8))
    found: list[Action] = []
    position = 0
    while position < len(parts):
        action, length = _next_action(parts[position:])
        found.append(action)
        position += length
    return tuple(found)


def _next_action(parts: Sequence[bytes]) -> tuple[Action, int]:
    """The action that ``parts`` begin with, and of how many of them it is made. One of several parts is read by taking
    its numbers from where they would be: it is there if it would look just like that."""
    for candidate in _composed(parts):
        model = parts_of(candidate)
        if tuple(parts[: len(model)]) == model:
            return candidate, len(model)
    return _single_action(parts[0]), 1


def _composed(parts: Sequence[bytes]) -> Iterator[Action]:
    """The actions of several parts that may be what ``parts`` begin with, the longer ones first."""
    if parts[0] == _BEGINS_UNWRAP:
        yield Unwrap(shim=True)
        yield Unwrap()
    elif parts[0] in _BEGINS_WRAP:
        shim = _BEGINS_WRAP[parts[0]]
        numbers = parts[shim:]
        label, tc = _written(numbers, 1, MPLS_LABEL, MAX_LABEL), _written(numbers, 3, MPLS_TC, MAX_TC)
        if label is not None and tc is not None:
            yield Wrap(label, shim, tc)
    elif parts[0] == _BEGINS_ANSWER:
        if (mac := _written(parts, 1, ETH_SRC)) is not None:
            yield AnswerArp(mac_of(mac))
            yield AnswerNeighbour(mac_of(mac))
    else:
        destination, source = _written(parts, 0, ETH_DST), _written(parts, 1, ETH_SRC)
        if destination is not None and source is not None:
            yield SetMacs(mac_of(source), mac_of(destination))


def _written(parts: Sequence[bytes], position: int, field: int, most: int = (1 << 48) - 1) -> int | None:
    """What the part there writes into the field, all of it; ``None`` if it does something else, or nothing is there."""
    if position >= len(parts) or len(part := parts[position]) < _SET_FIELD.size:
        return None
    kind, length, oxm_class, number, size = _SET_FIELD.unpack_from(part)
    if kind != ofp.OFPAT_SET_FIELD or oxm_class != OPENFLOW_BASIC or number != field << 1:
        return None
    if length < _SET_FIELD.size + size or size != _SIZES[field]:
        return None
    value = int.from_bytes(part[_SET_FIELD.size : _SET_FIELD.size + size], "big")
    return value if value <= most else None


_SIZES: Final = {ETH_DST: 6, ETH_SRC: 6, VLAN_VID: 2, MPLS_LABEL: 4, MPLS_TC: 1}


def _single_action(part: bytes) -> Action:
    kind, length = _ACTION.unpack_from(part)
    if part == TELL_CONTROLLER:
        return TellController()
    if kind == ofp.OFPAT_OUTPUT and length == _OUTPUT.size:
        port = _OUTPUT.unpack(part)[2]
        return Output(port) if 1 <= port <= ofp.OFPP_MAX else Opaque(_words(part))
    if kind == ofp.OFPAT_GROUP and length == _GROUP.size:
        return UseGroup(_GROUP.unpack(part)[2])
    if (label := _written([part], 0, MPLS_LABEL, MAX_LABEL)) is not None:
        return SetTrunk(label)
    if (tag := _written([part], 0, VLAN_VID)) is not None and 1 <= tag - VLAN_PRESENT <= MAX_VLAN:
        return SetVlan(tag - VLAN_PRESENT)
    if part == POP_TRUNK:
        return PopTrunk()
    if part == DEC_TTL:
        return DecTtl()
    return Opaque(_words(part))


def _words(part: bytes) -> str:
    """An action that is none of ours, as well as it can be said without knowing them all."""
    kind, length = _ACTION.unpack_from(part)
    if kind == ofp.OFPAT_OUTPUT and length == _OUTPUT.size:
        _, _, port, max_len = _OUTPUT.unpack(part)
        return f"output:{_RESERVED_PORTS.get(port, port)} max_len={max_len}"
    if kind == ofp.OFPAT_SET_FIELD:
        return f"set_field {part[4:].hex()}"
    return f"{_ACTION_NAMES.get(kind, f'action {kind}')} {part[4:].hex()}"


_RESERVED_PORTS: Final = {
    getattr(ofp, f"OFPP_{name}"): name
    for name in ("IN_PORT", "TABLE", "NORMAL", "FLOOD", "ALL", "CONTROLLER", "LOCAL", "ANY")
}
_ACTION_NAMES: Final = {
    ofp.OFPAT_PUSH_VLAN: "push_vlan",
    ofp.OFPAT_POP_VLAN: "pop_vlan",
    ofp.OFPAT_PUSH_MPLS: "push_mpls",
    ofp.OFPAT_POP_MPLS: "pop_mpls",
    ofp.OFPAT_SET_QUEUE: "set_queue",
    ofp.OFPAT_GROUP: "group",
    ofp.OFPAT_DEC_NW_TTL: "dec_ttl",
    ofp.OFPAT_EXPERIMENTER: "vendor action",
}

# By what actions of several parts begin with: most parts begin none of them, and are passed quickly.
_BEGINS_WRAP: Final = {parts_of(Wrap(0, shim))[0]: shim for shim in (False, True)}
_BEGINS_UNWRAP: Final = parts_of(Unwrap())[0]
_BEGINS_ANSWER: Final = parts_of(AnswerArp("00:00:00:00:00:00"))[0]
