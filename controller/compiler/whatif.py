"""What failures would do to placed lines: from lines and the state of the network to a report, failure by failure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from controller.compiler.failures import failure_name
from controller.compiler.plan import planning_order
from controller.domain.intents import IntentKey
from controller.domain.placement import PlacedLine, PlacedPath
from controller.domain.topology import Direction, PerDirection
from controller.paths.batch import Apply
from controller.paths.network import Network
from controller.paths.request import request_for
from controller.paths.snapshot import Snapshot, bring
from controller.paths.whatif import Element, Failure, Fate, Impact, Overload, what_if

ENDED = "END_FAILED"
"""The fate of a line that begins or ends at a node that fails: no network could save it."""
FATES = (*map(str, Fate), ENDED)
SURVIVES = frozenset((Fate.REPLACED, Fate.SWITCHED, Fate.UNPROTECTED))
"""The fates with which a line goes on, with its bandwidth and within its bound."""
MOST_NAMED = 5
"""Failures that are named for each line at risk."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LineImpact:
    """One line after a failure. ``before_ns``: its delay now; ``after_ns``: on its new route, or on the one that it
    would have were there no bound and enough bandwidth; ``None`` if there is none."""

    key: IntentKey
    fate: str
    before_ns: PerDirection[int]
    after_ns: PerDirection[int] | None

    @property
    def survives(self) -> bool:
        return self.fate in SURVIVES


@dataclass(frozen=True, slots=True, kw_only=True)
class FailureImpact:
    """What fails together, and what becomes of the lines on it, in the order in which they are placed again."""

    failure: tuple[Failure, ...]
    lines: tuple[LineImpact, ...]
    overloads: tuple[Overload, ...]

    @property
    def name(self) -> str:
        return "+".join(map(failure_name, self.failure))

    @property
    def fates(self) -> dict[str, int]:
        """How many lines have which fate; every fate is there."""
        counted = Counter(line.fate for line in self.lines)
        return {fate: counted[fate] for fate in FATES}

    @property
    def worst_delay_ns(self) -> int | None:
        """The longest delay of a direction, of the lines that survive; ``None`` if none does."""
        return max((max(line.after_ns) for line in self.lines if line.survives and line.after_ns), default=None)

    @property
    def worst_extra_delay_ns(self) -> int | None:
        """By how much a direction of a line that survives gets longer at most; less than 0: all get shorter."""
        longer = [
            after_ns - before_ns
            for line in self.lines
            if line.survives and line.after_ns is not None
            for after_ns, before_ns in zip(line.after_ns, line.before_ns, strict=True)
        ]
        return max(longer, default=None)


@dataclass(slots=True, kw_only=True)
class LineAtRisk:
    """How many of the failures tried hit a line, and which it does not survive although both its ends stand."""

    key: IntentKey
    hit_by: int = 0
    lost_by: int = 0
    lost_to: list[str] = field(default_factory=list)
    """The first ``MOST_NAMED`` of them."""


class Toll:
    """What the failures, one after the other, come to for each line."""

    def __init__(self) -> None:
        self._lines: dict[IntentKey, LineAtRisk] = {}

    def add(self, impact: FailureImpact) -> None:
        for line in impact.lines:
            if line.key not in self._lines:
                self._lines[line.key] = LineAtRisk(key=line.key)
            so_far = self._lines[line.key]
            so_far.hit_by += 1
            if line.survives or line.fate == ENDED:
                continue
            so_far.lost_by += 1
            if len(so_far.lost_to) < MOST_NAMED:
                so_far.lost_to.append(impact.name)

    def at_risk(self) -> list[LineAtRisk]:
        """The lines that do not survive every failure, the most failures first."""
        lost = [line for line in self._lines.values() if line.lost_by]
        return sorted(lost, key=lambda line: (-line.lost_by, line.key))


class Laid:
    """Placed lines in a network of their own, made of a snapshot of the one where they are.

    What others than the lines have reserved stays reserved, whatever fails. So does what lines over the optical layer
    have: nobody makes another circuit for one that is cut.
    """

    def __init__(self, snapshot: Snapshot, placed: Mapping[IntentKey, PlacedLine]) -> None:
        topology = snapshot.topology
        network = Network(topology)
        of_lines: Counter[tuple[str, Direction]] = Counter()
        for line in placed.values():
            for held in line.reservations(topology):
                of_lines[held.link, held.direction] += held.bps
        bring(network, _less(snapshot, network, of_lines))
        self._over_light = {key: line for key, line in placed.items() if line.circuits}
        for key, line in placed.items():
            if line.circuits:
                network.reserve(key, tuple(line.reservations(topology)))
                continue
            request, order = request_for(line.line, topology), planning_order(line.line)
            network.lines.place(key, request, line.working, order, *line.paths[1:])
        self._network = network
        self._placed = placed
        self._now_ns = {key: _delay_ns(network, line.working) for key, line in placed.items()}

    def impacts(
        self, failures: Sequence[tuple[Failure, ...]], apply: Apply = map, workers: int = 1
    ) -> Iterator[FailureImpact]:
        """Try each failure, all its parts together; the impacts come in order, bit by bit. ``apply``, ``workers``: see
        ``paths.batch``; the result is the same for every number of workers."""
        for failure, impact in zip(failures, what_if(self._network, failures, apply, workers), strict=True):
            yield self._impact(failure, impact)

    def _impact(self, failure: tuple[Failure, ...], impact: Impact) -> FailureImpact:
        failed = {part.name for part in failure if part.element is Element.NODE}
        lines = list(self._cut_circuits(failure, failed))
        for outcome in impact.outcomes:
            assert isinstance(outcome.owner, IntentKey)
            ended = failed and not failed.isdisjoint(self._ends(outcome.owner))
            lines.append(
                LineImpact(
                    key=outcome.owner,
                    fate=ENDED if ended else str(outcome.fate),
                    before_ns=self._now_ns[outcome.owner],
                    after_ns=outcome.delay_ns,
                )
            )
        return FailureImpact(failure=failure, lines=tuple(lines), overloads=tuple(impact.overloads))

    def _cut_circuits(self, failure: tuple[Failure, ...], failed: set[str]) -> Iterator[LineImpact]:
        """The lines over the optical layer that are hit: what is left to each is its other route, if it has one."""
        links = {part.name for part in failure if part.element is Element.LINK}
        for part in failure:
            if part.element is Element.SRLG:
                links.update(link.name for link in self._network.links_of_srlg(part.name))
        for key, placed in sorted(self._over_light.items(), key=lambda one: planning_order(one[1].line)):
            left = [
                path
                for path in placed.paths
                if links.isdisjoint(path.route.links) and failed.isdisjoint(path.route.nodes)
            ]
            if len(left) == len(placed.paths):
                continue
            ended = not failed.isdisjoint(self._ends(key))
            yield LineImpact(
                key=key,
                fate=ENDED if ended else str(Fate.SWITCHED if left else Fate.CUT_OFF),
                before_ns=self._now_ns[key],
                after_ns=_delay_ns(self._network, left[0]) if left and not ended else None,
            )

    def _ends(self, key: IntentKey) -> tuple[str, str]:
        line, site = self._placed[key].line, self._network.topology.site
        return site[line.a.site].node, site[line.z.site].node


def _less(snapshot: Snapshot, network: Network, of_lines: Mapping[tuple[str, Direction], int]) -> Snapshot:
    """The snapshot without what the lines have reserved."""
    arcs = []
    for (tail, _, name), arc in zip(network.graph.edges(keys=True), snapshot.arcs, strict=True):
        delay_ns, capacity_bps, reserved_bps, enabled, up = arc
        direction = network.topology.link[name].direction_from(tail)
        arcs.append((delay_ns, capacity_bps, reserved_bps - of_lines.get((name, direction), 0), enabled, up))
    return replace(snapshot, arcs=tuple(arcs))


def _delay_ns(network: Network, path: PlacedPath) -> PerDirection[int]:
    hops = list(path.route.hops(network.topology))
    return PerDirection(
        sum(network.crossing_delay_ns(link, direction) for link, direction in hops),
        sum(network.crossing_delay_ns(link, direction.reverse) for link, direction in hops),
    )
