"""The pure result of planning: what would be placed where, why not, and what changes on which device in which order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from controller.compiler.steering.resources import Exceeded
from controller.domain.egress import EgressPolicy, TrafficClass
from controller.domain.errors import Refusal
from controller.domain.intents import IntentKey, PrivateLine
from controller.domain.kinds import Intent
from controller.domain.placement import PlacedLine, Trunk, TrunkPair
from controller.domain.rules import Change
from controller.domain.steering import PrefixTable, Steering
from controller.domain.topology import Direction, Layer


@dataclass(frozen=True, slots=True, kw_only=True)
class EgressAssignment:
    """What of a policy's traffic leaves a source by a gateway: ``delay_ns`` one way to the far end, ``nodes`` and
    ``links`` the route to the gateway's node."""

    source: str
    gateway: str
    traffic_class: TrafficClass
    rate_bps: int
    delay_ns: int
    nodes: tuple[str, ...]
    links: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The answer for one intent: its place, or why there is none. Of an egress policy that is carried in part, both
    the assignments of that part and why not the rest."""

    key: IntentKey
    placed: PlacedLine | None = None
    refusals: tuple[Refusal, ...] = ()
    assignments: tuple[EgressAssignment, ...] = ()

    @property
    def feasible(self) -> bool:
        return not self.refusals


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkUse:
    """One direction of a link after the plan."""

    link: str
    direction: Direction
    capacity_bps: int
    reserved_bps: int
    layer: Layer = Layer.PACKET
    slots_used: int = 0
    slots: int = 0
    """Tributary slots of a link between OTN nodes; 0 on others."""
    egress_bps: int = 0


class RoundKind(StrEnum):
    """Why a round stands where it stands."""

    PREPARE = "prepare"
    """What carries nothing yet: inner and far-end rules, meters, groups."""
    FLIP = "flip"
    """Head ends begin to use what was prepared, or cease to use what goes: the commit point."""
    REMOVE = "remove"
    """What carries nothing any more, after the packets under way have drained."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """Changes that may be made in any order among devices; ``changes`` by device name, sorted. ``step``: of a flip,
    which step it is part of. What the flips of one step take off links and gateways must be through before the next
    step begins; among themselves they need no room of each other."""

    kind: RoundKind
    changes: tuple[tuple[str, tuple[Change, ...]], ...]
    step: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Movement:
    """What enters and leaves the inventory when the plan is carried out. ``lines_in`` stand in the order in which they
    were planned. ``policies_out`` are those in force that end or are replaced. ``steering_in`` takes the place of
    ``steering_out``, and a table of prefixes that of another; both ``None``: it stays as it is."""

    lines_out: tuple[PlacedLine, ...] = ()
    lines_in: tuple[PlacedLine, ...] = ()
    trunks_out: tuple[Trunk, ...] = ()
    trunks_in: tuple[Trunk, ...] = ()
    pairs_out: tuple[TrunkPair, ...] = ()
    pairs_in: tuple[TrunkPair, ...] = ()
    policies_out: tuple[EgressPolicy, ...] = ()
    policies_in: tuple[EgressPolicy, ...] = ()
    steering_out: Steering | None = None
    steering_in: Steering | None = None
    prefixes_out: PrefixTable | None = None
    prefixes_in: PrefixTable | None = None
    steering_drain_ns: int = 0
    """How long a packet may be under way on a trunk that steered traffic leaves or, should it be undone, has taken."""

    @property
    def intents_out(self) -> tuple[Intent, ...]:
        """As they were."""
        return (*(placed.line for placed in self.lines_out), *self.policies_out)

    @property
    def intents_in(self) -> tuple[Intent, ...]:
        """What is new or changed, as it will be."""
        return (*(placed.line for placed in self.lines_in), *self.policies_in)


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """What came of placing a batch. ``blocked`` are lines that must be refused after all; then the rest is void."""

    verdicts: dict[IntentKey, Verdict]
    blocked: dict[IntentKey, Refusal]
    movement: Movement
    links: tuple[LinkUse, ...]
    steered: Mapping[IntentKey, tuple[EgressAssignment, ...]] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """``verdicts`` stand in the order in which the intents were given; ``rounds`` leaves empty rounds out. ``steered``:
    what of each policy leaves by which gateway once it is carried out; ``None``: as before. ``exceeded``: what gets
    more than its room where internet traffic moves, as there is no order in which nothing does."""

    topology: str
    verdicts: tuple[Verdict, ...]
    movement: Movement
    links: tuple[LinkUse, ...]
    rounds: tuple[Round, ...]
    steered: Mapping[IntentKey, tuple[EgressAssignment, ...]] | None = None
    exceeded: tuple[Exceeded, ...] = ()

    @property
    def feasible(self) -> bool:
        return all(verdict.feasible for verdict in self.verdicts)

    @property
    def changes_something(self) -> bool:
        return bool(self.rounds) or self.movement != Movement()

    def changes(self) -> Iterator[tuple[str, tuple[Change, ...]]]:
        """All changes by device, sorted by device, in the order of rounds."""
        by_device: dict[str, list[Change]] = {}
        for part in self.rounds:
            for device, changes in part.changes:
                by_device.setdefault(device, []).extend(changes)
        for device in sorted(by_device):
            yield device, tuple(by_device[device])


def planning_order(line: PrivateLine) -> tuple[int, int, str, str]:
    """Sorts a batch as it is planned: priority (0 first), the larger rate first, then tenant and name."""
    return (line.priority, -max(line.cir_bps), line.tenant, line.name)
