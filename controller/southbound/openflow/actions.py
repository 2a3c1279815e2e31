"""``Action`` <-> OpenFlow instructions (a flow's) and action lists (a bucket's), both ways.

What one action of ours means on the wire:

==========  =================================================================================================
Police      instruction ``meter``, before everything else
SetVlan     ``set_field vlan_vid``: PCP, TPID and inner tags stay
Wrap        ``encap(mpls)``, ``set_field mpls_label`` (service), ``encap(mpls)``, ``encap(ethernet)``,
            ``set_field eth_dst`` and ``eth_src``; the second label is the trunk's, which the group writes.
            With shim, ``encap(nsh)`` comes first
PopTrunk    ``pop_mpls 0x8847``
Unwrap      ``decap()`` (the outer Ethernet header), ``decap(packet_type(ns=0,type=0))`` (the service label: what
            follows is Ethernet). With shim, ``decap(packet_type(ns=1,type=0x894f))`` (what follows is NSH), ``decap()``
SetTrunk    ``set_field mpls_label``
GoTo        instruction ``goto_table``, after everything else
==========  =================================================================================================
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any, Final

from os_ken.ofproto import ofproto_v1_3 as ofp
from os_ken.ofproto import ofproto_v1_3_parser as parser

from controller.domain.rules import (
    Action,
    GoTo,
    Opaque,
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
from controller.southbound.openflow import eompls
from controller.southbound.openflow.oxm import (
    MAX_LABEL,
    MAX_VLAN,
    MPLS_LABEL,
    OPENFLOW_BASIC,
    VLAN_PRESENT,
    VLAN_VID,
    in_range,
)
from controller.southbound.openflow.protocol import elements

_ACTION: Final = struct.Struct("!HH")
_OUTPUT: Final = struct.Struct("!HHIH6x")
_GROUP: Final = struct.Struct("!HHI")
_SET_FIELD: Final = struct.Struct("!HHHBB")
_METER: Final = struct.Struct("!HHI")
_GOTO: Final = struct.Struct("!HHB3x")
_APPLY: Final = struct.Struct("!HH4x")
_VENDOR_BODY: Final = struct.Struct("!HHI")
"""An ``encap`` or ``decap`` after its vendor number: subtype, header size (0: the default), packet type."""


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
            case GoTo():
                if position != last:
                    raise ValueError("a flow goes to the next table after everything else")
                final.append(parser.OFPInstructionGotoTable(int(action.table)))
            case _:
                applied += to_actions(action)
    if applied:
        first.append(parser.OFPInstructionActions(ofp.OFPIT_APPLY_ACTIONS, applied))
    return first + final


def to_actions(action: Action) -> list[Any]:
    """The os-ken actions that one of ours stands for."""
    match action:
        case SetVlan():
            return [parser.OFPActionSetField(vlan_vid=VLAN_PRESENT | in_range(action.vlan, 1, MAX_VLAN, "VLAN"))]
        case Wrap():
            shim = [_vendor_action(eompls.NXAST_ENCAP, eompls.PACKET_TYPE_NSH, eompls.SHORT_NSH)]
            return [
                *(shim if action.shim else ()),
                _vendor_action(eompls.NXAST_ENCAP, eompls.PACKET_TYPE_MPLS),
                _set_label(action.service_label),
                _vendor_action(eompls.NXAST_ENCAP, eompls.PACKET_TYPE_MPLS),
                _vendor_action(eompls.NXAST_ENCAP, eompls.PACKET_TYPE_ETHERNET),
                parser.OFPActionSetField(eth_dst=eompls.OUTER_ETH_DST),
                parser.OFPActionSetField(eth_src=eompls.OUTER_ETH_SRC),
            ]
        case PopTrunk():
            return [parser.OFPActionPopMpls(eompls.ETH_TYPE_MPLS)]
        case Unwrap(shim=False):
            return [
                _vendor_action(eompls.NXAST_DECAP, eompls.PACKET_TYPE_NEXT),
                _vendor_action(eompls.NXAST_DECAP, eompls.PACKET_TYPE_ETHERNET),
            ]
        case Unwrap():
            return [
                _vendor_action(eompls.NXAST_DECAP, eompls.PACKET_TYPE_NEXT),
                _vendor_action(eompls.NXAST_DECAP, eompls.PACKET_TYPE_NSH),
                _vendor_action(eompls.NXAST_DECAP, eompls.PACKET_TYPE_NEXT),
            ]
        case SetTrunk():
            return [_set_label(action.label)]
        case Output():
            return [parser.OFPActionOutput(in_range(action.port, 1, ofp.OFPP_MAX, "port"), 0)]
        case UseGroup():
            return [parser.OFPActionGroup(action.group_id)]
        case Police() | GoTo():
            raise ValueError(f"{action} stands in a flow only, not in a bucket")
        case Opaque():
            raise ValueError(f"{action} was read from a device and cannot be sent to one")
        case _:
            raise ValueError(f"{action} cannot be said in OpenFlow yet")


def encode_instructions(actions: tuple[Action, ...]) -> bytes:
    """The instructions of a flow as they end a flow-mod or an ``ofp_flow_stats``."""
    return _serialised(to_instructions(actions))


def encode_actions(actions: tuple[Action, ...]) -> bytes:
    """The action list of a bucket."""
    return _serialised([part for action in actions for part in to_actions(action)])


@lru_cache(maxsize=4096)
def decode_instructions(data: bytes) -> tuple[Action, ...]:
    """What a flow does; whatever no action of ours says is ``Opaque``. ``Malformed`` when the lengths do not fit.

    Many flows of a switch do the same (deliver at one port, cross from one port to another): what was decoded last is
    remembered.
    """
    first: list[Action] = []
    applied: list[Action] = []
    final: list[Action] = []
    for instruction in elements(data, "instructions", header=_ACTION, smallest=8, step=8):
        kind, length = _ACTION.unpack_from(instruction)
        if kind == ofp.OFPIT_METER and length == _METER.size and not first:
            first.append(Police(_METER.unpack(instruction)[2]))
        elif kind == ofp.OFPIT_GOTO_TABLE and length == _GOTO.size and not final:
            final.append(_goto(instruction))
        elif kind == ofp.OFPIT_APPLY_ACTIONS and not applied:
            applied += decode_actions(instruction[_APPLY.size :])
        else:
            applied.append(Opaque(f"instruction {kind} {instruction[4:].hex()}"))
    return (*first, *applied, *final)


def decode_actions(data: bytes) -> tuple[Action, ...]:
    """What an action list does, in actions of ours; the rest is ``Opaque``."""
    parts = list(elements(data, "actions", header=_ACTION, smallest=8, step=8))
    found: list[Action] = []
    while parts:
        action, length = _next_action(parts)
        found.append(action)
        del parts[:length]
    return tuple(found)


def _next_action(parts: Sequence[bytes]) -> tuple[Action, int]:
    """The action that ``parts`` begin with, and of how many of them it is made."""
    if parts[0] not in _BEGINNINGS:
        return _single_action(parts[0]), 1
    for unwrap, model in _UNWRAPS.items():
        if tuple(parts[: len(model)]) == model:
            return unwrap, len(model)
    for wrap, model in _WRAPS.items():
        at = _label_of_wrap(wrap)
        if len(parts) >= len(model) and (*parts[:at], model[at], *parts[at + 1 : len(model)]) == model:
            label = _set_field(parts[at])
            if isinstance(label, SetTrunk):
                return replace(wrap, service_label=label.label), len(model)
    return _single_action(parts[0]), 1


def _single_action(part: bytes) -> Action:
    kind, length = _ACTION.unpack_from(part)
    if kind == ofp.OFPAT_OUTPUT and length == _OUTPUT.size:
        port = _OUTPUT.unpack(part)[2]
        return Output(port) if 1 <= port <= ofp.OFPP_MAX else Opaque(_words(part))
    if kind == ofp.OFPAT_GROUP and length == _GROUP.size:
        return UseGroup(_GROUP.unpack(part)[2])
    if kind == ofp.OFPAT_SET_FIELD:
        return _set_field(part)
    if part == _POP_TRUNK[0]:
        return PopTrunk()
    return Opaque(_words(part))


def _set_field(part: bytes) -> Action:
    kind, _, oxm_class, field, size = _SET_FIELD.unpack_from(part)
    value = int.from_bytes(part[_SET_FIELD.size : _SET_FIELD.size + size], "big")
    if kind == ofp.OFPAT_SET_FIELD and oxm_class == OPENFLOW_BASIC:
        if field == VLAN_VID << 1 and size == 2 and 1 <= value - VLAN_PRESENT <= MAX_VLAN:
            return SetVlan(value - VLAN_PRESENT)
        if field == MPLS_LABEL << 1 and size == 4 and len(part) >= _SET_FIELD.size + size and value <= MAX_LABEL:
            return SetTrunk(value)
    return Opaque(_words(part))


def _goto(instruction: bytes) -> Action:
    number = _GOTO.unpack(instruction)[2]
    return GoTo(Table(number)) if number in Table._value2member_map_ else Opaque(f"goto_table:{number}")


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


def _set_label(label: int) -> Any:
    return parser.OFPActionSetField(mpls_label=in_range(label, 0, MAX_LABEL, "label"))


def _vendor_action(subtype: int, packet_type: int, properties: bytes = b"") -> Any:
    body = _VENDOR_BODY.pack(subtype, 0, packet_type) + properties
    return parser.OFPActionExperimenterUnknown(eompls.NICIRA, body)


def _label_of_wrap(wrap: Wrap) -> int:
    """Which part of a Wrap bears the service label; all others are the same in each Wrap of the kind."""
    return 2 if wrap.shim else 1


def _serialised(parts: Sequence[Any]) -> bytes:
    data = bytearray()
    for part in parts:
        part.serialize(data, len(data))
    return bytes(data)


# What these actions look like on the wire, part by part.
_WRAPS: Final = {
    wrap: tuple(_serialised([part]) for part in to_actions(wrap)) for wrap in (Wrap(0), Wrap(0, shim=True))
}
_UNWRAPS: Final = {
    unwrap: tuple(_serialised([part]) for part in to_actions(unwrap)) for unwrap in (Unwrap(), Unwrap(shim=True))
}
_BEGINNINGS: Final = frozenset(model[0] for model in (*_WRAPS.values(), *_UNWRAPS.values()))
"""What actions of several parts begin with: most parts begin none of them, and are passed quickly."""
_POP_TRUNK: Final = tuple(_serialised([part]) for part in to_actions(PopTrunk()))
