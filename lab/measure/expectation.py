"""What is expected of a lab: its lines as they were planned, and the sites at which nothing else may arrive."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from controller.domain.intents import Attachment
from controller.domain.topology import Direction, PerDirection


@dataclass(frozen=True, slots=True, kw_only=True)
class ProtectRoute:
    """Where a protected line goes when its working route fails: as ``ExpectedLine`` has it for the working one."""

    delay_ns: PerDirection[int]
    route: tuple[str, ...]
    links: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectedLine:
    """A private line as planned. ``cir_bps`` counts customer layer-2 bits, ``burst_bits`` is what the meter of a
    direction lets through beyond the CIR, ``delay_ns`` is one way, ``route`` and ``links`` the nodes and links from the
    a end to the z end."""

    tenant: str
    name: str
    a: Attachment
    z: Attachment
    cir_bps: PerDirection[int]
    burst_bits: PerDirection[int]
    delay_ns: PerDirection[int]
    mtu_bytes: int
    route: tuple[str, ...]
    links: tuple[str, ...] = ()
    protect: ProtectRoute | None = None

    def __post_init__(self) -> None:
        if (self.a.vlan is None) != (self.z.vlan is None):
            raise ValueError(f"{self}: both ends take a whole port, or both one VLAN")
        if min(self.cir_bps) <= 0:
            raise ValueError(f"{self}: a CIR of nothing cannot be measured")

    def __str__(self) -> str:
        return f"{self.tenant}/{self.name}"

    @property
    def is_epl(self) -> bool:
        return self.a.vlan is None

    @property
    def service_type(self) -> str:
        return "EPL" if self.is_epl else "EVPL"

    @property
    def hops(self) -> int:
        """Links crossed."""
        return len(self.route) - 1

    @property
    def round_trip_ns(self) -> int:
        return self.delay_ns.a_to_z + self.delay_ns.z_to_a

    def ends(self, direction: Direction) -> tuple[Attachment, Attachment]:
        """(where ``direction`` enters, where it leaves)."""
        return (self.a, self.z) if direction is Direction.A_TO_Z else (self.z, self.a)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectedLab:
    """All sites of a lab, with or without a line, and all lines that should be there."""

    sites: tuple[str, ...]
    lines: tuple[ExpectedLine, ...]

    def __post_init__(self) -> None:
        for line in self.lines:
            for end in (line.a, line.z):
                if end.site not in self.sites:
                    raise ValueError(f"{line}: the lab has no site {end.site}")

    def vids_in_use(self, site: str) -> frozenset[int]:
        """The VIDs that lines take at a site; empty when it is idle or a line takes the whole port."""
        return frozenset(end.vlan for end in self._ends() if end.site == site and end.vlan is not None)

    @property
    def idle_sites(self) -> tuple[str, ...]:
        """Sites without a line: whatever enters there must go nowhere."""
        taken = {end.site for end in self._ends()}
        return tuple(site for site in self.sites if site not in taken)

    def _ends(self) -> Iterator[Attachment]:
        for line in self.lines:
            yield line.a
            yield line.z
