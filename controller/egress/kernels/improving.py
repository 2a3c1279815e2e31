"""A local search over whole aggregates: one after the other goes to a cheaper gateway that has room for all of it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from controller.paths.kernels.compiling import inlined_kernel, kernel

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int32]
Int64s = npt.NDArray[np.int64]


@inlined_kernel
def _penalty(starts: Ints, bends: Floats, slopes: Floats, gateway: int, load: float) -> float:
    """What the use of a gateway costs: its pieces are ``starts[gateway]`` to ``starts[gateway + 1]``."""
    total = 0.0
    for piece in range(starts[gateway], starts[gateway + 1]):
        if load <= bends[piece]:
            break
        end = load
        if piece + 1 < starts[gateway + 1]:
            end = min(load, bends[piece + 1])
        total += slopes[piece] * (end - bends[piece])
    return total


@kernel
def improve(
    queue: Ints,
    rate: Int64s,
    cost: Floats,
    source: Ints,
    route_starts: Ints,
    route_links: Ints,
    at: Ints,
    gateway_room: Int64s,
    link_room: Int64s,
    usable: Int64s,
    piece_starts: Ints,
    bends: Floats,
    slopes: Floats,
) -> int:
    """Move each aggregate of the queue to where that lowers the total cost most, if it fits; how many moved. ``at``
    [A] and the rooms [G], [K] follow."""
    gateways = cost.shape[1]
    moves = 0
    for place in range(queue.size):
        aggregate = queue[place]
        here = at[aggregate]
        bits = rate[aggregate]
        load = float(usable[here] - gateway_room[here])
        saved = cost[aggregate, here] * bits
        saved += _penalty(piece_starts, bends, slopes, here, load)
        saved -= _penalty(piece_starts, bends, slopes, here, load - bits)
        least, target = saved * (1 - 1e-12), -1
        for gateway in range(gateways):
            if gateway == here or gateway_room[gateway] < bits or not cost[aggregate, gateway] < np.inf:
                continue
            load = float(usable[gateway] - gateway_room[gateway])
            price = cost[aggregate, gateway] * bits
            price += _penalty(piece_starts, bends, slopes, gateway, load + bits)
            price -= _penalty(piece_starts, bends, slopes, gateway, load)
            if price >= least:
                continue
            # The route given up makes room on what both cross.
            old, new = source[aggregate] * gateways + here, source[aggregate] * gateways + gateway
            for one in range(route_starts[old], route_starts[old + 1]):
                link_room[route_links[one]] += bits
            fits = True
            for one in range(route_starts[new], route_starts[new + 1]):
                fits = fits and link_room[route_links[one]] >= bits
            for one in range(route_starts[old], route_starts[old + 1]):
                link_room[route_links[one]] -= bits
            if fits:
                least, target = price, gateway
        if target >= 0:
            old, new = source[aggregate] * gateways + here, source[aggregate] * gateways + target
            for one in range(route_starts[old], route_starts[old + 1]):
                link_room[route_links[one]] += bits
            for one in range(route_starts[new], route_starts[new + 1]):
                link_room[route_links[one]] -= bits
            gateway_room[here] += bits
            gateway_room[target] -= bits
            at[aggregate] = target
            moves += 1
    return moves
