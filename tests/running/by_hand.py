"""What somebody does to a simulated switch beside its controller: as with ovs-ofctl, rule by rule."""

from __future__ import annotations

from dataclasses import replace
from itertools import chain

from controller.domain.rules import Bucket, Change, FlowRule, GroupKind, GroupRule, Match, MeterRule, Output, Table
from controller.southbound.openflow.rounds import encode, steps

THEIRS = (
    FlowRule(cookie=0xBEEF, table=Table.CLASSIFY, priority=7, match=Match(in_port=12), actions=(Output(2),)),
    MeterRule(meter_id=777, rate_kbps=7, burst_kbits=7),
    GroupRule(group_id=777, kind=GroupKind.INDIRECT, buckets=(Bucket(actions=(Output(1),)),)),
)
"""Rules of others, which no rule of ours has anything to do with."""


def change(net, node, *changes):
    """Carry changes out on a simulated switch of ``net``; the switch must take them."""
    messages = b"".join(encode(step, 7) for step in chain.from_iterable(steps(changes)))
    assert net.switches.by_hand(node, messages) == b""


def put(net, node, *rules):
    change(net, node, *(Change(before=None, after=rule) for rule in rules))


def take(net, node, *rules):
    change(net, node, *(Change(before=rule, after=None) for rule in rules))


def desired(net, node):
    """The rules that a switch is to hold by what is on disk."""
    return [*net.planner(net.saved()).desired[node].values()]


def trunk_rule(net, node):
    """A rule of a trunk that the node passes on."""
    return next(rule for rule in desired(net, node) if isinstance(rule, FlowRule) and rule.match.mpls_label)


def slowed(net, node):
    """(a meter of ours, the same with another rate)."""
    meter = next(rule for rule in desired(net, node) if isinstance(rule, MeterRule))
    return meter, replace(meter, rate_kbps=64)
