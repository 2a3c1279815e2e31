"""The networks: topologies by name (topohub's, or generated), or from a file.

Real ones have positions and lengths, but neither capacities nor delays. A delay here is 4.9 us per km of fibre, times
1.3 for the way round that a cable takes, plus up to 1 us of a patch panel, drawn by link: with that no two routes are
equally long, and engines that break ties differently still have to give the same answer.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib.resources import files
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import numpy.typing as npt

from controller.bench.geometric import geometric
from controller.documents import load_topology
from controller.domain.errors import Fault, InvalidInput, Reason
from controller.domain.topology import Link, Location, Node, PerDirection, Role, Topology

NS_PER_KM = 4_900 * 1.3
EARTH_KM = 6_371.0
LINK_BPS = 100_000_000_000

SHORT_NAMES = {"caida/AS4837": "caida/2024-08/4837", "caida/AS7018": "caida/2024-08/7018"}
"""Names of ours for topohub's: autonomous systems as everybody writes them."""
GENERATED = "geometric/"

DEFAULT_CASES = (
    "sndlib/germany50",
    "caida/AS4837",
    "caida/AS7018",
    "backbone/world",
    "geometric/5000",
    "geometric/20000",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A topology, and where its nodes are: km, in space [N, 3], in the order of ``topology.nodes``; ``None``: unknown.
    A straight line through the earth is never longer than a cable, so distances bound delays from below."""

    name: str
    topology: Topology
    positions_km: npt.NDArray[np.float64] | None


def case_named(name: str, seed: int) -> Case:
    """A name of topohub's, ``geometric/N``, or the path of a topology file. ``InvalidInput`` if it is none of these."""
    if name.startswith(GENERATED):
        return _generated(name, seed)
    if name.endswith((".yaml", ".yml")):
        return _from_file(Path(name))
    return _from_topohub(name, seed)


def with_free(case: Case, free_bps: Sequence[PerDirection[int]]) -> Case:
    """The same network with these capacities, by link in the order of ``topology.links``."""
    links = tuple(replace(link, capacity_bps=free) for link, free in zip(case.topology.links, free_bps, strict=True))
    return replace(case, topology=replace(case.topology, links=links))


def _generated(name: str, seed: int) -> Case:
    count = name.removeprefix(GENERATED)
    if not count.isdecimal() or not 10 <= int(count) <= 100_000:
        raise _unknown(name, f"write {GENERATED}N with N nodes, from 10 to 100000")
    try:
        points, ends = geometric(int(count), seed)
    except ImportError as error:
        raise _unknown(name, "scipy is not installed (pip install 'trunkline[bench]')") from error
    lengths = np.linalg.norm(points[ends[:, 0]] - points[ends[:, 1]], axis=1)
    nodes = tuple(Node(name=f"n{number:05}", role=Role.P) for number in range(len(points)))
    links = _links(ends.tolist(), lengths.tolist(), seed)
    flat = np.concatenate([points, np.zeros((len(points), 1))], axis=1)
    return Case(name=name, topology=Topology(name=name, nodes=nodes, links=links), positions_km=flat)


def _from_topohub(name: str, seed: int) -> Case:
    found = _read_topohub(name)
    number = {node["id"]: index for index, node in enumerate(found["nodes"])}
    places = [Location(lat=node["pos"][1], lon=node["pos"][0]) for node in found["nodes"]]
    nodes = tuple(Node(name=f"n{index:05}", role=Role.P, location=place) for index, place in enumerate(places))
    joining = [edge for edge in found["edges"] if edge["source"] != edge["target"]]
    ends = [(number[edge["source"]], number[edge["target"]]) for edge in joining]
    links = _links(ends, [edge["dist"] for edge in joining], seed)
    return Case(name=name, topology=Topology(name=name, nodes=nodes, links=links), positions_km=_in_space(places))


def _read_topohub(name: str) -> dict[str, Any]:
    """The file that ``topohub.get`` reads; it leaves the file open, which counts as an error in tests."""
    try:
        data = files("topohub") / "data"
    except ModuleNotFoundError as error:
        raise _unknown(name, "topohub is not installed (pip install 'trunkline[bench]')") from error
    try:
        text = data.joinpath(f"{SHORT_NAMES.get(name, name)}.json").read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        known = f"{', '.join(DEFAULT_CASES)}, any other name of topohub's, {GENERATED}N or a topology file (.yaml)"
        raise _unknown(name, f"known are {known}") from error
    found: dict[str, Any] = json.loads(text)
    return found


def _from_file(path: Path) -> Case:
    read = load_topology(path)
    topology = replace(  # every peer would take what is out of service for usable
        read,
        nodes=tuple(replace(node, enabled=True) for node in read.nodes),
        links=tuple(replace(link, enabled=True) for link in read.links),
    )
    places = [node.location for node in topology.nodes]
    known = [place for place in places if place is not None]
    return Case(name=str(path), topology=topology, positions_km=_in_space(known) if len(known) == len(places) else None)


def _links(ends: Sequence[Sequence[int]], lengths_km: Sequence[float], seed: int) -> tuple[Link, ...]:
    """Links of 100 Gbps with delays by length, and costs drawn at random."""
    random = Random(seed)
    return tuple(
        Link(
            name=f"l{number:06}",
            a=f"n{a:05}",
            z=f"n{z:05}",
            a_port=number + 1,
            z_port=number + 1,
            capacity_bps=PerDirection.both(LINK_BPS),
            delay_ns=PerDirection.both(round(length * NS_PER_KM) + random.randrange(1, 1_000)),
            cost=random.randrange(1, 101),
        )
        for number, ((a, z), length) in enumerate(zip(ends, lengths_km, strict=True))
    )


def _in_space(places: Sequence[Location]) -> npt.NDArray[np.float64]:
    lat, lon = (np.radians([getattr(place, which) for place in places]) for which in ("lat", "lon"))
    flat = np.cos(lat)
    return EARTH_KM * np.stack([flat * np.cos(lon), flat * np.sin(lon), np.sin(lat)], axis=1)


def _unknown(name: str, would_do: str) -> InvalidInput:
    fault = Fault(reason=Reason.REFERENCE_NOT_FOUND, field="--case", message=f"no network is called {name}: {would_do}")
    return InvalidInput((fault,))
