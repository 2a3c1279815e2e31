"""A controller that starts with another topology than the one under which its lines were placed, and its policies taken
into force."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace

from controller.compiler.steering.standing import stands
from controller.compiler.stranded import leaving, stranded, unmarked_rules
from controller.compiler.stranded_policies import stranded_policies
from controller.domain.errors import Infeasible, Reason, Refusal
from controller.domain.intents import IntentKey
from controller.domain.steering import PrefixTable, Steering
from controller.domain.topology import Topology
from controller.store.records import Leftover, Saved
from controller.store.store import Store

log = logging.getLogger(__name__)

MOST_LISTED = 20


class TopologyRefused(Infeasible):
    """The topology does not carry what the state file holds; the message lists it and says what to do."""


async def load_for(store: Store, topology: Topology, now: float, *, force: bool) -> Saved:
    """What the store holds, once all of it has its place in ``topology``.

    Lines that have none there, and policies that name what is gone: ``TopologyRefused``, or with ``force`` they become
    FAILED, to be applied anew. A change that was cut off is finished under the topology that it was made for, forced
    or not.
    """
    saved = await store.load()
    lines, policies = stranded(topology, saved.placed), stranded_policies(topology, saved.policies)
    found = [
        *(_Lost(key=one.placed.line.key, refusals=one.refusals) for one in lines),
        *(_Lost(key=one.policy.key, refusals=one.refusals) for one in policies),
    ]
    _check_unfinished(saved, topology, anything_stranded=bool(found))
    steering_stands = stands(topology, saved.steering, {trunk.label: trunk for trunk in saved.trunks})
    if not found and steering_stands:
        return saved
    if found and not force:
        of_each = ((len(saved.placed), "private lines"), (len(saved.policies), "egress policies"))
        there = " and ".join(f"{count} {what}" for count, what in of_each if count)
        raise TopologyRefused(_listed(found, there), _by_name(found))
    for one in found:
        log.warning("%s loses its place: %s", one.key, one.why)
    movement = replace(
        leaving(
            lines,
            saved.placed,
            saved.trunks,
            saved.pairs,
            saved.steering.trunks if steering_stands else (),
        ),
        policies_out=tuple(one.policy for one in policies),
    )
    if not steering_stands:
        # Nobody is refused for it: where internet traffic leaves is decided anew as soon as devices are there.
        log.warning("the gateways, sites or links that internet traffic takes have changed: it is steered from anew")
        movement = replace(movement, steering_out=saved.steering, steering_in=Steering(), prefixes_in=PrefixTable())
    refused = [
        (one.key, Refusal(reason=one.refusals[0].reason, message=f"the topology was changed: {one.why}"))
        for one in found
    ]
    left = [Leftover(device=device, rule=rule) for device, rule in unmarked_rules(movement)]
    await store.strand(refused, movement, left, now)
    return await store.load()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Lost:
    """An intent that the topology cannot carry any more."""

    key: IntentKey
    refusals: tuple[Refusal, ...]

    @property
    def why(self) -> str:
        return "; ".join(dict.fromkeys(refusal.message for refusal in self.refusals))


def _check_unfinished(saved: Saved, topology: Topology, *, anything_stranded: bool) -> None:
    devices = {node.name for node in topology.nodes if node.device is not None}
    needed = {part.device for change in saved.unfinished for part in change.rounds}
    if not saved.unfinished or (not anything_stranded and needed <= devices):
        return
    keys = sorted({key for change in saved.unfinished for key in change.keys})
    names = [str(key) for key in keys] if keys else ["where internet traffic leaves"]
    message = (
        f"a change of {', '.join(names)} was cut off and must be finished with the topology as it was: "
        "start once with the earlier file, then with this one"
    )
    refusal = Refusal(reason=Reason.INTERRUPTED, message=message)
    raise TopologyRefused(message, tuple((name, refusal) for name in names))


def _listed(found: list[_Lost], there: str) -> str:
    listed = [f"  {one.key}: {one.why} [{one.refusals[0].reason}]" for one in found[:MOST_LISTED]]
    if len(found) > MOST_LISTED:
        listed.append(f"  and {len(found) - MOST_LISTED} more")
    return "\n".join(
        (
            f"the topology strands {len(found)} of {there}:",
            *listed,
            "start with the topology as it was and move or delete these first; "
            "or start with --force: they become FAILED, to be applied anew",
        )
    )


def _by_name(found: list[_Lost]) -> tuple[tuple[str, Refusal], ...]:
    return tuple((str(one.key), refusal) for one in found for refusal in one.refusals)
