"""What is asked: aggregates of demand, the gateways they may leave by, and what there is room for. Plain arrays.

A = aggregates, S = sources, D = destination groups, G = gateways (at most 64), K = links (a direction of one each).
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Final

import numpy as np
import numpy.typing as npt

from controller.domain.units import ALL_PPM
from controller.domain.usable import USABLE_PER_MILLE

Int64s = npt.NDArray[np.int64]
Int32s = npt.NDArray[np.int32]
Int8s = npt.NDArray[np.int8]
Masks = npt.NDArray[np.uint64]
Flags = npt.NDArray[np.bool_]

CLASSES: Final = ("gold", "silver", "bulk")
"""In the order in which they are carried."""
UNREACHABLE: Final = -1
"""A delay that there is none of: no way from there to there."""
ANY_DELAY: Final = np.iinfo(np.int64).max
NOWHERE: Final = -1
ALL_GATEWAYS: Final = np.uint64(0xFFFF_FFFF_FFFF_FFFF)
MOST_GATEWAYS: Final = 64
MOST_RATE_BPS: Final = 10**13
MOST_AGGREGATES: Final = 900_000
"""With the highest rate this many sum up to less than 2**63."""
ANY_LOSS: Final = np.iinfo(np.int32).max
UNKNOWN_LOSS: Final = -1
"""Nobody has declared or measured it. It costs nothing, and keeps no bound."""
NS_PER_LOST_PPM: Final = 10_000
"""What it is worth that a packet in a million arrives: 10 us of delay, so that 1 % of loss weighs as much as 100 ms.

So do tools that operators have weigh the two: a widely used simplification of the E-model (ITU-T G.107) takes 2.5 off
its rating for 1 % of loss, and 1 for 40 ms. G.107 itself comes to 150 ms with G.711 and concealment (Bpl 25.1, G.113);
the rate of a long TCP flow, which goes with 1 / (round trip x root of the loss) (Mathis et al., CCR 1997), to about 100
ms where 0.1 % rise to 1 % at a round trip of 100 ms. That it is the same at any loss is ours: so loss is a cost for a
bit like any other, and the optimum stays exact."""
FULL_ENOUGH: Final = USABLE_PER_MILLE / 1000
"""The share of a capacity that is used: what bursts within a cycle need is left."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """One entry for each aggregate, arrays of length A."""

    source: Int32s
    group: Int32s
    service_class: Int8s
    """Index into ``CLASSES``."""
    rate_bps: Int64s
    max_delay_ns: Int64s
    """From the source to the far end; ``ANY_DELAY``: no bound."""
    allowed: Masks
    """Gateways that policy admits, gateway g as bit g: ``allow`` without ``deny``."""
    preferred: Masks
    """Gateways that cost nothing extra; ``ALL_GATEWAYS`` where policy prefers none."""
    previous: Int32s
    """The gateway it left by so far, or ``NOWHERE``."""
    whole: Flags
    """True: it must not be split."""
    most_gateways: Int8s
    """It may be split over so many gateways; 0: over any number."""
    max_loss_ppm: Int32s | None = None
    """At most so many packets in a million may be lost beyond the gateway; ``ANY_LOSS``: no bound. ``None``: nobody has
    one."""

    def __len__(self) -> int:
        return len(self.rate_bps)


@dataclass(frozen=True, slots=True, kw_only=True)
class Exits:
    """Gateways. ``capacity_bps`` and ``usable_bps`` [G]: use of the first is penalised, the second is never exceeded.
    ``beyond_ns`` [G, D]: from the gateway to the far end, ``UNREACHABLE`` where the gateway does not serve the group.
    ``loss_ppm`` [G, D]: how many packets in a million are lost there, or ``UNKNOWN_LOSS``; ``None``: none is known.
    ``fee_ns`` [G]: what a bit costs there, in the currency of the objective (0: no cost), of what is above ``free_bps``
    [G] (0: of all)."""

    capacity_bps: Int64s
    usable_bps: Int64s
    beyond_ns: Int64s
    fee_ns: Int64s
    free_bps: Int64s
    loss_ppm: Int32s | None = None

    def __len__(self) -> int:
        return len(self.usable_bps)


@dataclass(frozen=True, slots=True, kw_only=True)
class Inside:
    """The network on this side of the gateways, routes given. ``delay_ns`` [S, G]: ``UNREACHABLE`` where no route is.
    The links of route (s, g) are ``links[starts[s * G + g]:starts[s * G + g + 1]]``, ``usable_bps`` [K] what each has
    room for: its share of the capacity less what lines reserve."""

    delay_ns: Int64s
    starts: Int32s
    links: Int32s
    usable_bps: Int64s


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """What the objective adds to delay, each in ns for each bit.

    ``churn_ns``: for what leaves by another gateway than before. ``prefer_ns``: for what leaves by a gateway that is
    not preferred. ``lost_ppm_ns``: for each packet in a million that is lost. ``utilisation_ns``: times the slope of
    the penalty of Fortz and Thorup for what makes a gateway fuller.
    """

    churn_ns: int = 0
    prefer_ns: int = 5_000_000
    lost_ppm_ns: int = NS_PER_LOST_PPM
    utilisation_ns: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Instance:
    """``ValueError`` for arrays that do not fit together, and for rates, delays and capacities out of bounds."""

    demand: Demand
    exits: Exits
    inside: Inside
    weights: Weights = field(default_factory=Weights)

    def __post_init__(self) -> None:
        _check_shapes(self)
        _check_values(self)


def shares_of(capacity_bps: Int64s, share: float = FULL_ENOUGH) -> Int64s:
    """What may be used of capacities, rounded down."""
    per_mille = round(share * 1000)
    return capacity_bps // 1000 * per_mille + capacity_bps % 1000 * per_mille // 1000


def no_links(sources: int, gateways: int) -> dict[str, npt.NDArray[np.signedinteger]]:
    """The fields of ``Inside`` for a network whose links have room for everything."""
    nothing = np.zeros(0, np.int32)
    return {
        "starts": np.zeros(sources * gateways + 1, np.int32),
        "links": nothing,
        "usable_bps": np.zeros(0, np.int64),
    }


def _check_shapes(instance: Instance) -> None:
    demand, exits, inside = instance.demand, instance.exits, instance.inside
    gateways, groups = exits.beyond_ns.shape
    sources = len(inside.delay_ns)
    for one in fields(demand):
        values = getattr(demand, one.name)
        _need(values is None or len(values) == len(demand), f"demand.{one.name} has another length than rate_bps")
    for values in (exits.capacity_bps, exits.usable_bps, exits.fee_ns, exits.free_bps):
        _need(len(values) == gateways, "arrays of gateways differ in length")
    _need(gateways <= MOST_GATEWAYS, f"there are more than {MOST_GATEWAYS} gateways")
    same = exits.loss_ppm is None or exits.loss_ppm.shape == exits.beyond_ns.shape
    _need(same, "exits.loss_ppm has another shape than exits.beyond_ns")
    _need(inside.delay_ns.shape == (sources, gateways), "inside.delay_ns is not [sources, gateways]")
    _need(len(inside.starts) == sources * gateways + 1, "inside.starts has not one entry a route, and one more")
    _need(inside.starts[0] == 0 and inside.starts[-1] == len(inside.links), "inside.starts does not span inside.links")
    _need(bool(np.all(np.diff(inside.starts) >= 0)), "inside.starts does not rise")
    for name, numbers, count in (
        ("source", demand.source, sources),
        ("group", demand.group, groups),
        ("service_class", demand.service_class, len(CLASSES)),
        ("previous", demand.previous + 1, gateways + 1),
    ):
        _need(_within(numbers, 0, count - 1), f"demand.{name} refers to something that is not there")
    _need(_within(inside.links, 0, len(inside.usable_bps) - 1), "inside.links refers to a link that is not there")


def _check_values(instance: Instance) -> None:
    demand, exits, inside = instance.demand, instance.exits, instance.inside
    weights = instance.weights
    _need(len(demand) <= MOST_AGGREGATES, f"there are more than {MOST_AGGREGATES} aggregates")
    _need(_within(demand.rate_bps, 0, MOST_RATE_BPS), f"a rate is not between 0 and {MOST_RATE_BPS} bps")
    _need(_within(demand.most_gateways, 0, MOST_GATEWAYS), f"a limit of gateways is not between 0 and {MOST_GATEWAYS}")
    most = 2**62
    for name, values in (
        ("exits.capacity_bps", exits.capacity_bps),
        ("exits.usable_bps", exits.usable_bps),
        ("exits.free_bps", exits.free_bps),
        ("inside.usable_bps", inside.usable_bps),
        ("demand.max_delay_ns", demand.max_delay_ns // 2),
    ):
        _need(_within(values, 0, most), f"{name} has a negative value, or one above 2**62")
    hour = 3_600_000_000_000
    for name, values in (
        ("exits.beyond_ns", exits.beyond_ns + 1),
        ("inside.delay_ns", inside.delay_ns + 1),
        ("exits.fee_ns", exits.fee_ns),
        ("weights", np.array([weights.churn_ns, weights.prefer_ns, weights.lost_ppm_ns, weights.utilisation_ns])),
    ):
        _need(_within(values, 0, hour), f"{name} has a negative value, or one above an hour")
    if exits.loss_ppm is not None:
        fits = _within(exits.loss_ppm, UNKNOWN_LOSS, ALL_PPM)
        _need(fits, "exits.loss_ppm has a value that is no number of packets in a million")
    if demand.max_loss_ppm is not None:
        _need(_within(demand.max_loss_ppm, 0, ANY_LOSS), "demand.max_loss_ppm has a negative value")


def _within(values: npt.NDArray[np.signedinteger], least: int, most: int) -> bool:
    return values.size == 0 or bool(values.min() >= least and values.max() <= most)


def _need(holds: bool, otherwise: str) -> None:
    if not holds:
        raise ValueError(otherwise)
