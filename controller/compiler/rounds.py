"""Two sets of rules -> the changes between them, in rounds that never break a packet.

Two-phase update with versions (Reitblatt et al., SIGCOMM 2012): new routes have new labels, so what is
prepared meets no packet before the head end flips, and what is removed meets none after the drain.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator

from controller.compiler.flips import AT_ONCE, FlipOrder
from controller.compiler.plan import Round, RoundKind
from controller.compiler.rules import DeviceRule
from controller.compiler.steering.changing import NO_STEERING, SteeringFlips
from controller.domain.rules import Change, FlowRule, GroupRule, Op, Owner, Rule, RuleKey, Table, key_of, owner_of

_KINDS = tuple(RoundKind)
_FLIP = _KINDS.index(RoundKind.FLIP)


def diff(before: Iterable[DeviceRule], after: Iterable[DeviceRule]) -> dict[str, list[Change]]:
    """What must change on each device, sorted by rule key; devices without changes are left out."""
    old, new = _by_device(before), _by_device(after)
    changes: dict[str, list[Change]] = {}
    for device in sorted(old.keys() | new.keys()):
        was, will = old[device], new[device]
        # Of 100,000 rules on a device a handful differs as a rule: only these are sorted.
        different = sorted(key for key in was.keys() | will.keys() if was.get(key) != will.get(key))
        if different:
            changes[device] = [Change(before=was.get(key), after=will.get(key)) for key in different]
    return changes


def in_rounds(
    changes: dict[str, list[Change]], flips: FlipOrder = AT_ONCE, steering: SteeringFlips = NO_STEERING
) -> tuple[Round, ...]:
    """The changes in the order prepare, flip (once, or several times as ``steering`` and then ``flips`` say), remove;
    empty rounds are left out. On one device a round adds and modifies before it deletes, so that a port that changes
    from one kind of line to the other has no gap. Of flows that may match the same frame, the one of higher priority
    comes first and goes last: no frame meets the rule for all others where one is meant for it."""
    rounds: defaultdict[tuple[int, int], defaultdict[str, list[Change]]] = defaultdict(lambda: defaultdict(list))
    for device in changes.keys() | steering.changes.keys():
        stepped = steering.changes.get(device, {})
        placed = [((_FLIP, number), change) for steps in stepped.values() for number, change in steps]
        for change in changes.get(device, ()):
            if not stepped or key_of(change.rule) not in stepped:
                placed += _places(device, change, flips, steering)
        for place, part in sorted(placed, key=lambda one: _place_in_round(one[1])):
            rounds[place][device].append(part)
    return tuple(
        Round(
            kind=_KINDS[place[0]],
            changes=tuple((device, tuple(of_device)) for device, of_device in sorted(by_device.items())),
            step=steering.step_of(place[1]) if place[0] == _FLIP else 0,
        )
        for place, by_device in sorted(rounds.items())
    )


def _places(
    device: str, change: Change, flips: FlipOrder, steering: SteeringFlips
) -> Iterator[tuple[tuple[int, int], Change]]:
    """(place of its kind, round of that kind) of a change; of one that must close before it opens, of both halves.
    Lines flip after the steering has: traffic has left what they are to have."""
    kind = _round_of(change)
    place = _KINDS.index(kind)
    if kind is not RoundKind.FLIP or not isinstance(change.rule, FlowRule):
        yield (place, 0), change
        return
    if _owner(change.rule) is not Owner.LINE:
        yield (place, _steering_flip(change, steering)), change
        return
    match = change.rule.match
    entry = (device, -1 if match.in_port is None else match.in_port, match.vlan)
    closes, opens = (steering.count + rounds.get(entry, 0) for rounds in (flips.closes, flips.opens))
    if change.before is not None and change.after is not None and closes < opens:
        yield (place, closes), Change(before=change.before, after=None)
        yield (place, opens), Change(before=None, after=change.after)
    else:
        yield (place, closes if change.after is None else opens), change


def _steering_flip(change: Change, steering: SteeringFlips) -> int:
    """In which flip a rule in use changes that steers packets, where no step says so. Edges open when all behind them
    is there, and close first. Prefixes have their flip, and those that nothing is left of the next: a packet that met
    one of them meets a shorter one then that has changed."""
    assert isinstance(change.rule, FlowRule)
    deletes = change.op is Op.DELETE
    match change.rule.table:
        case Table.CLASSIFY:
            return 0 if deletes else steering.count
        case Table.ROUTE:
            return steering.routes + deletes
        case _:
            return 0


def _place_in_round(change: Change) -> tuple[bool, bool, int]:
    """Meters and groups come first and go last: flows refer to them."""
    deletes = change.op is Op.DELETE
    if not isinstance(change.rule, FlowRule):
        return (deletes, deletes, 0)
    return (deletes, not deletes, change.rule.priority if deletes else -change.rule.priority)


def _round_of(change: Change) -> RoundKind:
    rule = change.rule
    if isinstance(rule, FlowRule):
        if rule.table is Table.CLASSIFY and _owner(rule) in (Owner.LINE, Owner.EDGE):
            return RoundKind.FLIP
        # Nothing leads to what is steered newly, and nothing any more to what is no longer.
        if rule.table is Table.ROUTE or (rule.table is Table.STEER and change.op is Op.MODIFY):
            return RoundKind.FLIP
    if isinstance(rule, GroupRule) and change.op is Op.MODIFY:
        return RoundKind.FLIP
    return RoundKind.REMOVE if change.op is Op.DELETE else RoundKind.PREPARE


def _owner(rule: FlowRule) -> Owner | None:
    owner = owner_of(rule.cookie)
    return None if owner is None else owner[0]


def _by_device(rules: Iterable[DeviceRule]) -> defaultdict[str, dict[RuleKey, Rule]]:
    found: defaultdict[str, dict[RuleKey, Rule]] = defaultdict(dict)
    for device, rule in rules:
        found[device][key_of(rule)] = rule
    return found
