"""How far prices can fall together before somebody would rather go elsewhere."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from controller.paths.kernels.compiling import kernel

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int32]

_SAME = 1e-6
"""Options whose prices fall at rates nearer to each other than this stay as they are to each other."""


@kernel
def lowest(
    cost: Floats, site: Ints, who: Ints, uses: Ints, toll: Floats, fall: Floats, behind: Floats, most: float
) -> float:
    """How often ``fall`` [S, O] can be taken off the prices ``toll`` [S, O] of routes, at most ``most`` times, such
    that what aggregates ``who`` use stays their best option; ``behind`` [A]: what falls off the cost of the last one.
    """
    last = cost.shape[1] - 1
    for entry in range(who.size):
        a, here = who[entry], uses[entry]
        at = site[a]
        mine = cost[a, here] + toll[at, here]
        mine_falls = fall[at, here] + (behind[a] if here == last else 0.0)
        for option in range(cost.shape[1]):
            falls = fall[at, option] + (behind[a] if option == last else 0.0) - mine_falls
            if falls > _SAME:
                over = cost[a, option] + toll[at, option] - mine
                if over < most * falls:
                    most = max(over, 0.0) / falls
    return most
