"""At which of all the points of a journal a test kills: a sample without chance, or all of them.

A change has some 50 steps and 100 points, one before and one after each. Many differ only in which of several devices
alike is meant, or in its round. So by default these are taken, the same in each run:

- all of ``begin``, ``commit point`` and ``end``;
- one of each kind: verb, before or after the commit point, switch or OTN node, moment of the kill;
- of the others every eighth or so, those that a hash of their names picks.

``TRUNKLINE_ALL_KILLS=1`` takes all points.
"""

from __future__ import annotations

import hashlib
import os

from running.kill_points import BEGIN, COMMIT_POINT, END, MOMENTS

ALL = "TRUNKLINE_ALL_KILLS"
SHARE = 8
"""One in so many of the points of which others of their kind are taken."""


def all_points(steps):
    """(step, moment): before and after each step."""
    return [(step, moment) for step in steps for moment in MOMENTS]


def points_of(steps, name, *, share=SHARE):
    """Where to kill in what is called ``name``, in an order that is the same in each run although devices work side by
    side, so that tests can share the points. ``share=None``: one of each kind is enough, since others like it are
    killed at more points."""
    points = all_points(steps)
    if ALL in os.environ:
        return sorted(points)
    taken = set()
    for alike in _kinds(steps, points).values():
        first, *others = sorted(alike, key=lambda point: _hash(name, point))
        taken.add(first)
        if share is not None:
            taken.update(point for point in others if _hash(name, point) % share == 0)
    return sorted(taken)


def _kinds(steps, points):
    kinds = {}
    for step, moment in points:
        kinds.setdefault((*_kind(step), _is_committed(steps, step), moment), []).append((step, moment))
    return kinds


def _kind(step):
    if step in (BEGIN, COMMIT_POINT, END):
        return (step,)
    verb, device, _, _ = step.split()
    return verb, "OTN node" if device.startswith("o-") else "switch"  # as the topologies here name them


def _is_committed(steps, step):
    return COMMIT_POINT in steps and steps.index(step) > steps.index(COMMIT_POINT)


def _hash(name, point):
    return int.from_bytes(hashlib.blake2s(" ".join((name, *point)).encode()).digest()[:8])
