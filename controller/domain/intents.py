"""What customers and engineers ask for, as values. A new kind of intent starts here."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from controller.domain.topology import PerDirection


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class IntentKey:
    """Names one intent among all. ``order`` is by kind, tenant, name."""

    kind: str
    tenant: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind} {self.tenant}/{self.name}"


class Protection(StrEnum):
    NONE = "none"
    RESTORE = "restore"
    ONE_TO_ONE = "1:1"


class Disjointness(StrEnum):
    LINK = "link"
    NODE = "node"
    SRLG = "srlg"


class Objective(StrEnum):
    DELAY = "delay"
    COST = "cost"


class LayerChoice(StrEnum):
    """Which layers a line may ride: ``AUTO`` leaves it to the planner."""

    PACKET = "packet"
    OTN = "otn"
    AUTO = "auto"


class Isolation(StrEnum):
    """Whether a line shares links with others, or has the transmission it rides for itself (an ODU of its own)."""

    SHARED = "shared"
    DEDICATED = "dedicated"


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """One end of a line: the whole port of a site, or one VLAN of it."""

    site: str
    vlan: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Avoid:
    """What a route must not use."""

    nodes: tuple[str, ...] = ()
    links: tuple[str, ...] = ()
    srlgs: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PrivateLine:
    """A point-to-point Ethernet line (MEF E-Line): EPL when it takes whole ports, EVPL when one VLAN of each.

    ``cir_bps`` counts customer layer-2 bytes; ``max_delay_ns`` is one way and binds each direction.
    """

    tenant: str
    name: str
    a: Attachment
    z: Attachment
    cir_bps: PerDirection[int]
    max_delay_ns: int | None = None
    mtu_bytes: int = 1500
    protection: Protection = Protection.NONE
    disjoint: Disjointness = Disjointness.LINK
    avoid: Avoid = Avoid()
    via: tuple[str, ...] = ()
    objective: Objective = Objective.DELAY
    priority: int = 4
    layer: LayerChoice = LayerChoice.PACKET
    isolation: Isolation = Isolation.SHARED

    @property
    def key(self) -> IntentKey:
        return IntentKey(kind="PrivateLine", tenant=self.tenant, name=self.name)

    @property
    def is_epl(self) -> bool:
        return self.a.vlan is None

    @property
    def service_type(self) -> str:
        return "EPL" if self.is_epl else "EVPL"
