"""Steps of the simplex method: what is worth moving, how far it can move, and what is basic then."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from controller.egress.kernels.elimination import factor, solve, solve_transposed
from controller.egress.kernels.layout import Group
from controller.paths.kernels.compiling import inlined_kernel, kernel

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int32]

DONE: Final = 0
OUT_OF_STEPS: Final = 1
SINGULAR: Final = 2

_STILL: Final = 1e-9
"""A change smaller than this, for a unit of what enters, is none."""
_NOBODY: Final = -1
_EXTRA, _KEY, _ROW, _ITSELF = 0, 1, 2, 3


@kernel
def weigh(problem: Group, state: Group) -> None:
    """Loads from the keys alone, and from them pieces and prices."""
    rate, cost, site, starts, crossed, pieces, bends, slopes = problem
    key, piece, _, load, price = state
    options = cost.shape[1]
    load[:] = 0.0
    for a in range(rate.size):
        route = site[a] * options + key[a]
        for place in range(starts[route], starts[route + 1]):
            load[crossed[place]] += rate[a]
    for row in range(load.size):
        at = pieces[row]
        while at + 1 < pieces[row + 1] and load[row] > bends[at + 1]:
            at += 1
        piece[row] = at
        price[row] = slopes[at]


@inlined_kernel
def _tolls(problem: Group, price: Floats, toll: Floats) -> None:
    """Overwrite ``toll`` [S, O] by the prices of the routes."""
    options, starts, crossed = problem[1].shape[1], problem[3], problem[4]
    for at in range(toll.shape[0]):
        for option in range(options):
            total = 0.0
            route = at * options + option
            for place in range(starts[route], starts[route + 1]):
                total += price[crossed[place]]
            toll[at, option] = total


@kernel
def best_options(problem: Group, price: Floats, toll: Floats, best: Ints) -> None:
    """The cheapest option of each aggregate at the prices."""
    cost, site = problem[1], problem[2]
    _tolls(problem, price, toll)
    for a in range(best.size):
        least = np.inf
        best[a] = 0
        for option in range(cost.shape[1]):
            value = cost[a, option] + toll[site[a], option]
            if value < least:
                least = value
                best[a] = option


@kernel
def appraise(problem: Group, state: Group, toll: Floats, who: Ints, gain: Floats) -> float:
    """What a bit of each of the aggregates ``who`` gains by leaving its key for the best other option at the prices (if
    it is negative: loses); the greatest gain."""
    cost, site = problem[1], problem[2]
    key, price = state[0], state[4]
    _tolls(problem, price, toll)
    greatest = -np.inf
    for at in range(who.size):
        a = who[at]
        least = np.inf
        for option in range(cost.shape[1]):
            if option != key[a]:
                least = min(least, cost[a, option] + toll[site[a], option])
        gain[at] = cost[a, key[a]] + toll[site[a], key[a]] - least
        greatest = max(greatest, gain[at])
    return greatest


@inlined_kernel
def _spread(problem: Group, net: Floats, aggregate: int, option: int, amount: float) -> None:
    """Add an amount to what the loads of a route's rows change by."""
    _, cost, site, starts, crossed, _, _, _ = problem
    route = site[aggregate] * cost.shape[1] + option
    for place in range(starts[route], starts[route + 1]):
        net[crossed[place]] += amount


@inlined_kernel
def _price_of(problem: Group, price: Floats, aggregate: int, option: int) -> float:
    """Cost and prices of an option."""
    _, cost, site, starts, crossed, _, _, _ = problem
    route = site[aggregate] * cost.shape[1] + option
    total = cost[aggregate, option]
    for place in range(starts[route], starts[route + 1]):
        total += price[crossed[place]]
    return total


@kernel
def _refactor(problem: Group, state: Group, basis: Group, work: Group) -> bool:
    """Factors and prices of a basis that has changed. False: it is singular."""
    slopes = problem[7]
    key, piece, tight, _, price = state
    rows, owner, option, _, size = basis
    factors, order, change, net = work
    count = size[0]
    for row in range(price.size):
        if tight[row] < 0:
            price[row] = slopes[piece[row]]
    for extra in range(count):
        price[rows[extra]] = 0.0
    for extra in range(count):
        net[:] = 0.0
        _spread(problem, net, owner[extra], option[extra], 1.0)
        _spread(problem, net, owner[extra], key[owner[extra]], -1.0)
        for at in range(count):
            factors[at, extra] = net[rows[at]]
        change[extra] = _price_of(problem, price, owner[extra], key[owner[extra]]) - _price_of(
            problem, price, owner[extra], option[extra]
        )
    if not factor(factors, order, count):
        return False
    solve_transposed(factors, order, count, change)
    for at in range(count):
        price[rows[at]] = change[at]
    return True


@inlined_kernel
def _left_on_key(problem: Group, basis: Group, aggregate: int) -> float:
    """What the key option of an aggregate carries."""
    rate = problem[0]
    _, owner, _, amount, size = basis
    left = rate[aggregate]
    for extra in range(size[0]):
        if owner[extra] == aggregate:
            left -= amount[extra]
    return max(left, 0.0)


@kernel
def _swap_out(state: Group, basis: Group, slot: int, at: int) -> None:
    """Take an extra variable and a tight row out of the basis: the last ones take their places."""
    tight = state[2]
    rows, owner, option, amount, size = basis
    last = size[0] - 1
    tight[rows[at]] = -1
    if at != last:
        rows[at] = rows[last]
        tight[rows[at]] = at
    if slot != last:
        owner[slot], option[slot], amount[slot] = owner[last], option[last], amount[last]
    size[0] = last


@kernel
def _step(problem: Group, state: Group, basis: Group, work: Group, aggregate: int, into: int, at: int, way: int) -> int:
    """Let something enter the basis, as far as it goes: option ``into`` of an aggregate or, if there is none, the tight
    row at position ``at``, upward (``way`` 1) or downward (-1). 1: the prices have to be computed again; 0: not."""
    bends, pieces = problem[6], problem[5]
    key, piece, tight, load, _ = state
    rows, owner, option, amount, size = basis
    factors, order, change, net = work
    count = size[0]
    # How all that is basic changes for a unit of what enters.
    net[:] = 0.0
    if aggregate >= 0:
        _spread(problem, net, aggregate, into, 1.0)
        _spread(problem, net, aggregate, key[aggregate], -1.0)
        for position in range(count):
            change[position] = -net[rows[position]]
    else:
        change[:count] = 0.0
        change[at] = way
    solve(factors, order, count, change)
    for extra in range(count):
        if abs(change[extra]) > _STILL:
            _spread(problem, net, owner[extra], option[extra], change[extra])
            _spread(problem, net, owner[extra], key[owner[extra]], -change[extra])
        else:
            change[extra] = 0.0
    # Who stops it first.
    far, kind, who = np.inf, _NOBODY, _NOBODY
    for extra in range(count):
        if change[extra] < 0.0 and amount[extra] < -far * change[extra]:
            far, kind, who = amount[extra] / -change[extra], _EXTRA, extra
    for extra in range(-1, count):
        held = aggregate if extra < 0 else owner[extra]
        if held < 0 or (extra >= 0 and held == aggregate):
            continue
        fall = -1.0 if held == aggregate else 0.0
        for other in range(count):
            if owner[other] == held:
                fall -= change[other]
        if fall < -_STILL:
            left = _left_on_key(problem, basis, held)
            if left < -far * fall:
                far, kind, who = left / -fall, _KEY, held
    for row in range(load.size):
        if tight[row] < 0:
            if net[row] > _STILL and piece[row] + 1 < pieces[row + 1]:
                room = max(bends[piece[row] + 1] - load[row], 0.0)
                if room < far * net[row]:
                    far, kind, who = room / net[row], _ROW, row
            elif net[row] < -_STILL and piece[row] > pieces[row]:
                room = max(load[row] - bends[piece[row]], 0.0)
                if room < -far * net[row]:
                    far, kind, who = room / -net[row], _ROW, row
    if aggregate < 0:
        row = rows[at]
        below = piece[row]
        if way > 0 and below + 2 < pieces[row + 1]:
            room = bends[below + 2] - bends[below + 1]
            if room < far:
                far, kind, who = room, _ITSELF, row
        elif way < 0 and below > pieces[row]:
            room = bends[below + 1] - bends[below]
            if room < far:
                far, kind, who = room, _ITSELF, row
    # Move.
    for extra in range(count):
        amount[extra] = max(amount[extra] + far * change[extra], 0.0)
    for row in range(load.size):
        if tight[row] < 0:
            load[row] += far * net[row]
    if kind == _ITSELF:
        piece[who] += way
        load[who] = bends[piece[who] + 1]
        return 1
    # What leaves the basis makes room for what enters.
    if kind == _KEY:
        slot = _NOBODY
        for extra in range(count):
            if owner[extra] == who and (slot < 0 or amount[extra] > amount[slot]):
                slot = extra
        if who == aggregate:
            key[who] = into  # the extra variables of the aggregate, if any, stay; they refer to another key now
            return 0 if slot < 0 else 1
        key[who] = option[slot]
        kind, who = _EXTRA, slot
    entering_row = rows[at] if aggregate < 0 else _NOBODY
    if kind == _ROW:
        below = piece[who] if net[who] > 0 else piece[who] - 1
        if aggregate >= 0:
            owner[count], option[count], amount[count] = aggregate, into, far
            rows[count] = who
            tight[who] = count
            size[0] = count + 1
        else:
            rows[at] = who
            tight[who] = at
            tight[entering_row] = -1
        piece[who] = below
        load[who] = bends[below + 1]
    elif aggregate >= 0:
        owner[who], option[who], amount[who] = aggregate, into, far
    else:
        _swap_out(state, basis, who, at)
    if entering_row >= 0:
        load[entering_row] += way * far
        if way > 0:
            piece[entering_row] += 1
    return 1


@kernel
def _mend(problem: Group, state: Group, basis: Group, work: Group, slack: float, steps: int) -> int:
    """Let tight rows go whose price is not between the slopes on their two sides, until there are none; the steps left,
    or -1 when the basis is singular."""
    slopes = problem[7]
    _, piece, _, _, price = state
    rows, size = basis[0], basis[4]
    while steps > 0:
        worst, which, way = slack, _NOBODY, 0
        for at in range(size[0]):
            row = rows[at]
            over = price[row] - slopes[piece[row] + 1]
            under = slopes[piece[row]] - price[row]
            if over > worst:
                worst, which, way = over, at, 1
            if under > worst:
                worst, which, way = under, at, -1
        if which < 0:
            break
        _step(problem, state, basis, work, _NOBODY, 0, which, way)
        steps -= 1
        if not _refactor(problem, state, basis, work):
            return -1
    return steps


@kernel
def work_through(
    problem: Group, state: Group, basis: Group, work: Group, queue: Ints, count: int, slack: float, steps: Ints
) -> int:
    """Move each aggregate of the queue to its best option, as far as that is worth more than ``slack`` at the prices
    of the moment. ``steps[0]`` is how many there may be still."""
    cost = problem[1]
    key, price = state[0], state[4]
    if not _refactor(problem, state, basis, work):
        return SINGULAR
    steps[0] = _mend(problem, state, basis, work, slack, steps[0])
    for index in range(count):
        if steps[0] < 0:
            return SINGULAR
        if steps[0] == 0:
            return OUT_OF_STEPS
        aggregate = queue[index]
        now = _price_of(problem, price, aggregate, key[aggregate])
        least, into = now - slack, _NOBODY
        for option in range(cost.shape[1]):
            if cost[aggregate, option] < np.inf:
                value = _price_of(problem, price, aggregate, option)
                if value < least:
                    least, into = value, option
        if into < 0:
            continue
        steps[0] -= 1
        if _step(problem, state, basis, work, aggregate, into, _NOBODY, 0):
            if not _refactor(problem, state, basis, work):
                return SINGULAR
            steps[0] = _mend(problem, state, basis, work, slack, steps[0])
    return DONE
