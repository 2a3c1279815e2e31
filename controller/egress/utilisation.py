"""What the use of gateways costs: fees (``billing``), and a penalty.

The penalty is convex and piecewise linear, after Fortz and Thorup, "Internet traffic engineering by optimizing OSPF
weights" (2000). Up to a third of the capacity a bit costs 1, then 3, from two thirds 10, from nine tenths 70, when full
500, from eleven tenths 5,000.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Final

from controller.egress.instance import Exits

STEPS: Final = (
    (Fraction(0), 1),
    (Fraction(1, 3), 3),
    (Fraction(2, 3), 10),
    (Fraction(9, 10), 70),
    (Fraction(1), 500),
    (Fraction(11, 10), 5000),
)


def gateway_pieces(exits: Exits, weight_ns: int) -> list[list[tuple[int, int]]]:
    """Of each gateway, what use of it costs, its fee included: (load at which it begins, ns for each bit)."""
    columns = (exits.capacity_bps, exits.usable_bps, exits.fee_ns, exits.free_bps)
    return [
        _with_fee(pieces(capacity, usable, weight_ns), usable, fee, free)
        for capacity, usable, fee, free in zip(*(one.tolist() for one in columns), strict=True)
    ]


def _with_fee(bends: list[tuple[int, int]], usable_bps: int, fee_ns: int, free_bps: int) -> list[tuple[int, int]]:
    if fee_ns == 0 or free_bps >= usable_bps:
        return bends
    below = [(begin, slope) for begin, slope in bends if begin < free_bps]
    above = [(begin, slope + fee_ns) for begin, slope in bends if begin >= free_bps]
    if free_bps not in (begin for begin, _ in bends):
        above.insert(0, (free_bps, below[-1][1] + fee_ns))
    return below + above


def pieces(capacity_bps: int, usable_bps: int, weight_ns: int) -> list[tuple[int, int]]:
    """(load at which it begins, ns for each bit) of the pieces below ``usable_bps``; the first begins at 0.
    Without a weight: one, free of charge."""
    if weight_ns == 0:
        return [(0, 0)]
    begins = [(int(share * capacity_bps), weight_ns * slope) for share, slope in STEPS]
    found = [begins[0]]
    for load, slope in begins[1:]:
        if load >= usable_bps:
            break
        if load > found[-1][0]:
            found.append((load, slope))
        else:  # capacities of a few bit/s: the steeper of two that begin at one load
            found[-1] = (load, slope)
    return found
