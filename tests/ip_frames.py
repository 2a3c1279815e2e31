"""Frames with IP packets, ARP and neighbour discovery in them, written by a library that is not ours."""

from __future__ import annotations

from ipaddress import IPv6Address

from os_ken.lib.packet import arp, ethernet, icmpv6, ipv4, ipv6, udp, vlan
from os_ken.lib.packet.packet import Packet

HOST, ROUTER = "02:00:00:00:0a:01", "02:54:4c:00:00:0a"
PAYLOAD = b"some payload"


def written(*headers) -> bytes:
    packet = Packet()
    for header in headers:
        packet.add_protocol(header)
    packet.serialize()
    return bytes(packet.data)


def packet_frame(source, destination, *, dscp=0, hop_limit=64, eth_dst=ROUTER, tagged=None, eth_src=HOST) -> bytes:
    """An IPv4 or IPv6 packet (by its addresses) with UDP in it; ``tagged``: the VID of an 802.1Q tag."""
    v6 = ":" in destination
    kind = 0x86DD if v6 else 0x0800
    headers = [ethernet.ethernet(eth_dst, eth_src, kind if tagged is None else 0x8100)]
    if tagged is not None:
        headers.append(vlan.vlan(vid=tagged, ethertype=kind))
    if v6:
        headers.append(
            ipv6.ipv6(src=source, dst=destination, nxt=17, hop_limit=hop_limit, traffic_class=dscp << 2, flow_label=5)
        )
    else:
        headers.append(ipv4.ipv4(src=source, dst=destination, proto=17, ttl=hop_limit, tos=dscp << 2))
    return written(*headers, udp.udp(1_000, 2_000), PAYLOAD)


def arp_request(sender, target, *, mac=HOST) -> bytes:
    asked = arp.arp(opcode=1, src_mac=mac, src_ip=sender, dst_mac="00:00:00:00:00:00", dst_ip=target)
    return written(ethernet.ethernet("ff:ff:ff:ff:ff:ff", mac, 0x0806), asked)


def arp_reply(sender, sender_mac, target, target_mac) -> bytes:
    told = arp.arp(opcode=2, src_mac=sender_mac, src_ip=sender, dst_mac=target_mac, dst_ip=target)
    return written(ethernet.ethernet(target_mac, sender_mac, 0x0806), told)


def solicitation(sender, target, *, mac=HOST, hop_limit=255, kind=135, option=True) -> bytes:
    """A neighbour solicitation to the solicited-node address, with the sender's address in an option."""
    group = str(IPv6Address(int(IPv6Address("ff02::1:ff00:0")) | int(IPv6Address(target)) & 0xFFFFFF))
    said = icmpv6.nd_option_sla(hw_src=mac) if option else None
    return written(
        ethernet.ethernet("33:33:ff:00:00:01", mac, 0x86DD),
        ipv6.ipv6(src=sender, dst=group, nxt=58, hop_limit=hop_limit),
        icmpv6.icmpv6(type_=kind, data=icmpv6.nd_neighbor(res=0, dst=target, option=said)),
    )


def advertisement(sender, sender_mac, target, target_mac, *, option=True) -> bytes:
    """What answers it: ``sender`` is at ``sender_mac``; router, solicited, override."""
    said = icmpv6.nd_option_tla(hw_src=sender_mac) if option else None
    data = icmpv6.nd_neighbor(res=7, dst=sender, option=said)
    return written(
        ethernet.ethernet(target_mac, sender_mac, 0x86DD),
        ipv6.ipv6(src=sender, dst=target, nxt=58, hop_limit=255),
        icmpv6.icmpv6(type_=136, data=data),
    )
