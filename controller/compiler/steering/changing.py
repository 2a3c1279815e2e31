"""From one steering to another: which of the rules in use change in which flip, so that no step exceeds a room.

Packets meet the rules of a flow (source, group, class) as long as their group is in use, before and after. Those rules
change step by step (``steps``), through rules for slices of it that stand only in between. A step is three flips: what
is added, what is modified, what is deleted. So a slice changes its way once, and at no other moment: a rule for part of
the sources is added beside the one for all and takes its part over at once; the rule for all is modified when no slice
that stays depends on it; and a rule for a part is deleted when the one for all says the same or says where it is to go.

Rules of groups and of source nodes that come or go are not here: nothing leads to them yet, or nothing any more, so
that they are prepared before all flips and removed after. What changes over to them, when prefixes go to other groups
or sites come and go, is counted as one move, in the step that has room for it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from controller.compiler.steering.building import flow_of
from controller.compiler.steering.dividing import parts_of
from controller.compiler.steering.inputs import Flow
from controller.compiler.steering.resources import Exceeded, Resource
from controller.compiler.steering.rules import Ways, entry_rules
from controller.compiler.steering.slices import spread
from controller.compiler.steering.steps import Move, Part, Step, in_steps
from controller.domain.placement import Trunk
from controller.domain.qos import TC_OF_CLASS
from controller.domain.rules import Action, Change, FlowRule, Op, RuleKey, key_of
from controller.domain.steering import ELSEWHERE, SLICES, EdgeKind, Entry, Steering
from controller.domain.topology import Topology

FLIPS_A_STEP = 3
_FLIP_OF = {Op.ADD: 0, Op.MODIFY: 1, Op.DELETE: 2}


@dataclass(frozen=True, slots=True, kw_only=True)
class SteeringFlips:
    """``changes``: of rules in use, by device and key, each with the flip (from 0) in which it is made; in order, the
    first from what stands before, the last to what stands after. A rule that stands only in between is here, too.
    ``routes``: the flip in which prefixes change their groups; in the next one those go that nothing is left of.
    ``count``: how many flips all that takes. ``exceeded``: what gets more than its room, before, meanwhile or after.
    """

    changes: Mapping[str, Mapping[RuleKey, Sequence[tuple[int, Change]]]] = field(default_factory=dict)
    routes: int = 0
    count: int = 0
    exceeded: tuple[Exceeded, ...] = ()

    def step_of(self, flip: int) -> int:
        """Which step a flip is part of. Of those after the steering's, which are lines', each is a step."""
        steps = self.count // FLIPS_A_STEP
        return flip // FLIPS_A_STEP if flip < self.count else steps + flip - self.count


NO_STEERING = SteeringFlips()

Doing = tuple[Action, ...]


@dataclass(frozen=True, slots=True)
class _State:
    """A flow, by slice: what becomes of its packets, and what they take on their way. ``None``: they are dropped."""

    doing: tuple[Doing | None, ...]
    takes: tuple[frozenset[Resource], ...]


_NOTHING = _State((None,) * SLICES, (frozenset(),) * SLICES)


def order_steering(
    topology: Topology,
    before: Steering,
    after: Steering,
    trunks: Mapping[int, Trunk],
    room_bps: Mapping[Resource, int],
    measured: Mapping[Flow, Sequence[int]],
) -> SteeringFlips:
    """``trunks`` are those of both. ``room_bps`` is what gateways and links have for internet traffic while the change
    goes on: with lines that come or go, beside both. A flow is taken to be for ``rate_bps`` of its entry after (the
    newest that is known of what is sent now), in slices as they were ``measured`` to be to each other, else equal.
    Raises ``KeyError`` as ``steering_rules`` does."""
    states = [_States(topology, steering, trunks) for steering in (before, after)]
    entries = [{flow_of(entry): entry for entry in steering.entries} for steering in (before, after)]
    in_use = _sources(before) & _sources(after), _groups(before) & _groups(after)
    load: Counter[Resource] = Counter()
    moves: list[Move] = []
    changing: dict[Flow, tuple[_State, _State]] = {}
    regrouped: list[Part] = []
    for flow in sorted(entries[0].keys() | entries[1].keys()):
        was, will = (states[side].of(entries[side].get(flow)) for side in (0, 1))
        newest = entries[1][flow] if flow in entries[1] else entries[0][flow]
        slices = parts_of(newest.rate_bps, measured.get(flow, (1,) * SLICES))
        parts = tuple(map(Part, slices, was.takes, will.takes))
        for part in parts:
            for resource in part.old:
                load[resource] += part.bps
        if flow[0] not in in_use[0] or flow[1] not in in_use[1]:
            regrouped += parts
        elif was != will:
            moves.append(Move(flow=flow, parts=parts))
            changing[flow] = (was, will)
    if any(part.old or part.new for part in regrouped):
        moves.append(Move(flow=None, parts=tuple(regrouped)))
    ordered = in_steps(moves, load, room_bps)
    regrouping = next((number for number, step in enumerate(ordered.steps) if None in step), 0)
    return SteeringFlips(
        changes=_changes(changing, ordered.steps),
        routes=FLIPS_A_STEP * regrouping + _FLIP_OF[Op.MODIFY],
        count=FLIPS_A_STEP * max(1, len(ordered.steps)),
        exceeded=ordered.exceeded,
    )


def _sources(steering: Steering) -> set[str]:
    """Where packets come to the rules that steer them."""
    return {entry.source for entry in steering.entries}


def _groups(steering: Steering) -> set[int]:
    """What prefixes are in."""
    return {ELSEWHERE, *(group.number for group in steering.groups)}


class _States:
    """Of one steering. What many flows do is worked out once."""

    def __init__(self, topology: Topology, steering: Steering, trunks: Mapping[int, Trunk]) -> None:
        self._topology = topology
        self._trunks = trunks
        self._ways = Ways(topology, steering, trunks)
        self._known: dict[tuple[str, str, int], tuple[Doing, frozenset[Resource]]] = {}

    def of(self, entry: Entry | None) -> _State:
        if entry is None:
            return _NOTHING
        tc = TC_OF_CLASS[entry.traffic_class]
        by_slice = spread([self._by(entry.source, gateway, tc) for gateway in entry.gateways])
        return _State(tuple(doing for doing, _ in by_slice), tuple(takes for _, takes in by_slice))

    def _by(self, source: str, gateway: str, tc: int) -> tuple[Doing, frozenset[Resource]]:
        if (source, gateway, tc) not in self._known:
            label = self._ways.trunk(source, EdgeKind.GATEWAY, gateway)
            hops = self._trunks[label].route.hops(self._topology) if label else ()
            takes: set[Resource] = {(gateway, None), *((link.name, direction) for link, direction in hops)}
            doing = self._ways.actions(source, EdgeKind.GATEWAY, gateway, tc)
            self._known[source, gateway, tc] = (doing, frozenset(takes))
        return self._known[source, gateway, tc]


def _changes(
    changing: Mapping[Flow, tuple[_State, _State]], steps: Sequence[Step]
) -> dict[str, dict[RuleKey, list[tuple[int, Change]]]]:
    """Of all flows that change, through what they are after each step that makes part of them."""
    doing = {flow: list(was.doing) for flow, (was, _) in changing.items()}
    found: dict[str, dict[RuleKey, list[tuple[int, Change]]]] = {}
    for number, step in enumerate(steps):
        for flow, made in step.items():
            if flow is None:
                continue
            before = _rules(flow, doing[flow])
            for index in made:
                doing[flow][index] = changing[flow][1].doing[index]
            after = _rules(flow, doing[flow])
            of_device = found.setdefault(flow[0], {})
            for key in sorted(before.keys() | after.keys()):
                if before.get(key) != after.get(key):
                    change = Change(before=before.get(key), after=after.get(key))
                    of_device.setdefault(key, []).append((FLIPS_A_STEP * number + _FLIP_OF[change.op], change))
    return found


def _rules(flow: Flow, doing: Sequence[Doing | None]) -> dict[RuleKey, FlowRule]:
    """None where all is dropped, as if the flow were not; what is dropped of it is said."""
    if all(one is None for one in doing):
        return {}
    _, group, traffic_class = flow
    rules = entry_rules(group, traffic_class, [() if one is None else one for one in doing])
    return {key_of(rule): rule for rule in rules}
