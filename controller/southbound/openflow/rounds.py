"""A round's changes as messages in an order that a switch can follow, and what must hold once they are done. Pure.

A flow may refer to a meter or a group only while that exists, and a switch that loses the meter or group drops
the flow silently (Open vSwitch) or refuses (others). So meters and groups come first and go last.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from controller.domain.rule_words import rule_words
from controller.domain.rules import (
    Change,
    CrossConnect,
    FlowRule,
    GroupRule,
    MeterRule,
    Op,
    Opaque,
    Rule,
    RuleKey,
    key_of,
)
from controller.southbound.openflow.messages import Command, group_mod, meter_mod
from controller.southbound.openflow.template import fast_flow_mod


class Step(NamedTuple):
    """One message: what it asks for, the rule it bears, the change it is part of."""

    command: Command
    rule: Rule
    change: Change


def steps(changes: Iterable[Change]) -> tuple[tuple[Step, ...], ...]:
    """The phases of a round, none empty; each must have been carried out before the next begins: meters and groups that
    come or change; flows, those that go last; meters and groups that go. Otherwise the order of the changes is kept."""
    coming: list[Step] = []
    flows: list[Step] = []
    going: list[Step] = []
    for change in changes:
        command = {Op.ADD: Command.ADD, Op.MODIFY: Command.MODIFY, Op.DELETE: Command.DELETE}[change.op]
        step = Step(command, change.rule, change)
        if isinstance(step.rule, FlowRule):
            flows.append(step)
        else:
            (going if command is Command.DELETE else coming).append(step)
    # Make before break: a flow that takes over another one's traffic must stand before that one goes.
    flows.sort(key=lambda step: step.command is Command.DELETE)
    return tuple(tuple(phase) for phase in (coming, flows, going) if phase)


def encode(step: Step, xid: int) -> bytes:
    """The message of a step. ``ValueError`` or ``struct.error`` when OpenFlow cannot say it."""
    match step.rule:
        case FlowRule():
            return fast_flow_mod(step.command, step.rule, xid)
        case MeterRule():
            return meter_mod(step.command, step.rule, xid)
        case GroupRule():
            return group_mod(step.command, step.rule, xid)
        case CrossConnect():
            raise ValueError("a packet switch has no ODUs to cross-connect")


def can_be_sent(rule: Rule) -> bool:
    """Whether a rule is free of what was only read from a device."""
    match rule:
        case FlowRule():
            return not any(isinstance(action, Opaque) for action in rule.actions)
        case GroupRule():
            return not any(isinstance(action, Opaque) for bucket in rule.buckets for action in bucket.actions)
        case MeterRule():
            return rule.rate_kbps > 0
        case CrossConnect():
            return False


def outcome(changes: Iterable[Change]) -> dict[RuleKey, Change]:
    """The last change of each key: its ``after`` is what must be found there (``None``: nothing of ours)."""
    return {key_of(change.rule): change for change in changes}


def describe_change(change: Change) -> str:
    return f"{change.op} {rule_words(change.rule)}"
