"""IP prefixes as plain numbers: a table of 100,000 of them is compared, sorted and hashed all the time."""

from __future__ import annotations

from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Final, NamedTuple

ADDRESS_BITS: Final = {4: 32, 6: 128}


class Prefix(NamedTuple):
    """``bits`` is the network address as a number, host bits 0; ``version`` 4 or 6. Sorted by version, address, length:
    a prefix stands before all that it covers."""

    version: int
    bits: int
    length: int

    @property
    def mask(self) -> int:
        width = ADDRESS_BITS[self.version]
        return (1 << width) - (1 << width - self.length)

    def covers(self, other: Prefix) -> bool:
        """Whether ``other`` lies within this one, or is the same."""
        return self.version == other.version and self.length <= other.length and other.bits & self.mask == self.bits

    def holds(self, address: int) -> bool:
        """Whether an address of this version lies within."""
        return address & self.mask == self.bits

    def network(self) -> IPv4Network | IPv6Network:
        address = self.bits.to_bytes(ADDRESS_BITS[self.version] // 8, "big")
        return IPv4Network((address, self.length)) if self.version == 4 else IPv6Network((address, self.length))

    def __str__(self) -> str:
        return str(self.network())


ANY_IPV4: Final = Prefix(4, 0, 0)
ANY_IPV6: Final = Prefix(6, 0, 0)


@lru_cache(maxsize=4096)
def parse_prefix(text: str) -> Prefix:
    """``10.44.0.0/16`` or ``fd00:44::/32``. ``ValueError`` when it is no prefix, or has host bits set."""
    network = ip_network(text)
    return Prefix(network.version, int(network.network_address), network.prefixlen)
