"""Counters of steering rules read twice -> bits per second, by destination group, class and slice of source addresses.

Two readings tell a rate only of what was the same thing at both: a rule that was replaced in between counts from 0, and
while the rules of an entry change, nobody knows which of them counted what. So the rate of an entry is known

* when its rules are those of the reading before: by what each has counted since, or
* when all of them are new since then: by what each has counted in its own lifetime.

Otherwise it is not known from these two readings, and whoever asks goes on with what was known before.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

from controller.domain.egress import TrafficClass
from controller.domain.rules import RuleKey, SourceSlice, Table
from controller.domain.steering import SLICES, PacketClass
from controller.southbound.driver import FlowCount

SLACK_S: Final = 2.0
"""By so much a rule may seem younger than it is: switches may tell whole seconds, and take time to answer."""
LEAST_AGE_S: Final = 1.0
"""What a rule younger than this has counted tells no rate."""

GroupFlow = tuple[int, TrafficClass]
"""At one source: destination group and class."""
Rates = tuple[float, ...]
"""Bits per second of each of the ``SLICES`` of source addresses."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CounterReading:
    """Of one device: its rules of table ``STEER``. ``taken_s``: when, by a clock that does not jump."""

    taken_s: float
    counts: Mapping[RuleKey, FlowCount]


class _Steered(NamedTuple):
    """What a steering rule is for; ``version`` of IP."""

    flow: GroupFlow
    version: int
    source: SourceSlice | None
    priority: int


_CLASSES: Final = {int(PacketClass.of(one)): one for one in TrafficClass}


def rates_between(before: CounterReading, now: CounterReading) -> dict[GroupFlow, Rates | None]:
    """The rate of every entry that has rules now; ``None``: these readings do not tell."""
    elapsed_s = now.taken_s - before.taken_s
    rules: dict[GroupFlow, dict[RuleKey, _Steered]] = {}
    for key in now.counts:
        steered = _steered(key)
        if steered is not None:
            rules.setdefault(steered.flow, {})[key] = steered
    gone = {steered.flow for key in before.counts.keys() - now.counts.keys() if (steered := _steered(key)) is not None}
    found: dict[GroupFlow, Rates | None] = {}
    for flow, of_flow in rules.items():
        lives = [_same_life(before.counts.get(key), now.counts[key], elapsed_s) for key in of_flow]
        if elapsed_s > 0 and all(lives) and flow not in gone:
            bps = {key: _bps(now.counts[key].bytes - before.counts[key].bytes, elapsed_s) for key in of_flow}
        elif not any(lives) and all(now.counts[key].seconds >= LEAST_AGE_S for key in of_flow):
            bps = {key: _bps(now.counts[key].bytes, now.counts[key].seconds) for key in of_flow}
        else:
            found[flow] = None
            continue
        found[flow] = _by_slice(of_flow, bps)
    return found


def _bps(count: int, seconds: float) -> float:
    return count * 8 / seconds


def _same_life(before: FlowCount | None, now: FlowCount, elapsed_s: float) -> bool:
    """Whether the counter went on counting: it is as old as it must be, and has not gone back."""
    return before is not None and now.bytes >= before.bytes and now.seconds > before.seconds + elapsed_s - SLACK_S


def _steered(key: RuleKey) -> _Steered | None:
    """``None``: not a rule that steers traffic of a class to a destination group."""
    if key.kind != "flow" or key.id[0] != Table.STEER or len(key.id) < _FIELDS:
        return None
    _, priority, *_, version, _, _, _, value, width, _, _, traffic_class, group = key.id
    if traffic_class not in _CLASSES or group < 0:
        return None
    source = None if width < 0 else SourceSlice(value, width)
    return _Steered((group, _CLASSES[traffic_class]), version, source, priority)


_FIELDS: Final = 17
"""Of the identity of a flow that matches anything of an IP packet (``domain.rules.key_of``)."""


def _by_slice(rules: Mapping[RuleKey, _Steered], bps: Mapping[RuleKey, float]) -> Rates:
    """What each rule carries, in equal parts over the slices that no rule before it takes."""
    slices = [0.0] * SLICES
    for version in {steered.version for steered in rules.values()}:
        in_order = sorted(
            (key for key, steered in rules.items() if steered.version == version),
            key=lambda key: (-rules[key].priority, key),
        )
        free = set(range(SLICES))
        for key in in_order:
            covered = set(_covered(rules[key].source))
            # A rule that others hide has counted before they came, if anything.
            taken = covered & free or covered
            for number in taken:
                slices[number] += bps[key] / len(taken)
            free -= covered
    return tuple(slices)


def _covered(source: SourceSlice | None) -> Iterator[int]:
    """The slices whose source addresses match."""
    if source is None:
        yield from range(SLICES)
    else:
        mask = (1 << source.width) - 1
        yield from (number for number in range(SLICES) if number & mask == source.value & mask)
