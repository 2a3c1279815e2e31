"""What comes out: who leaves where, and the prices that prove how good it is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from controller.egress.instance import Int32s, Int64s

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shares:
    """Bits a second of an aggregate over a gateway, all positive, by aggregate and then gateway. What an aggregate has
    no share for is not carried."""

    aggregate: Int32s
    gateway: Int32s
    rate_bps: Int64s

    def __len__(self) -> int:
        return len(self.rate_bps)


@dataclass(frozen=True, slots=True, kw_only=True)
class Prices:
    """Prices of scarce things: what a bit of room is worth at each gateway [G] and on each link [K], and what carrying
    a bit of each class is worth [3]. In the final stage in ns, the currency of delay ("Urumqi costs 10.8 ms"); in a
    stage that maximises what is carried of a class, in bits of that class."""

    gateway: Floats
    link: Floats
    worth: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """``shares`` is feasible; ``prices`` bounds what any answer could reach, and ``carrying`` what it could carry: one
    for each class, ``None`` where all that can leave at all is carried. Nothing here has to be believed:
    ``certificate.certify`` computes it from the instance again."""

    shares: Shares
    prices: Prices
    carrying: tuple[Prices | None, ...]
    pivots: int
