"""Who asks for the MAC address of an IP address, and the answer: ARP (RFC 826) and neighbour discovery (RFC 4861).

Frames as bytes, untagged. A switch makes the answer of the question, in its place: what the question says beside the
point (a hop limit, padding) stays.
"""

from __future__ import annotations

from controller.forwarding.frame import ETHERNET_BYTES, MalformedFrame
from controller.forwarding.packet import ETH_IPV6, ICMPV6, IPV6_BYTES, icmpv6_checksum, mac_bytes, packet_in

_ETH_ARP = bytes.fromhex("0806")
_ARP_BYTES = 28
_ARP_REQUEST = bytes.fromhex("0001080006040001")
"""Ethernet, IPv4, their lengths, a request."""
_ARP_REPLY = _ARP_REQUEST[:-1] + b"\x02"

_SOLICITATION = 135
_ADVERTISEMENT = 136
_ICMP_AT = ETHERNET_BYTES + IPV6_BYTES
_TARGET_AT = _ICMP_AT + 8
_OPTIONS_AT = _TARGET_AT + 16
_ROUTER_SOLICITED_OVERRIDE = bytes.fromhex("e0000000")
_OPTION_BYTES = 8
# Options that say a link-layer address: type, and length in units of 8 bytes.
_SOURCE_LINK_LAYER = bytes.fromhex("0101")
_TARGET_LINK_LAYER = bytes.fromhex("0201")


def arp_target(frame: bytes) -> int | None:
    """The IPv4 address that an ARP request is about, if the frame is one."""
    arp = frame[ETHERNET_BYTES : ETHERNET_BYTES + _ARP_BYTES]
    if frame[12:14] != _ETH_ARP or len(arp) < _ARP_BYTES or not arp.startswith(_ARP_REQUEST):
        return None
    return int.from_bytes(arp[24:28], "big")


def solicited(frame: bytes) -> int | None:
    """The IPv6 address that a neighbour solicitation is about, if the frame is one."""
    if frame[12:14] != ETH_IPV6 or len(frame) < _OPTIONS_AT or frame[ETHERNET_BYTES + 6] != ICMPV6:
        return None
    packet_end = _ICMP_AT + int.from_bytes(frame[ETHERNET_BYTES + 4 : ETHERNET_BYTES + 6], "big")
    if (
        packet_in(frame) is None
        or packet_end < _OPTIONS_AT
        or frame[_ICMP_AT : _ICMP_AT + 2] != bytes((_SOLICITATION, 0))
    ):
        return None
    return int.from_bytes(frame[_TARGET_AT:_OPTIONS_AT], "big")


def answer_arp(frame: bytes, mac: str) -> bytes:
    """The reply to a request: the address asked for is at ``mac``. ``MalformedFrame`` when it is no request."""
    if arp_target(frame) is None:
        raise MalformedFrame("no ARP request to answer")
    ours = mac_bytes(mac)
    asked = frame[ETHERNET_BYTES : ETHERNET_BYTES + _ARP_BYTES]
    sender, target = asked[8:18], asked[24:28]
    reply = _ARP_REPLY + ours + target + sender
    return frame[6:12] + ours + frame[12:14] + reply + frame[ETHERNET_BYTES + _ARP_BYTES :]


def answer_solicitation(frame: bytes, mac: str) -> bytes:
    """The advertisement that answers a solicitation: the address asked for is at ``mac``, a router. The option with the
    asker's address becomes the one with ``mac``; without it there is none in the answer. ``MalformedFrame`` when it is
    no solicitation, or another option comes first: what a switch makes of that nobody has promised."""
    if solicited(frame) is None:
        raise MalformedFrame("no neighbour solicitation to answer")
    ours, header = mac_bytes(mac), frame[ETHERNET_BYTES:_ICMP_AT]
    asker, target = header[8:24], frame[_TARGET_AT:_OPTIONS_AT]
    end = _ICMP_AT + int.from_bytes(header[4:6], "big")
    options = frame[_OPTIONS_AT:end]
    if options:
        if len(options) < _OPTION_BYTES or not options.startswith(_SOURCE_LINK_LAYER):
            raise MalformedFrame("a solicitation whose first option is not the asker's address")
        options = _TARGET_LINK_LAYER + ours + options[_OPTION_BYTES:]
    rest = _ROUTER_SOLICITED_OVERRIDE + target + options
    checked = icmpv6_checksum(target, asker, bytes((_ADVERTISEMENT, 0, 0, 0)) + rest)
    message = bytes((_ADVERTISEMENT, 0)) + checked.to_bytes(2, "big") + rest
    return frame[6:12] + ours + frame[12:14] + header[:8] + target + asker + message + frame[end:]
