"""Requests of the control socket about OTN nodes; ``control`` has those about the rest, and their form."""

from __future__ import annotations

from typing import Any

from controller.simulation.fields import BadRequest, Fields
from controller.simulation.netconf.faults import RpcFault, RpcFaultKind
from controller.simulation.simulator import Simulator


class OtnControl:
    """Nothing here is asked of a simulation without OTN nodes but is refused."""

    def __init__(self, simulator: Simulator) -> None:
        self._simulator = simulator

    async def set_otn(self, request: Fields) -> dict[str, Any]:
        plane, name = self._simulator.optical, self.name(request)
        assert plane is not None
        node = plane.nodes[name]
        # All is read before anything is done: a request that is wrong in one point does nothing.
        fault = _fault(request.part("fault"))
        clear, drop = request.switch("clear_faults"), request.switch("drop_sessions")
        frozen, powered = request.switch("frozen"), request.switch("powered")
        edit = request.text("edit", "")
        if edit:
            node.edit_by_hand(edit)
        if clear:
            node.faults.clear()
        if fault is not None:
            node.faults.order(fault)
        if drop:
            node.drop_sessions()
        if frozen is not None:
            node.freeze(frozen)
        if powered is not None:
            self._simulator.set_power(name, powered)
        return {}

    def tables(self, name: str) -> list[str]:
        plane = self._simulator.optical
        assert plane is not None
        return plane.nodes[name].dump()

    def counters(self) -> dict[str, Any]:
        plane = self._simulator.optical
        nodes = {} if plane is None else plane.nodes
        return {
            name: {"connected": node.sessions > 0, "powered": node.powered, **node.counters}
            for name, node in nodes.items()
        }

    def knows(self, name: str) -> bool:
        return self._simulator.optical is not None and name in self._simulator.optical.nodes

    def name(self, request: Fields) -> str:
        name = request.text("node")
        if not self.knows(name):
            raise BadRequest(f"there is no simulated OTN node {name!r}")
        return name


def _fault(asked: Fields | None) -> RpcFault | None:
    if asked is None:
        return None
    kind = asked.text("kind")
    if kind not in list(RpcFaultKind):
        raise BadRequest(f"there is no kind of fault {kind!r}: one of {', '.join(RpcFaultKind)}")
    return RpcFault(
        kind=RpcFaultKind(kind),
        rpc=asked.text("rpc"),
        after=asked.number("after", 0),
        count=asked.number("count", 1),
        tag=asked.text("tag", "operation-failed"),
    )
