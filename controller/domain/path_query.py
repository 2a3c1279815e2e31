"""What a route is asked for without ordering one: a question to the network as it is."""

from __future__ import annotations

from dataclasses import dataclass, field

from controller.domain.errors import Fault, Reason
from controller.domain.intents import Avoid, Disjointness, Objective
from controller.domain.topology import PerDirection, Topology
from controller.domain.validation import check_asked_names, check_asked_values, unknown

MOST_ALTERNATIVES = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """A node of the network, named itself or by a site at it; ``kind`` is ``site`` or ``node``."""

    kind: str
    name: str

    def node(self, topology: Topology) -> str:
        return topology.site[self.name].node if self.kind == "site" else self.name


@dataclass(frozen=True, slots=True, kw_only=True)
class PathQuery:
    """As a ``PrivateLine``, between any two places. The best route is wanted; with ``disjoint`` the best pair, with
    ``k`` so many alternatives. ``tagged``: the frames bring a VLAN tag along."""

    a: Endpoint
    z: Endpoint
    cir_bps: PerDirection[int]
    max_delay_ns: int | None = None
    mtu_bytes: int = 1500
    tagged: bool = False
    objective: Objective = Objective.DELAY
    avoid: Avoid = field(default_factory=Avoid)
    via: tuple[str, ...] = ()
    disjoint: Disjointness | None = None
    k: int | None = None

    @property
    def routes(self) -> int:
        """How many routes it asks for at most."""
        if self.k is not None:
            return self.k
        return 1 if self.disjoint is None else 2


def check_query(query: PathQuery, topology: Topology, *, sequential: bool = False) -> list[Fault]:
    """All that is wrong with a query in this network; fields as in documents (``spec.maxDelay``), beside ``spec.k``."""
    faults = []
    for end, place in (("a", query.a), ("z", query.z)):
        known = topology.site if place.kind == "site" else topology.node
        if place.name not in known:
            faults.append(unknown(f"spec.{end}.{place.kind}", place.kind, place.name, known))
    faults += check_asked_values(query, least_bps=0) + check_asked_names(query, topology)
    if query.k is None:
        return faults

    def refuse(field: str, message: str) -> None:
        faults.append(Fault(reason=Reason.INVALID_VALUE, field=field, message=message))

    if not 1 <= query.k <= MOST_ALTERNATIVES:
        refuse("spec.k", f"{query.k} is no number of alternatives: write 1 to {MOST_ALTERNATIVES}")
    if query.via:
        refuse("spec.via", "cannot be combined with k: ask for the best route by way of these nodes, or leave via out")
    if sequential:
        refuse("spec.k", "cannot be combined with sequential: alternatives are not reserved one after the other")
    return faults
