"""IP packets as routers see them: one and the same before a hop and after it."""

import struct
from dataclasses import dataclass, replace
from ipaddress import ip_address

from lab.measure.frames import checksum

_UDP = 17
_PORTS = struct.pack("!HH", 49152, 9)
_IP_ETHERTYPE = {4: 0x0800, 6: 0x86DD}


@dataclass(frozen=True, kw_only=True)
class Packet:
    """UDP from one address to another, of the version that these are; ``mark`` makes it unlike others."""

    source: str
    target: str
    hops: int = 64
    dscp: int = 0
    mark: int = 0

    def after_a_hop(self):
        return replace(self, hops=self.hops - 1)

    def frame(self, source_mac, target_mac):
        version = ip_address(self.target).version
        packed = self._ipv4() if version == 4 else self._ipv6()
        return ethernet(source_mac, target_mac, _IP_ETHERTYPE[version], packed)

    def _ipv4(self):
        udp = self._udp()
        head = struct.pack("!BBHHHBBH", 0x45, self.dscp << 2, 20 + len(udp), 7, 0x4000, self.hops, _UDP, 0)
        head += self._addresses()
        return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + udp

    def _ipv6(self):
        udp = self._udp()
        return struct.pack("!IHBB", 6 << 28 | self.dscp << 22, len(udp), _UDP, self.hops) + self._addresses() + udp

    def _addresses(self):
        return ip_address(self.source).packed + ip_address(self.target).packed

    def _udp(self):
        payload = self.mark.to_bytes(8, "big") * 5
        length = 8 + len(payload)
        summed = checksum(
            self._addresses() + struct.pack("!HH", _UDP, length) + _PORTS + struct.pack("!HH", length, 0) + payload
        )
        return _PORTS + struct.pack("!HH", length, summed) + payload


def ethernet(source_mac, target_mac, ethertype, payload):
    return mac(target_mac) + mac(source_mac) + struct.pack("!H", ethertype) + payload


def mac(text):
    return bytes.fromhex(text.replace(":", ""))


def arp(operation, sender_mac, sender, target_mac, target):
    """The body of an ARP packet (RFC 826)."""
    return (
        struct.pack("!HHBBH", 1, 0x0800, 6, 4, operation)
        + mac(sender_mac)
        + ip_address(sender).packed
        + mac(target_mac)
        + ip_address(target).packed
    )


def neighbour_message(kind, flags, option, source, target, asked, link_address):
    """A neighbour solicitation (135) or advertisement (136) with one option that bears a link address, or none if
    that is ``None`` (RFC 4861, 4.3 and 4.4), in IPv6."""
    body = struct.pack("!BBHI", kind, 0, 0, flags) + ip_address(asked).packed
    if link_address is not None:
        body += struct.pack("!BB", option, 1) + mac(link_address)
    ends = ip_address(source).packed + ip_address(target).packed
    summed = checksum(ends + struct.pack("!II", len(body), 58) + body)
    return struct.pack("!IHBB", 6 << 28, len(body), 58, 255) + ends + body[:2] + struct.pack("!H", summed) + body[4:]
