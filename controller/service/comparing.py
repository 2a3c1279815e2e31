"""What a device holds beside what it should hold: the one comparison behind repairs, drift and ``diff``."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from controller.compiler.planner import Planner
from controller.compiler.rounds import diff
from controller.domain.rules import Change, Marked, Rule, RuleKey, key_of
from controller.southbound.driver import Observed


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """``unfinished`` is what our own changes may have left undone; ``drift`` is whatever else differs, which somebody
    else must have done (or a device that has lost its rules). A change leads from what is to what should be.
    ``ours`` and ``foreign`` count the rules found. ``number_taken``: somebody has taken a meter or group number into
    use that was free until now."""

    unfinished: tuple[Change, ...]
    drift: tuple[Change, ...]
    ours: int
    foreign: int
    number_taken: bool

    @property
    def changes(self) -> tuple[Change, ...]:
        return (*self.unfinished, *self.drift)


def compare(planner: Planner, device: str, observed: Observed, leftovers: Sequence[Rule]) -> Comparison:
    """``leftovers`` are rules where a change of ours was not carried to its end on the device."""
    left = {key_of(rule) for rule in leftovers}
    number_taken = planner.keep_clear(device, _unknown_numbers(planner, device, observed, left), observed.foreign)
    changes = differences(planner, device, observed, leftovers)
    others = numbers_of_others(planner, device, observed, leftovers)
    return Comparison(
        unfinished=tuple(change for change in changes if key_of(change.rule) in left),
        drift=tuple(change for change in changes if key_of(change.rule) not in left),
        ours=len(observed.rules) - others,
        foreign=len(observed.foreign) + others,
        number_taken=number_taken,
    )


def differences(planner: Planner, device: str, observed: Observed, leftovers: Iterable[Rule]) -> list[Change]:
    """What must change on a device so that it holds what it should, and nothing else of ours. Where an adopted rule of
    somebody else stands, nothing is changed, even if a line misses a rule there."""
    desired = planner.desired[device]
    known = desired.keys() | {key_of(rule) for rule in leftovers}
    ours = [rule for rule in observed.rules if isinstance(rule, Marked) or key_of(rule) in known]
    changes = diff(((device, rule) for rule in ours), ((device, rule) for rule in desired.values())).get(device, [])
    others = planner.aside.places.get(device, set())
    return [change for change in changes if key_of(change.rule) not in others] if others else changes


def numbers_of_others(planner: Planner, device: str, observed: Observed, leftovers: Iterable[Rule]) -> int:
    """How many meters and groups there are on a device that are neither wanted nor left there by us."""
    left = {key_of(rule) for rule in leftovers}
    return sum(key_of(rule) not in left for rule in planner.not_ours(device, observed.rules))


def _unknown_numbers(planner: Planner, device: str, observed: Observed, left: set[RuleKey]) -> Iterable[Rule]:
    return (rule for rule in planner.not_ours(device, observed.rules) if key_of(rule) not in left)
