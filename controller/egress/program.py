"""From an instance to the linear program that the kernels solve."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
import numpy.typing as npt

from controller.egress.instance import CLASSES, Inside, Instance, Int32s
from controller.egress.kernels.layout import Problem
from controller.egress.utilisation import gateway_pieces

Floats = npt.NDArray[np.float64]
Pieces = Sequence[tuple[float, float]]

_APART: Final = 1e-13
"""Caps are moved apart by this share, upward: where loads fill several at the same moment, a step of no length could be
followed by its opposite, without end. ``settling`` takes the excess, less than a bit, away again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bulk:
    """What is to be distributed: [A] rate and site, [A, O] costs. Aggregates themselves, or groups of like ones."""

    rate: Floats
    source: Int32s
    service_class: Int32s
    cost: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """What the rows of a program stand for: first all gateways, then ``links`` (by number), then ``classes``."""

    gateways: int
    links: Int32s
    classes: tuple[int, ...]


def binding_links(instance: Instance, bulk: Bulk) -> Int32s:
    """Links that could be asked for more than there is, whatever goes where; the others need no row."""
    inside, gateways = instance.inside, len(instance.exits)
    if not len(inside.usable_bps):
        return np.zeros(0, np.int32)
    sources = len(inside.delay_ns)
    total = np.bincount(bulk.source, bulk.rate, sources)
    by_route = np.zeros((sources, gateways))
    for gateway in range(gateways):
        by_route[:, gateway] = np.bincount(bulk.source, bulk.rate * np.isfinite(bulk.cost[:, gateway]), sources)
    # Of each source and link, what the routes over it could bring together, and at most everything.
    route = np.repeat(np.arange(by_route.size), np.diff(inside.starts))
    pair, at = np.unique(inside.links.astype(np.int64) * sources + route // gateways, return_inverse=True)
    brought = np.minimum(np.bincount(at, by_route.ravel()[route], len(pair)), total[pair % sources])
    asked = np.bincount(pair // sources, brought, len(inside.usable_bps))
    return np.flatnonzero(asked > inside.usable_bps).astype(np.int32)


def build(
    instance: Instance,
    bulk: Bulk,
    links: Int32s,
    classes: Sequence[tuple[int, Pieces]],
    overload: float,
    *,
    priced: bool,
) -> tuple[Problem, Rows]:
    """The program over ``bulk``; the option after the last gateway, if its costs have one, is not to be carried.

    ``classes``: a row for what is carried of a class, with its pieces. ``overload``: what a bit beyond a cap costs.
    ``priced``: with fees and the penalty on the use of gateways.
    """
    inside, exits = instance.inside, instance.exits
    gateways, options = len(exits), bulk.cost.shape[1]
    rows = Rows(gateways=gateways, links=links, classes=tuple(number for number, _ in classes))
    use = gateway_pieces(exits, instance.weights.utilisation_ns) if priced else [[(0, 0)]] * gateways
    caps: list[Pieces] = [
        [*bends, (usable, overload)] for bends, usable in zip(use, exits.usable_bps.tolist(), strict=True)
    ]
    caps += [[(0, 0), (usable, overload)] for usable in inside.usable_bps[links].tolist()]
    for number, cap in enumerate(caps):
        bend, slope = cap[-1]
        caps[number] = [*cap[:-1], (bend * (1 + _APART * _scatter(number)) + 1e-6 * _scatter(number), slope)]
    caps += [bends for _, bends in classes]
    kinds = len(CLASSES) if classes else 1
    kind = bulk.service_class if classes else np.zeros_like(bulk.service_class)
    starts, crossed = _routes(inside, gateways, options, rows, kinds)
    flat = [piece for row in caps for piece in row]
    problem = Problem(
        rate=bulk.rate,
        cost=np.ascontiguousarray(bulk.cost),
        site=(bulk.source * kinds + kind).astype(np.int32),
        starts=starts,
        crossed=crossed,
        pieces=np.cumsum([0, *map(len, caps)]).astype(np.int32),
        bends=np.array([bend for bend, _ in flat], np.float64),
        slopes=np.array([slope for _, slope in flat], np.float64),
    )
    return problem, rows


def _scatter(number: int) -> float:
    """A number from 1 to 2, another one for each row."""
    return 1 + (number + 1) * 0.6180339887498949 % 1


def _routes(inside: Inside, gateways: int, options: int, rows: Rows, kinds: int) -> tuple[Int32s, Int32s]:
    row_of_link = np.full(len(inside.usable_bps), -1, np.int64)
    row_of_link[rows.links] = np.arange(len(rows.links)) + gateways
    row_of_class = {number: gateways + len(rows.links) + at for at, number in enumerate(rows.classes)}
    on_route = [
        [row for row in row_of_link[inside.links[begin:end]].tolist() if row >= 0]
        for begin, end in pairwise(inside.starts.tolist())
    ]
    starts, crossed = [0], list[int]()
    for source in range(len(inside.delay_ns)):
        for kind in range(kinds):
            behind = [row_of_class[kind]] if kind in row_of_class else []
            for option in range(options):
                if option < gateways:
                    crossed += [option, *on_route[source * gateways + option], *behind]
                starts.append(len(crossed))
    return np.array(starts, np.int32), np.array(crossed, np.int32)
