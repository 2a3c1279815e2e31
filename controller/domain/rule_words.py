"""Rules in words, for people: plans, error messages, logs."""

from __future__ import annotations

from controller.domain.prefixes import Prefix
from controller.domain.rules import (
    Action,
    AnswerArp,
    AnswerNeighbour,
    Bucket,
    ClientEnd,
    CrossConnect,
    CrossConnectEnd,
    DecTtl,
    FlowRule,
    GoTo,
    GroupRule,
    LineEnd,
    Match,
    MeterRule,
    Opaque,
    Output,
    Owner,
    Police,
    PopTrunk,
    Rule,
    SetClass,
    SetGroup,
    SetMacs,
    SetTrunk,
    SetVlan,
    Table,
    TellController,
    Unwrap,
    UseGroup,
    Wrap,
    owner_of,
)
from controller.domain.units import format_rate


def rule_words(rule: Rule) -> str:
    """One line: ``line 3: port 11 VLAN 100 -> police by meter 1, wrap with service label 524288, group 1``."""
    match rule:
        case FlowRule():
            doing = ", ".join(map(_action_words, rule.actions)) if rule.actions else "drop"
            return f"{_owner_words(rule)}: {_match_words(rule)} -> {doing}"
        case MeterRule():
            return f"meter {rule.meter_id}: {format_rate(rule.rate_kbps * 1000)}, burst {rule.burst_kbits} kbit"
        case GroupRule():
            buckets = " | ".join(map(_bucket_words, rule.buckets))
            return f"group {rule.group_id}: {rule.kind} -> {buckets}"
        case CrossConnect():
            odu = rule.odu.words if isinstance(rule.odu, Opaque) else rule.odu
            joined = f"{odu} {_end_words(rule.a)} <-> {_end_words(rule.z)}"
            return ", ".join((f"{_owner_words(rule)}: cross-connect {rule.number}: {joined}", *rule.extra))


def _owner_words(rule: FlowRule | CrossConnect) -> str:
    owner = owner_of(rule.cookie)
    if owner is None:
        return f"cookie {rule.cookie:#x}"
    kind, number = owner
    return "device" if kind is Owner.DEVICE else f"{kind.name.lower()} {number}"


def _end_words(end: CrossConnectEnd) -> str:
    match end:
        case ClientEnd():
            return f"client port {end.port}"
        case LineEnd():
            slots = ", ".join(map(str, end.slots))
            return f"line port {end.port} slots {slots} (tributary port {end.tributary_port})"
        case Opaque(words):
            return words


def _match_words(rule: FlowRule) -> str:
    words = []
    if rule.match.in_port is not None:
        words.append(f"port {rule.match.in_port}")
    if rule.match.ethertype is not None:
        words.append(f"ethertype {rule.match.ethertype:#06x}")
    if rule.match.vlan is not None:
        words.append(f"VLAN {rule.match.vlan}")
    if rule.match.mpls_label is not None:
        kind = "service" if rule.table is Table.DELIVER else "trunk"
        words.append(f"{kind} label {rule.match.mpls_label}")
    words += _packet_words(rule.match)
    return " ".join(words) if words else "anything"


def _packet_words(match: Match) -> list[str]:
    words = []
    if match.eth_dst is not None:
        words.append(f"to {match.eth_dst}")
    if match.group is not None:
        words.append(f"destination group {match.group}")
    if match.traffic_class is not None:
        words.append(f"class {match.traffic_class}")
    if match.ip_dst is not None:
        words.append(f"IPv{match.ip_dst.version}" if not match.ip_dst.length else f"for {match.ip_dst}")
    if match.dscp is not None:
        words.append(f"DSCP {match.dscp}")
    if isinstance(match.source, Prefix):
        words.append(f"from {match.source}")
    elif match.source is not None:
        words.append(f"source part {match.source.value} of {1 << match.source.width}")
    if match.arp_target is not None:
        words.append(f"who has {match.arp_target}")
    if match.nd_target is not None:
        words.append(f"who has {match.nd_target}")
    if match.echo_reply is not None:
        words.append(f"echo replies of {match.echo_reply.source} for {match.echo_reply.destination}")
    return words


def _bucket_words(bucket: Bucket) -> str:
    doing = ", ".join(map(_action_words, bucket.actions))
    if bucket.watch_port is not None:
        return f"while port {bucket.watch_port} is up: {doing}"
    return f"weight {bucket.weight}: {doing}" if bucket.weight else doing


def _action_words(action: Action) -> str:
    match action:
        case Police(meter_id):
            return f"police by meter {meter_id}"
        case SetVlan(vlan):
            return f"set VLAN {vlan}"
        case Wrap(label, shim, tc):
            marked = f", traffic class {tc}" if tc else ""
            return f"wrap with {'shim and shim' if shim else 'service'} label {label}{marked}"
        case PopTrunk():
            return "pop the trunk label"
        case Unwrap(shim):
            return "unwrap, shim too" if shim else "unwrap"
        case SetTrunk(label):
            return f"trunk label {label}"
        case Output(port):
            return f"port {port}"
        case UseGroup(group_id):
            return f"group {group_id}"
        case GoTo(table):
            return f"go to {table.name}"
        case SetClass(traffic_class):
            return f"class {traffic_class}"
        case SetGroup(group):
            return f"destination group {group}"
        case DecTtl():
            return "lower the hop limit"
        case SetMacs(_, destination):
            return f"to {destination}"
        case AnswerArp(mac) | AnswerNeighbour(mac):
            return f"answer with {mac}"
        case TellController():
            return "tell the controller"
        case Opaque(words):
            return words
