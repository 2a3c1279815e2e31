"""Backbones made up: points in the plane, joined as cities are: neighbours, with few crossings."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

SIDE_KM = 3_000.0
KEPT = 0.7
"""The share of the triangulation's edges that are built. About 4.2 links at a node remain, as in large real backbones
with their regional rings."""


def geometric(nodes: int, seed: int) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]:
    """(positions in km [nodes, 2], ends of links [links, 2]): a thinned Delaunay triangulation of random points.

    Its edges at the rim, long and thin, are left out. Needs scipy.
    """
    from scipy.spatial import Delaunay

    random = np.random.default_rng(seed)
    points = random.random((nodes, 2)) * SIDE_KM
    corners = Delaunay(points).simplices.astype(np.int64)
    edges = np.concatenate([corners[:, pair] for pair in ((0, 1), (1, 2), (0, 2))])
    edges = np.unique(np.sort(edges, axis=1), axis=0)
    lengths = np.linalg.norm(points[edges[:, 0]] - points[edges[:, 1]], axis=1)
    edges = edges[lengths < 4 * SIDE_KM / nodes**0.5]
    return points, edges[random.random(len(edges)) < KEPT]
