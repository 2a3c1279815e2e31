"""A switch answers by itself who has our address: an ARP request is turned into the reply, a neighbour solicitation
into the advertisement, and sent back by the port where it came in.

Both are tried with Open vSwitch 3.1 and Linux hosts that ask. It handles such packets in its slow path, one by one.
"""

from __future__ import annotations

from typing import Any, Final

from os_ken.ofproto import ofproto_v1_3 as ofp
from os_ken.ofproto import ofproto_v1_3_parser as parser

from controller.southbound.openflow.vendor import (
    ARP_SHA,
    ARP_SPA,
    ARP_THA,
    ARP_TPA,
    ETH_DST,
    ETH_SRC,
    IPV6_DST,
    IPV6_SRC,
    ND_OPTIONS_TYPE,
    ND_RESERVED,
    ND_TARGET,
    REGISTER_0,
    check_packet_larger,
    move,
    set_vendor_field,
)

_ARP_REPLY: Final = 2
_NEIGHBOUR_ADVERTISEMENT: Final = 136
_ROUTER_SOLICITED_OVERRIDE: Final = 0xE000_0000
_TARGET_LINK_LAYER_ADDRESS: Final = 2
_LARGEST: Final = 0xFFFF


def arp_reply(mac: str) -> list[Any]:
    """RFC 826: what the sender was becomes the target; the address asked for is at ``mac``."""
    return [
        move(ETH_SRC, ETH_DST),
        parser.OFPActionSetField(eth_src=mac),
        parser.OFPActionSetField(arp_op=_ARP_REPLY),
        move(ARP_SHA, ARP_THA),
        parser.OFPActionSetField(arp_sha=mac),
        move(ARP_TPA, REGISTER_0),
        move(ARP_SPA, ARP_TPA),
        move(REGISTER_0, ARP_SPA),
        _send_back(),
    ]


def neighbour_advertisement(mac: str) -> list[Any]:
    """RFC 4861, 7.2.4, by a router, solicited. The option "source link-layer address" of the solicitation becomes the
    advertisement's "target link-layer address"; one that came without gets an answer without, which is allowed
    where the asker knows the address already.

    Open vSwitch lets a flow write the option's address only as that of the message which the flow matches (a
    solicitation); and when it writes both type and address, it writes the type first and then finds no option of that
    kind to put the address into. So the address is written while it still is a solicitation. ``check_packet_larger``
    comes next for its side effect, that what was written so far is carried out first; what it finds is not used.
    """
    return [
        move(ETH_SRC, ETH_DST),
        parser.OFPActionSetField(eth_src=mac),
        move(IPV6_SRC, IPV6_DST),
        move(ND_TARGET, IPV6_SRC),
        parser.OFPActionSetField(ipv6_nd_sll=mac),
        check_packet_larger(_LARGEST, REGISTER_0),
        parser.OFPActionSetField(icmpv6_type=_NEIGHBOUR_ADVERTISEMENT),
        set_vendor_field(ND_RESERVED, _ROUTER_SOLICITED_OVERRIDE),
        set_vendor_field(ND_OPTIONS_TYPE, _TARGET_LINK_LAYER_ADDRESS),
        _send_back(),
    ]


def _send_back() -> Any:
    return parser.OFPActionOutput(ofp.OFPP_IN_PORT, 0)
