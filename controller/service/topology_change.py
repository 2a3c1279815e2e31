"""A controller that starts with another topology than the one under which its lines were placed."""

from __future__ import annotations

import logging

from controller.compiler.stranded import Stranded, leaving, stranded, unmarked_rules
from controller.domain.errors import Infeasible, Reason, Refusal
from controller.domain.topology import Topology
from controller.store.records import Leftover, Saved
from controller.store.store import Store

log = logging.getLogger(__name__)

MOST_LISTED = 20


class TopologyRefused(Infeasible):
    """The topology does not carry what the state file holds; the message lists it and says what to do."""


async def load_for(store: Store, topology: Topology, now: float, *, force: bool) -> Saved:
    """What the store holds, once all of it has its place in ``topology``.

    Lines that have none there: ``TopologyRefused``, or with ``force`` they lose their place and become FAILED, to be
    applied anew. A change that was cut off is finished under the topology that it was made for, forced or not.
    """
    saved = await store.load()
    found = stranded(topology, saved.placed)
    _check_unfinished(saved, found, topology)
    if not found:
        return saved
    if not force:
        raise TopologyRefused(_listed(found, len(saved.placed)), _by_name(found))
    for one in found:
        log.warning("%s loses its place: %s", one.placed.line.key, _why(one))
    movement = leaving(found, saved.placed, saved.trunks, saved.pairs)
    refused = [
        (one.placed.line.key, Refusal(reason=one.refusals[0].reason, message=f"the topology was changed: {_why(one)}"))
        for one in found
    ]
    left = [Leftover(device=device, rule=rule) for device, rule in unmarked_rules(movement)]
    await store.strand(refused, movement, left, now)
    return await store.load()


def _check_unfinished(saved: Saved, found: tuple[Stranded, ...], topology: Topology) -> None:
    devices = {node.name for node in topology.nodes if node.device is not None}
    needed = {part.device for change in saved.unfinished for part in change.rounds}
    if not saved.unfinished or (not found and needed <= devices):
        return
    keys = sorted({key for change in saved.unfinished for key in change.keys})
    message = (
        f"a change of {', '.join(map(str, keys))} was cut off and must be finished with the topology as it was: "
        "start once with the earlier file, then with this one"
    )
    refusal = Refusal(reason=Reason.INTERRUPTED, message=message)
    raise TopologyRefused(message, tuple((str(key), refusal) for key in keys))


def _listed(found: tuple[Stranded, ...], placed: int) -> str:
    listed = [f"  {one.placed.line.key}: {_why(one)} [{one.refusals[0].reason}]" for one in found[:MOST_LISTED]]
    if len(found) > MOST_LISTED:
        listed.append(f"  and {len(found) - MOST_LISTED} more")
    return "\n".join(
        (
            f"the topology strands {len(found)} of {placed} private lines:",
            *listed,
            "start with the topology as it was and move or delete these first; "
            "or start with --force: they become FAILED, to be applied anew",
        )
    )


def _why(one: Stranded) -> str:
    return "; ".join(dict.fromkeys(refusal.message for refusal in one.refusals))


def _by_name(found: tuple[Stranded, ...]) -> tuple[tuple[str, Refusal], ...]:
    return tuple((str(one.placed.line.key), refusal) for one in found for refusal in one.refusals)
