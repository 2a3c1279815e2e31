"""Damping by name: how traffic left before, what moves, what is held back and why (``controller.egress.damping``)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TypedDict

import numpy as np

from controller.compiler.egress_asking import Asked
from controller.compiler.egress_conditions import Conditions
from controller.domain.egress import TrafficClass
from controller.domain.intents import IntentKey
from controller.egress.answer import Answer, Shares
from controller.egress.damping import Damped, Limits, Why, damped, none_waited
from controller.egress.instance import Instance, Int8s
from controller.egress.previous import parted
from controller.egress.solving import Start, solve

FlowKey = tuple[str, str, TrafficClass, IntentKey | None]
"""Source node, region abroad, class, and the policy whose constraints hold."""
Before = Mapping[FlowKey, Mapping[str, int]]
"""Bits a second by gateway. How they compare with each other counts, not how many they are."""
Memory = Mapping[tuple[FlowKey, str], int]
"""For how many cycles in a row it has been worth it that a flow leaves a gateway."""


class Cycle(TypedDict, total=False):
    """The arguments of ``plan_egress`` that tell of the cycle before, of what may move, and of how things are."""

    before: Before | None
    limits: Limits
    memory: Memory | None
    urgent: bool
    conditions: Conditions


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldMove:
    """``gain_ns`` for a bit, what room is worth to others counted; infinite if it cannot stay where it is."""

    flow: FlowKey
    origin: str
    target: str
    rate_bps: int
    gain_ns: float
    why: Why


@dataclass(frozen=True, slots=True, kw_only=True)
class Damping:
    """``needed_bps`` of ``moved_bps`` did not have to wait. ``over_bps``: gateways that carry more than they may, as
    what would relieve them is held back."""

    moved_bps: int = 0
    needed_bps: int = 0
    held: tuple[HeldMove, ...] = ()
    memory: Memory = field(default_factory=dict)
    over_bps: Mapping[str, int] = field(default_factory=dict)

    @property
    def held_bps(self) -> int:
        return sum(one.rate_bps for one in self.held)


UNDAMPED = Damping()


def damp(
    asked: Asked, optimum: Answer, before: Before, limits: Limits, memory: Memory, *, urgent: bool
) -> tuple[Damping, Answer, Instance]:
    """What moves; what leaves where then, with the prices of ``optimum`` (that of ``asked``, moves free of charge);
    and the instance in which that keeps every cap: what had no room and may not move yet has room there."""
    instance = asked.instance
    flows = flow_keys(asked)
    dear = replace(instance, weights=replace(instance.weights, churn_ns=limits.gain_ns))
    parts = parted(dear, _shares_before(asked, flows, before))
    waited = _waited(asked, flows, memory)
    wanted = solve(parts.instance, Start(prices=optimum.prices))
    found = damped(dear, parts, wanted, waited, limits, urgent=urgent)
    gateways = len(instance.exits)
    within = replace(
        instance,
        exits=replace(instance.exits, usable_bps=instance.exits.usable_bps + found.over_bps[:gateways]),
        inside=replace(instance.inside, usable_bps=instance.inside.usable_bps + found.over_bps[gateways:]),
    )
    return _named(asked, flows, found), replace(optimum, shares=found.shares), within


def flow_keys(asked: Asked) -> list[FlowKey]:
    """Of each aggregate; no two are alike."""
    found = []
    for one in asked.aggregates:
        policy = asked.policy_of(one)
        found.append((one.source, one.to_region, one.traffic_class, None if policy is None else policy.key))
    return found


def leaving(asked: Asked, shares: Shares) -> dict[FlowKey, dict[str, int]]:
    """What leaves where, by name."""
    flows = flow_keys(asked)
    found: defaultdict[FlowKey, dict[str, int]] = defaultdict(dict)
    columns = (shares.aggregate.tolist(), shares.gateway.tolist(), shares.rate_bps.tolist())
    for aggregate, gateway, rate_bps in zip(*columns, strict=True):
        found[flows[aggregate]][asked.gateways[gateway].name] = rate_bps
    return dict(found)


def _shares_before(asked: Asked, flows: list[FlowKey], before: Before) -> Shares:
    """Of what is still asked for, by gateways that are still known."""
    number = {gateway.name: index for index, gateway in enumerate(asked.gateways)}
    rows = [
        (aggregate, number[name], rate_bps)
        for aggregate, flow in enumerate(flows)
        for name, rate_bps in before.get(flow, {}).items()
        if name in number and rate_bps > 0
    ]
    columns = np.array(sorted(rows), np.int64).reshape(-1, 3)
    return Shares(
        aggregate=columns[:, 0].astype(np.int32), gateway=columns[:, 1].astype(np.int32), rate_bps=columns[:, 2]
    )


def _waited(asked: Asked, flows: list[FlowKey], memory: Memory) -> Int8s:
    found = none_waited(asked.instance)
    if memory:
        names = [gateway.name for gateway in asked.gateways]
        for aggregate, flow in enumerate(flows):
            for number, name in enumerate(names):
                found[aggregate, number] = min(memory.get((flow, name), 0), np.iinfo(np.int8).max)
    return found


def _named(asked: Asked, flows: list[FlowKey], found: Damped) -> Damping:
    names = [gateway.name for gateway in asked.gateways]
    held = found.held
    columns = (held.aggregate, held.origin, held.target, held.rate_bps, held.gain_ns, held.why)
    waiting = zip(*(one.tolist() for one in np.nonzero(found.waited)), strict=True)
    over = zip(names, found.over_bps[: len(names)].tolist(), strict=True)
    return Damping(
        moved_bps=found.moved_bps,
        needed_bps=found.needed_bps,
        held=tuple(
            HeldMove(
                flow=flows[aggregate],
                origin=names[origin],
                target=names[target],
                rate_bps=rate_bps,
                gain_ns=gain_ns,
                why=Why(why),
            )
            for aggregate, origin, target, rate_bps, gain_ns, why in zip(
                *(one.tolist() for one in columns), strict=True
            )
        ),
        memory={
            (flows[aggregate], names[number]): int(found.waited[aggregate, number]) for aggregate, number in waiting
        },
        over_bps={name: excess_bps for name, excess_bps in over if excess_bps},
    )
