"""What each ``Action`` is in OpenFlow, part by part.

===============  ======================================================================================================
SetVlan          ``set_field vlan_vid``: PCP, TPID and inner tags stay
Wrap             ``encap(mpls)``, ``set_field mpls_label`` (service), ``encap(mpls)``, ``set_field mpls_tc``,
                 ``encap(ethernet)``, ``set_field eth_dst`` and ``eth_src``; the second label is the trunk's, which the
                 group writes. With shim, ``encap(nsh)`` comes first. The TC is always written: Open vSwitch makes it
                 of the customer's DSCP otherwise
PopTrunk         ``pop_mpls 0x8847``
Unwrap           ``decap()`` (the outer Ethernet header), ``decap(packet_type(ns=0,type=0))`` (the service label: what
                 follows is Ethernet). With shim, ``decap(packet_type(ns=1,type=0x894f))`` (what follows is NSH),
                 ``decap()``
SetTrunk         ``set_field mpls_label``: TC and the rest of the label stay
DecTtl           ``dec_nw_ttl``
SetMacs          ``set_field eth_dst`` and ``eth_src``
AnswerArp,       many, see ``answers``
AnswerNeighbour
TellController   ``output:CONTROLLER``, the first 128 bytes
===============  ======================================================================================================

Police, GoTo, SetClass and SetGroup are instructions of a flow (``actions``).
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final

from os_ken.ofproto import ofproto_v1_3 as ofp
from os_ken.ofproto import ofproto_v1_3_parser as parser

from controller.domain.rules import (
    TOLD_BYTES,
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
    TellController,
    Unwrap,
    UseGroup,
    Wrap,
)
from controller.southbound.openflow import answers, eompls
from controller.southbound.openflow.oxm import MAX_LABEL, MAX_TC, MAX_VLAN, VLAN_PRESENT, in_range, mac_text
from controller.southbound.openflow.vendor import decap, encap


def to_actions(action: Action) -> list[Any]:
    """The os-ken actions that one of ours stands for. ``ValueError`` when OpenFlow cannot say it."""
    match action:
        case SetVlan():
            return [parser.OFPActionSetField(vlan_vid=VLAN_PRESENT | in_range(action.vlan, 1, MAX_VLAN, "VLAN"))]
        case Wrap():
            return [
                *([encap(eompls.PACKET_TYPE_NSH, eompls.SHORT_NSH)] if action.shim else ()),
                encap(eompls.PACKET_TYPE_MPLS),
                _set_label(action.service_label),
                encap(eompls.PACKET_TYPE_MPLS),
                parser.OFPActionSetField(mpls_tc=in_range(action.tc, 0, MAX_TC, "traffic class")),
                encap(eompls.PACKET_TYPE_ETHERNET),
                *_set_macs(eompls.OUTER_ETH_SRC, eompls.OUTER_ETH_DST),
            ]
        case PopTrunk():
            return [parser.OFPActionPopMpls(eompls.ETH_TYPE_MPLS)]
        case Unwrap(shim=False):
            return [decap(eompls.PACKET_TYPE_NEXT), decap(eompls.PACKET_TYPE_ETHERNET)]
        case Unwrap():
            return [
                decap(eompls.PACKET_TYPE_NEXT),
                decap(eompls.PACKET_TYPE_NSH),
                decap(eompls.PACKET_TYPE_NEXT),
            ]
        case SetTrunk():
            return [_set_label(action.label)]
        case Output():
            return [parser.OFPActionOutput(in_range(action.port, 1, ofp.OFPP_MAX, "port"), 0)]
        case UseGroup():
            return [parser.OFPActionGroup(action.group_id)]
        case DecTtl():
            return [parser.OFPActionDecNwTtl()]
        case SetMacs():
            return _set_macs(mac_text(action.source), mac_text(action.destination))
        case AnswerArp():
            return answers.arp_reply(mac_text(action.mac))
        case AnswerNeighbour():
            return answers.neighbour_advertisement(mac_text(action.mac))
        case TellController():
            return [parser.OFPActionOutput(ofp.OFPP_CONTROLLER, TOLD_BYTES)]
        case Police() | GoTo() | SetClass() | SetGroup():
            raise ValueError(f"{action} stands in a flow only, not in a bucket")
        case Opaque():
            raise ValueError(f"{action} was read from a device and cannot be sent to one")


@lru_cache(maxsize=4096)
def parts_of(action: Action) -> tuple[bytes, ...]:
    """The same as bytes, one of each part."""
    parts = []
    for part in to_actions(action):
        data = bytearray()
        part.serialize(data, 0)
        parts.append(bytes(data))
    return tuple(parts)


def _set_label(label: int) -> Any:
    return parser.OFPActionSetField(mpls_label=in_range(label, 0, MAX_LABEL, "label"))


def _set_macs(source: str, destination: str) -> list[Any]:
    return [parser.OFPActionSetField(eth_dst=destination), parser.OFPActionSetField(eth_src=source)]


POP_TRUNK: Final = parts_of(PopTrunk())[0]
DEC_TTL: Final = parts_of(DecTtl())[0]
TELL_CONTROLLER: Final = parts_of(TellController())[0]
