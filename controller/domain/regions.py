"""Where in the world a prefix is: in which of the regions that gateways declare delays to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from controller.domain.prefixes import Prefix


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionMap:
    """Regions by prefix, and by the autonomous system that a route ends in. Of prefixes the most specific that covers
    an address counts, and any of them before an autonomous system: it says more."""

    by_prefix: Mapping[Prefix, str] = field(default_factory=dict)
    by_as: Mapping[int, str] = field(default_factory=dict)
