"""All ways there are, of the libraries that are installed."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec

from controller.bench.arcs import Arcs
from controller.bench.peers.way import Way

LIBRARIES = ("networkx", "rustworkx", "igraph", "scipy")


def missing() -> list[str]:
    """The libraries that cannot take part."""
    return [library for library in LIBRARIES if find_spec(library) is None]


def ways(arcs: Arcs) -> list[Way]:
    """Every way of every library, for this network."""
    found: list[Way] = []
    for library in LIBRARIES:
        if library not in missing():
            found.extend(import_module(f"controller.bench.peers.{library}").ways(arcs))
    return found
