"""Who answers pings behind simulated gateways: the reference address of each region, as late as the region is far.
Pure but for its own dice.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from ipaddress import ip_address
from typing import NamedTuple

from controller.domain.topology import Topology
from controller.forwarding.echo import read_request, reply_frame


class Answer(NamedTuple):
    """A frame that comes in by the gateway's port, ``after_ns`` the one that it answers went out there."""

    after_ns: int
    frame: bytes


@dataclass(frozen=True, slots=True)
class _Way:
    delay_ns: int
    loss: float = 0.0


class Abroad:
    """Begins as declared: one-way delays of the topology, no loss. The dice are seeded: same pings, same losses."""

    def __init__(self, topology: Topology, seed: int = 0) -> None:
        self._ways = {
            (gateway.name, region): _Way(delay_ns)
            for gateway in topology.gateways
            for region, delay_ns in gateway.delays_ns
        }
        self._region = {
            (gateway.name, str(ip_address(address))): region
            for gateway in topology.gateways
            for region, address in gateway.probes
        }
        self._dice = random.Random(seed)

    def set_way(self, gateway: str, region: str, delay_ns: int | None, loss: float | None) -> None:
        """Change what is not ``None``. ``loss``: the share of pings that get no answer. ``ValueError`` when the gateway
        does not serve the region."""
        way = self._ways.get((gateway, region))
        if way is None:
            raise ValueError(f"gateway {gateway} serves no region {region!r}")
        way = way if delay_ns is None else replace(way, delay_ns=delay_ns)
        self._ways[gateway, region] = way if loss is None else replace(way, loss=loss)

    def answer(self, gateway: str, frame: bytes) -> Answer | None:
        """What comes back of a frame that went out at a gateway; ``None``: nothing does."""
        ping = read_request(frame)
        region = None if ping is None else self._region.get((gateway, ping.destination))
        answer = None if region is None else reply_frame(frame)
        if region is None or answer is None:
            return None
        way = self._ways[gateway, region]
        return None if self._dice.random() < way.loss else Answer(2 * way.delay_ns, answer)
