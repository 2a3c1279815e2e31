"""How much each flow of a switch has seen, and since when it stands. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from controller.domain.rules import RuleKey


@dataclass(slots=True)
class Count:
    """Frames, and their bytes as they were when they met the flow."""

    packets: int = 0
    bytes: int = 0


class FlowCounters:
    """By key of the flow. Most flows of a large table never see a frame: for those only the time is kept."""

    def __init__(self) -> None:
        self._began_ns: dict[RuleKey, int] = {}
        self._counts: dict[RuleKey, Count] = {}

    def begin(self, flow: RuleKey, now_ns: int) -> None:
        """A flow is new, or its counters are to be reset."""
        self._began_ns[flow] = now_ns
        self._counts.pop(flow, None)

    def end(self, flow: RuleKey) -> None:
        self._began_ns.pop(flow, None)
        self._counts.pop(flow, None)

    def add(self, flow: RuleKey, packets: int, size: int) -> None:
        """``size``: bytes of all these packets together."""
        count = self._counts.get(flow)
        if count is None:
            count = self._counts[flow] = Count()
        count.packets += packets
        count.bytes += size

    def count(self, flow: RuleKey) -> Count:
        return self._counts.get(flow, Count())

    def age_ns(self, flow: RuleKey, now_ns: int) -> int:
        return now_ns - self._began_ns.get(flow, now_ns)
