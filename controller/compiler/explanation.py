"""Why lines are refused, or ride where they ride: the plan's verdicts, with the routes beside the chosen ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from controller.compiler.circuits import Circuits
from controller.compiler.optical import layers_of
from controller.compiler.plan import Plan, Verdict
from controller.domain.egress import EgressPolicy
from controller.domain.errors import Refusal
from controller.domain.intents import IntentKey, PrivateLine
from controller.domain.placement import PlacedLine, PlacedPath
from controller.paths.alternatives import Candidate, alternatives
from controller.paths.budget import Budget
from controller.paths.network import Network
from controller.paths.request import request_for


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """``paths`` is where the line rides (``carried``) or would; empty when it is refused. ``candidates`` are in the
    order of the line's objective, and the chosen route is one of them."""

    line: PrivateLine
    carried: bool
    """The network carries the line exactly so now."""
    paths: tuple[PlacedPath, ...]
    refusals: tuple[Refusal, ...]
    candidates: tuple[Candidate, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyExplanation:
    """What of an egress policy is carried, or would be, beside those in force, and why not the rest. ``carried``: it is
    in force exactly so now."""

    policy: EgressPolicy
    carried: bool
    verdict: Verdict


def explained(
    network: Network,
    circuits: Circuits,
    lines: Mapping[IntentKey, PlacedLine],
    in_order: Sequence[PrivateLine],
    plan: Plan,
) -> dict[IntentKey, Explanation]:
    """Explain the lines of ``plan``, each against what was reserved when it had its turn; ``in_order`` is the order of
    planning, ``lines`` what is placed now.
    ``network`` and ``circuits`` are as they were before the plan. The network is left so, the circuits get those of the
    plan: to be asked inside a trial."""
    verdicts = {verdict.key: verdict for verdict in plan.verdicts}
    carried = [line for line in in_order if line.key in lines and lines[line.key].line == line]
    others = [line for line in in_order if line not in carried]
    found: dict[IntentKey, Explanation] = {}
    with network.trial():
        for line in (*carried, *others):
            found[line.key] = _explained(network, circuits, lines.get(line.key), line, verdicts[line.key])
    return found


def _explained(
    network: Network, circuits: Circuits, was: PlacedLine | None, line: PrivateLine, verdict: Verdict
) -> Explanation:
    """The line is explained as if what it holds were free, and then holds what the plan gives it."""
    topology = network.topology
    if was is not None:
        network.release(line.key)
    paths = () if verdict.placed is None else verdict.placed.paths
    request = request_for(line, topology)
    holds = was if verdict.placed is None else verdict.placed
    with layers_of(network, circuits, line, holds):
        candidates = alternatives(network, request, paths[0] if paths else None, Budget())
    if holds is not None:
        for circuit in holds.circuits:
            circuits.hold(circuit)
        network.reserve(line.key, tuple(holds.reservations(topology)))
    return Explanation(
        line=line,
        carried=was is not None and was.line == line,
        paths=paths,
        refusals=verdict.refusals,
        candidates=candidates,
    )
