"""What a placed line holds: link by link, trunk by trunk, rule by rule."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import chain

from controller.compiler.rules import circuit_rules, line_rules, pair_rules, trunk_rules
from controller.domain.intents import IntentKey
from controller.domain.placement import PairKey, PlacedLine, PlacedPath, Trunk, TrunkPair
from controller.domain.rules import Rule
from controller.domain.topology import Direction, PerDirection
from controller.paths.network import Network


@dataclass(frozen=True, slots=True, kw_only=True)
class HopUse:
    """A link as the line crosses it. All pairs are per direction of the line; ``reserved_bps`` is the line's own,
    ``free_bps`` what nobody holds, ``delay_ns`` the effective delay now with that of a hop."""

    link: str
    delay_ns: PerDirection[int]
    capacity_bps: PerDirection[int]
    reserved_bps: PerDirection[int]
    free_bps: PerDirection[int]
    srlgs: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PathUse:
    path: PlacedPath
    hops: tuple[HopUse, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TrunkUse:
    """A trunk that the line rides in one direction, and how many lines ride it in all. ``role``: working or protect."""

    role: str
    direction: Direction
    trunk: Trunk
    lines: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceRules:
    """What a device should hold for the line: its own rules, and those of its trunks and pairs of trunks."""

    device: str
    own: tuple[Rule, ...]
    of_trunks: tuple[Rule, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """``devices`` stand in the order in which the line passes them, working path first."""

    placed: PlacedLine
    paths: tuple[PathUse, ...]
    trunks: tuple[TrunkUse, ...]
    pairs: tuple[TrunkPair, ...]
    devices: tuple[DeviceRules, ...]


def described(
    network: Network,
    lines: Mapping[IntentKey, PlacedLine],
    trunks: Mapping[int, Trunk],
    pairs: Mapping[PairKey, TrunkPair],
    placed: PlacedLine,
) -> Description:
    """What ``placed`` holds, among all ``lines``, ``trunks`` and ``pairs`` that there are."""
    topology = network.topology
    ridden = [
        (role, direction, trunks[label])
        for role, labels in (("working", placed.trunk_label), ("protect", placed.protect_label))
        for direction, label in zip(Direction, labels, strict=True)
        if label
    ]
    paired = tuple(pairs[key] for key in sorted(placed.pairs_ridden))
    own = _by_device(chain(line_rules(topology, placed, trunks, pairs), circuit_rules(topology, placed)))
    of_trunks = _by_device(
        chain(
            (rule for _, _, trunk in ridden for rule in trunk_rules(topology, trunk)),
            (rule for pair in paired for rule in pair_rules(topology, pair, trunks)),
        )
    )
    order = dict.fromkeys(node for path in placed.paths for node in path.route.nodes)
    return Description(
        placed=placed,
        paths=tuple(_path_use(network, path) for path in placed.paths),
        trunks=tuple(
            TrunkUse(
                role=role,
                direction=direction,
                trunk=trunk,
                lines=sum(trunk.label in other.trunks_ridden for other in lines.values()),
            )
            for role, direction, trunk in ridden
        ),
        pairs=paired,
        devices=tuple(
            DeviceRules(device=node, own=tuple(own.get(node, ())), of_trunks=tuple(of_trunks.get(node, ())))
            for node in order
            if node in own or node in of_trunks
        ),
    )


def _path_use(network: Network, path: PlacedPath) -> PathUse:
    return PathUse(
        path=path,
        hops=tuple(
            HopUse(
                link=link.name,
                delay_ns=PerDirection(
                    network.crossing_delay_ns(link, way), network.crossing_delay_ns(link, way.reverse)
                ),
                capacity_bps=PerDirection(link.capacity_bps[way], link.capacity_bps[way.reverse]),
                reserved_bps=path.reserved_bps,
                free_bps=PerDirection(network.residual_bps(link, way), network.residual_bps(link, way.reverse)),
                srlgs=link.srlgs,
            )
            for link, way in path.route.hops(network.topology)
        ),
    )


def _by_device(rules: Iterable[tuple[str, Rule]]) -> dict[str, list[Rule]]:
    found: dict[str, list[Rule]] = {}
    for device, rule in rules:
        found.setdefault(device, []).append(rule)
    return found
