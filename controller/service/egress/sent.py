"""What leaves by each gateway: what devices have counted, led the way that they are told to lead it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping

from controller.compiler.steering.inputs import Flow
from controller.domain.steering import SLICES, Entry
from controller.domain.topology import Gateway
from controller.service.egress.counters import Rates


def sent_bps(
    gateways: Iterable[Gateway], entries: Iterable[Entry], counted: Mapping[Flow, Rates], down: Collection[str]
) -> dict[str, int]:
    """Of each gateway. What no device has counted is taken to be as it was when it was decided on. By no gateway leaves
    more than it can carry, and nothing by one that is ``down``, whatever is sent there."""
    found: Counter[str] = Counter()
    for entry in entries:
        rates = counted.get((entry.source, entry.group, entry.traffic_class))
        if rates is None:
            found.update(entry.bps())
            continue
        slices = SLICES // len(entry.gateways)
        for number, gateway in enumerate(entry.gateways):
            found[gateway] += round(sum(rates[number * slices : (number + 1) * slices]))
    return {
        gateway.name: 0 if gateway.name in down else min(found[gateway.name], gateway.capacity_bps)
        for gateway in gateways
    }
