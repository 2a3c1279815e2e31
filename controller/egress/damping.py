"""From the optimum to what really moves this cycle: what is needed at once, the rest when it has proved worth it.

A move is *needed* if without it something is above its cap, or demand is not carried that could be. Of all ways to do
what is needed the one that moves least is made: the optimum at a price for moves that no gain in delay outweighs. All
other moves are for delay only. They wait until they have been worth it for some cycles in a row, and at most a share
of all traffic moves in a cycle, the greatest gain for a bit first.

The gain of a move counts prices: who makes room at a dear gateway gains by it what the room is worth to others. Prices
share the gain of an exchange between its sides somehow; where a side has too little of it, the exchange is judged by
what all of it brings, once those that gain enough have waited.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Final

import numpy as np
import numpy.typing as npt

from controller.egress.answer import Answer, Shares
from controller.egress.instance import CLASSES, Demand, Instance, Int8s, Int32s, Int64s
from controller.egress.leaving import Leaving
from controller.egress.moves import UNBOUNDED, Moves, caps, chosen, moves_between
from controller.egress.previous import Parted
from controller.egress.solving import Start, solve

Floats = npt.NDArray[np.float64]
NEEDED_ONLY_NS: Final = 1_000_000_000
"""What a bit that moves costs where only what is needed moves: a second, more than any delay is worth."""


class Why(IntEnum):
    """Why a move that would be better is not made."""

    SMALL = 0
    """It gains too small a share of the delay."""
    EARLY = 1
    """It has not been worth it for long enough."""
    BOUND = 2
    """As much moves already as may in a cycle."""
    NO_ROOM = 3
    """What would make room for it does not move."""
    URGENT = 4
    """Only what is needed is done now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """A move for delay only has to gain ``gain_ns`` for each bit and ``gain_share`` of its delay, in ``cycles`` cycles
    in a row; ``moved_share`` of all demand may move in a cycle, beside what cannot stay where it is; but always the
    ``slices``-th part of the largest aggregate, where those who carry it out can move no less (0: they can).
    ``needed_only``: this cycle is beside the row, so that nothing moves for delay only and nothing has waited."""

    gain_ns: int = 5_000_000
    gain_share: float = 0.1
    cycles: int = 3
    moved_share: float = 0.05
    slices: int = 0
    needed_only: bool = False

    def budget_bps(self, demand: Demand) -> int:
        """What may move in a cycle. Without ``slices`` an aggregate that is most of all demand would never move."""
        least = -(-int(demand.rate_bps.max(initial=0)) // self.slices) if self.slices else 0
        return max(int(int(demand.rate_bps.sum()) * self.moved_share), least)


USUAL_LIMITS: Final = Limits()


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """Moves that are not made, or not with this much: an entry each. ``gain_ns`` for a bit, prices counted; infinite if
    it cannot stay where it is."""

    aggregate: Int32s
    origin: Int32s
    target: Int32s
    rate_bps: Int64s
    gain_ns: Floats
    why: Int8s

    def __len__(self) -> int:
        return len(self.rate_bps)


@dataclass(frozen=True, slots=True, kw_only=True)
class Damped:
    """``shares`` of the aggregates, ``moved_bps`` from before to there (``needed_bps`` of it past the waiting),
    ``waited`` [A, G]: for how many cycles in a row it has been worth it to leave a gateway. ``over_bps`` [G + K]: what
    gateways and links carry above their caps because no more may move yet."""

    shares: Shares
    moved_bps: int
    needed_bps: int
    waited: Int8s
    held: Held
    over_bps: Int64s


def damped(
    instance: Instance,
    parts: Parted,
    optimum: Answer,
    waited: Int8s,
    limits: Limits,
    *,
    urgent: bool = False,
) -> Damped:
    """What leaves where in this cycle. ``parts``: ``instance`` with what left where before; ``optimum``: of the parts,
    with ``limits.gain_ns`` as the price of a move; ``waited``: of the cycle before.

    ``urgent``: what is needed moves at once, however much it is, and nothing else does. No cap is exceeded, but for
    what exceeds it already and may not move yet. An unchanged network with unchanged demand moves nothing that is
    not better by the limits.
    """
    budget = UNBOUNDED if urgent else limits.budget_bps(instance.demand)
    needed_only = urgent or limits.needed_only
    state, needed = _needed(Leaving.of(parts.instance, optimum), parts, optimum)
    made = needed.rate_bps
    if int(made[needed.bounded].sum()) > budget:
        made = chosen(state.instance, needed, state.load(), budget, _pressing_ns(state, needed))
    needed_bps = int(made[needed.counts].sum())
    budget -= int(made[needed.bounded].sum())
    state = state.after(needed, made)

    state, wanted = _for_delay(state, optimum, needed)
    gain = state.gains_ns(wanted)
    surplus = gain - np.maximum(limits.gain_share * state.delays_of(wanted), limits.gain_ns)
    worth = surplus >= 0
    owner = parts.owner[wanted.part]
    ripe = np.zeros(len(wanted), np.bool_)
    new_waited = waited if needed_only else np.zeros_like(waited)
    if not needed_only:
        cycles = np.minimum(waited[owner, wanted.origin].astype(np.int64) + 1, limits.cycles)
        new_waited[owner[worth], wanted.origin[worth]] = cycles[worth]
        ripe = worth & (cycles >= limits.cycles)
    taken = np.zeros(len(wanted), np.int64)
    taken[ripe] = chosen(state.instance, wanted.only(ripe), state.load(), budget, gain[ripe].round().astype(np.int64))
    taken += _exchanged(state.after(wanted, taken), wanted, taken, ripe, surplus, budget - int(taken.sum()))
    state = state.after(wanted, taken)
    delayed_bps = int(taken.sum())
    if not needed_only:
        done = taken == wanted.rate_bps
        new_waited[owner[done], wanted.origin[done]] = 0

    left_bps = budget - delayed_bps
    too_much = wanted.rate_bps > np.where(state.instance.demand.whole[wanted.part], left_bps, UNBOUNDED)
    bound = np.where(too_much | (left_bps <= 0), Why.BOUND, Why.NO_ROOM)
    reason = np.where(~worth, Why.SMALL, np.where(~ripe, Why.EARLY, bound))
    if needed_only:
        reason = np.full(len(wanted), Why.URGENT)
    held = [
        _held(parts, needed, made, state.gains_ns(needed), np.full(len(needed), Why.BOUND)),
        _held(parts, wanted, taken, gain, reason),
    ]
    merged = parts.merged(state.shares(), len(instance.exits))
    return Damped(
        shares=merged,
        moved_bps=needed_bps + delayed_bps,
        needed_bps=needed_bps,
        waited=new_waited,
        held=Held(
            **{
                name: np.concatenate([getattr(one, name) for one in held])
                for name in ("aggregate", "origin", "target", "rate_bps", "gain_ns", "why")
            }
        ),
        over_bps=np.maximum(state.load() - caps(instance), 0),
    )


def none_waited(instance: Instance) -> Int8s:
    """What ``damped`` begins with."""
    return np.zeros((len(instance.demand), len(instance.exits)), np.int8)


def _needed(state: Leaving, parts: Parted, optimum: Answer) -> tuple[Leaving, Moves]:
    """The fewest moves that keep the caps and carry what can be carried; and the state that they start from."""
    instance, demand = state.instance, state.instance.demand
    reachable = np.isfinite(state.cost_ns).any(axis=1)
    lost = reachable & ~state.loaded & (demand.rate_bps > 0)
    if not lost.any() and state.fits():
        return state, _no_moves()
    as_before = replace(
        state, kept_bps=np.where(demand.whole, state.kept_bps, np.minimum(state.kept_bps, parts.before_bps))
    )
    if as_before.fits() and as_before.carries(optimum.shares):
        return as_before, _no_moves()  # not all can be carried, and nothing would carry more
    dear = replace(instance, weights=replace(instance.weights, churn_ns=NEEDED_ONLY_NS))
    least = solve(dear, Start(prices=optimum.prices))
    return state, moves_between(instance, state.kept_bps, state.loaded, least.shares)


def _pressing_ns(state: Leaving, needed: Moves) -> Int64s:
    """What moves are worth if not all that is needed may be made: most what counts as none, then what cannot stay, then
    by class, then by gain."""
    second = 1_000_000_000
    gain = np.clip(state.gains_ns(needed), -second, second)
    by_class = (len(CLASSES) - state.instance.demand.service_class[needed.part]) * 10
    rank = np.where(needed.counts, by_class + np.where(needed.loaded, 0, 100), 1000)
    return np.asarray(rank * second + gain.astype(np.int64))


def _for_delay(state: Leaving, optimum: Answer, needed: Moves) -> tuple[Leaving, Moves]:
    """What the optimum moves besides, of parts of which nothing needed to move; and the state with its prices."""
    if state.shares().rate_bps.sum() < state.instance.demand.rate_bps.sum():
        # Not all is carried. Who is stays who is: others instead would be faster, but not better off.
        optimum = solve(state.carried_now(), Start(prices=optimum.prices))
        state = state.priced(optimum.prices)
    found = moves_between(state.instance, state.kept_bps, state.loaded, optimum.shares)
    return state, found.only(found.counts & found.loaded & ~np.isin(found.part, needed.part))


def _exchanged(
    state: Leaving, wanted: Moves, taken: Int64s, ripe: npt.NDArray[np.bool_], surplus: Floats, most_bps: int
) -> Int64s:
    """What moves besides because it makes room: who has waited long enough, and those whose own gain is too small, if
    all of them together gain as much as all of them must. Else an exchange whose gain is one side's waits for ever."""
    left = replace(wanted, rate_bps=wanted.rate_bps - taken)
    partners = surplus < 0
    rows = np.flatnonzero((ripe & (left.rate_bps > 0)) | partners)
    more = np.zeros(len(wanted), np.int64)
    if not (ripe & (left.rate_bps > 0)).any() or not partners.any():
        return more
    weight = surplus[rows].round().astype(np.int64)
    more[rows] = chosen(state.instance, left.only(rows), state.load(), most_bps, weight)
    # What must stay whole is rounded: then a partner may be left without the one that it made room for.
    return more if float(more[rows] @ surplus[rows]) > 0 else np.zeros(len(wanted), np.int64)


def _held(parts: Parted, moves: Moves, made: Int64s, gain: Floats, why: npt.NDArray[np.integer]) -> Held:
    left = moves.counts & (made < moves.rate_bps)
    return Held(
        aggregate=parts.owner[moves.part[left]],
        origin=moves.origin[left],
        target=moves.target[left],
        rate_bps=(moves.rate_bps - made)[left],
        gain_ns=gain[left],
        why=why[left].astype(np.int8),
    )


def _no_moves() -> Moves:
    nobody = np.zeros(0, np.int32)
    return Moves(
        part=nobody, origin=nobody, target=nobody, rate_bps=np.zeros(0, np.int64), loaded=np.zeros(0, np.bool_)
    )
