"""IP packets in Ethernet frames, written out byte by byte: what steering must leave of them is told without it."""

from __future__ import annotations

from ipaddress import ip_address

from controller.compiler.steering.rules import VIRTUAL_MAC

CUSTOMER = "02:00:00:00:0c:01"
PAYLOAD = bytes(range(40))


def packet(source: str, destination: str, *, dscp=0, ttl=64, macs=(CUSTOMER, VIRTUAL_MAC)) -> bytes:
    """``macs``: source and destination of the frame."""
    from_mac, to_mac = (bytes.fromhex(mac.replace(":", "")) for mac in macs)
    sender, target = ip_address(source), ip_address(destination)
    if target.version == 6:
        header = (6 << 28 | dscp << 22).to_bytes(4, "big") + len(PAYLOAD).to_bytes(2, "big") + bytes((59, ttl))
        return to_mac + from_mac + bytes.fromhex("86dd") + header + sender.packed + target.packed + PAYLOAD
    header = bytes((0x45, dscp << 2)) + (20 + len(PAYLOAD)).to_bytes(2, "big") + bytes(4) + bytes((ttl, 253))
    addresses = sender.packed + target.packed
    total = sum(int.from_bytes((header + addresses)[at : at + 2], "big") for at in range(0, 18, 2))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    checksum = (~total & 0xFFFF).to_bytes(2, "big")
    return to_mac + from_mac + bytes.fromhex("0800") + header + checksum + addresses + PAYLOAD
