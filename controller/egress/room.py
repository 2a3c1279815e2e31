"""What is left at gateways and on links, in whole bits a second."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from controller.egress.instance import Instance, Int32s, Int64s


@dataclass(frozen=True, slots=True)
class Room:
    """``gateway`` [G] and ``link`` [K] change as room is taken; a negative one is overdrawn."""

    instance: Instance
    gateway: Int64s
    link: Int64s

    @classmethod
    def after(cls, instance: Instance, aggregate: Int32s, gateway: Int32s, rate_bps: Int64s) -> Room:
        """What these shares leave."""
        inside, gateways = instance.inside, len(instance.exits)
        at_gateway, at_link = instance.exits.usable_bps.copy(), inside.usable_bps.copy()
        np.subtract.at(at_gateway, gateway, rate_bps)
        if len(at_link):
            by_route = np.zeros(len(inside.delay_ns) * gateways, np.int64)
            np.add.at(by_route, instance.demand.source[aggregate].astype(np.int64) * gateways + gateway, rate_bps)
            np.subtract.at(at_link, inside.links, np.repeat(by_route, np.diff(inside.starts)))
        return cls(instance, at_gateway, at_link)

    def links_of(self, aggregate: int, gateway: int) -> Int32s:
        """The links of the route."""
        inside = self.instance.inside
        route = int(self.instance.demand.source[aggregate]) * len(self.gateway) + gateway
        return inside.links[inside.starts[route] : inside.starts[route + 1]]

    def fits(self, aggregate: int, gateway: int) -> int:
        """The most that could still go this way, never negative."""
        links = self.links_of(aggregate, gateway)
        least = int(self.link[links].min()) if len(links) else int(self.gateway[gateway])
        return max(min(int(self.gateway[gateway]), least), 0)

    def take(self, aggregate: int, gateway: int, rate_bps: int) -> None:
        """Take room, or with a negative rate give it back."""
        self.gateway[gateway] -= rate_bps
        self.link[self.links_of(aggregate, gateway)] -= rate_bps
