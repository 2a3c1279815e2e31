"""What a route is asked for, in the customer's terms, and what that takes of a link."""

from __future__ import annotations

from dataclasses import dataclass, field

from controller.domain.errors import Fault, InvalidInput, Reason
from controller.domain.intents import Avoid, Disjointness, Objective, PrivateLine, Protection
from controller.domain.path_query import PathQuery
from controller.domain.topology import PerDirection, Topology

# What wrapping adds to the customer's payload on a link: the inner Ethernet header (14) and two labels
# (4 each) of RFC 4448 without control word; an EVPL's frames bring their tag along (4).
WRAP_BYTES = 22
TAG_BYTES = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class PathRequest:
    """A co-routed route from node ``a`` to node ``z``.

    ``cir_bps`` per direction, without overhead; ``max_delay_ns`` one way, binds each direction, ``None``: no bound;
    ``mtu_bytes`` is the customer's, to which a link needs ``wrap_bytes`` more.
    """

    a: str
    z: str
    cir_bps: PerDirection[int]
    max_delay_ns: int | None = None
    mtu_bytes: int = 1500
    wrap_bytes: int = WRAP_BYTES
    objective: Objective = Objective.DELAY
    avoid: Avoid = field(default_factory=Avoid)
    via: tuple[str, ...] = ()
    """Nodes that the route passes in this order."""
    disjoint: Disjointness | None = None
    """What two routes, working and protect, must not have in common; ``None``: one route is asked for."""

    @property
    def is_plain(self) -> bool:
        """Whether one route is asked for, by way of no given node."""
        return not self.via and self.disjoint is None

    def must_be_plain(self) -> None:
        """``ValueError`` if more is asked for than one route: who asks for more must not get less unnoticed."""
        if not self.is_plain:
            raise ValueError(f"the request from {self.a} to {self.z} asks for more than one plain route")

    @property
    def link_mtu_bytes(self) -> int:
        return self.mtu_bytes + self.wrap_bytes

    def reserved_bps(self, topology: Topology) -> PerDirection[int]:
        """What the request takes of every link, per direction of the line."""
        return PerDirection(*map(topology.reservation_bps, self.cir_bps))


def stops(request: PathRequest) -> tuple[str, ...] | None:
    """The nodes to be passed between the ends; ``None``: no simple route passes them, whatever the network.

    To be at an end when the route begins, or when it arrives, is to pass it.
    """
    via = list(request.via)
    if via[:1] == [request.a]:
        del via[0]
    if via[-1:] == [request.z]:
        del via[-1]
    impossible = len({request.a, request.z, *via}) < len(via) + 2
    return None if via and impossible else tuple(via)


def request_for(line: PrivateLine, topology: Topology) -> PathRequest:
    """The request of a line whose sites are in ``topology``.

    ``InvalidInput`` for what this engine cannot hold yet: a line that asks for more must not get less unnoticed.
    """
    if line.protection is Protection.RESTORE:
        message = "restore is not supported yet: nobody would place the line again after a failure; write 1:1 or none"
        raise InvalidInput((Fault(reason=Reason.INVALID_VALUE, field="spec.protection", message=message),))
    return PathRequest(
        a=topology.site[line.a.site].node,
        z=topology.site[line.z.site].node,
        cir_bps=line.cir_bps,
        max_delay_ns=line.max_delay_ns,
        mtu_bytes=line.mtu_bytes,
        wrap_bytes=WRAP_BYTES if line.is_epl else WRAP_BYTES + TAG_BYTES,
        objective=line.objective,
        avoid=line.avoid,
        via=line.via,
        disjoint=line.disjoint if line.protection is Protection.ONE_TO_ONE else None,
    )


def request_of(query: PathQuery, topology: Topology) -> PathRequest:
    """The request of a query whose ends are in ``topology``."""
    return PathRequest(
        a=query.a.node(topology),
        z=query.z.node(topology),
        cir_bps=query.cir_bps,
        max_delay_ns=query.max_delay_ns,
        mtu_bytes=query.mtu_bytes,
        wrap_bytes=WRAP_BYTES + TAG_BYTES if query.tagged else WRAP_BYTES,
        objective=query.objective,
        avoid=query.avoid,
        via=query.via,
        disjoint=query.disjoint,
    )
