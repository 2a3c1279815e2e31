"""What keeps decisions about internet traffic from being carried out, in words."""

from __future__ import annotations

from controller.domain.topology import Topology
from controller.service.egress.report import CycleReport, Ending, Mode
from controller.service.freeze import Freeze


def why_it_waits(mode: Mode, freeze: Freeze) -> str:
    """Why nothing that is decided is carried out for now; empty: it is."""
    if mode is Mode.OFF:
        return "egress is off (serve --egress): nothing is steered anew"
    if mode is Mode.SHADOW:
        return "egress is in shadow (serve --egress): what would move is only reported"
    return "the controller is frozen: traffic moves after trunkline freeze --off" if freeze.on else ""


def why_not_steered(topology: Topology, mode: Mode, freeze: Freeze, latest: CycleReport | None) -> str:
    """Why devices have not been told of a policy in force. ``latest``: the last cycle that has ended."""
    if all(gateway.next_hop is None for gateway in topology.gateways):
        return "no gateway has a next hop, so that no rule can lead there (trunkline topology check)"
    waits = why_it_waits(mode, freeze)
    if waits:
        return waits
    if latest is not None and latest.ending in (Ending.FAILED, Ending.HELD):
        why = f": {latest.reasons[0]}" if latest.reasons else ""
        return f"the last egress cycle {_ENDED[latest.ending]}{why}"
    return "the next egress cycle steers it"


_ENDED = {Ending.FAILED: "failed, and is tried again", Ending.HELD: "decided nothing"}
