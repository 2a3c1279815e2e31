"""Egress policies in words and tables, for people."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from rich.console import Console

from controller.cli.egress_figures import rough_rate
from controller.cli.names import shown_key
from controller.cli.output import columns, say
from controller.domain.egress import ROUNDING_BPS
from controller.domain.units import format_delay, format_loss, format_rate
from controller.wire.gen.trunkline.v1 import egress_policy_pb2 as pb
from controller.wire.gen.trunkline.v1 import intent_pb2
from controller.wire.intents import key_of


def policies_table(to: Console, intents: Sequence[intent_pb2.Intent]) -> None:
    """One a line, and behind them why the last change of some failed."""
    headers = ("policy", "class", "from", "to", "demand", "state", "carried", "gateways")
    columns(to, headers, [_row(intent) for intent in intents], spare=(7, 2, 3))
    for intent in intents:
        status = intent.egress_policy.status
        if status.reason:
            say(to, f"{shown_key(key_of(intent))}: {status.message} [{status.reason}]")
    for line in _not_steered_words([intent.egress_policy.status for intent in intents]):
        say(to, line)


def policy_description(intent: intent_pb2.Intent) -> Iterator[tuple[str, str]]:
    """Everything about one policy, as rows of name and value."""
    policy = intent.egress_policy
    metadata, spec, status = policy.metadata, policy.spec, policy.status
    yield "intent", f"EgressPolicy {metadata.tenant}/{metadata.name}"
    yield "state", intent_pb2.State.Name(status.state)
    if status.reason:
        yield "", f"{status.message} [{status.reason}]"
    yield "from", _from(spec)
    yield "to", spec.destination.region
    if spec.destination.prefixes:
        yield "prefixes", ", ".join(spec.destination.prefixes)
    yield "class", spec.traffic_class
    yield "demand", _demand(spec)
    for what, names in (
        ("allowed", spec.gateways.allow),
        ("denied", spec.gateways.deny),
        ("preferred", spec.gateways.prefer),
    ):
        if names:
            yield what, ", ".join(names)
    if spec.gateways.HasField("at_most"):
        yield "at a time", f"at most {spec.gateways.at_most}"
    yield "max delay", format_delay(spec.max_delay.ToNanoseconds()) if spec.HasField("max_delay") else "no bound"
    if spec.HasField("max_loss_ppm"):
        yield "max loss", format_loss(spec.max_loss_ppm)
    yield "etag", f"{metadata.etag} (generation {metadata.generation})"
    yield "changed", f"{metadata.update_time.ToJsonString()} (revision {metadata.revision})"
    yield "carried", _carried(status)
    if status.why_not_steered:
        yield "steered", f"no, shown as planned: {status.why_not_steered}"
    for one in status.assignments:
        yield "  leaves", f"{one.source} by {one.gateway}: {rough_rate(one.rate_bps)}, {format_delay(one.delay_ns)}"
        yield "    route", " ".join(one.nodes)


def _not_steered_words(statuses: Sequence[pb.EgressPolicyStatus]) -> Iterator[str]:
    """Of those whose gateways are a plan so far, how many, and why."""
    for why, count in Counter(status.why_not_steered for status in statuses if status.why_not_steered).items():
        what = "1 policy is" if count == 1 else f"{count} policies are"
        yield f"{what} shown as planned, not steered: {why}"


def _row(intent: intent_pb2.Intent) -> tuple[str, ...]:
    spec, status = intent.egress_policy.spec, intent.egress_policy.status
    by_gateway: Counter[str] = Counter()
    for one in status.assignments:
        by_gateway[one.gateway] += one.rate_bps
    prefixes = len(spec.destination.prefixes)
    return (
        shown_key(key_of(intent)),
        spec.traffic_class,
        _from(spec),
        spec.destination.region + (f" ({prefixes} {'prefix' if prefixes == 1 else 'prefixes'})" if prefixes else ""),
        _demand(spec),
        intent_pb2.State.Name(status.state),
        _carried(status),
        " ".join(f"{gateway}:{rough_rate(bps)}" for gateway, bps in _told(by_gateway)) or "-",
    )


def _told(by_gateway: Mapping[str, int]) -> list[tuple[str, int]]:
    """By name, without what only rounding has left somewhere."""
    return [(gateway, bps) for gateway, bps in sorted(by_gateway.items()) if bps >= ROUNDING_BPS]


def _from(spec: pb.EgressPolicySpec) -> str:
    return ", ".join((*spec.sources.regions, *spec.sources.nodes))


def _demand(spec: pb.EgressPolicySpec) -> str:
    return "measured" if spec.measured else format_rate(spec.demand_bps)


def _carried(status: pb.EgressPolicyStatus) -> str:
    return rough_rate(sum(one.rate_bps for one in status.assignments)) if status.assignments else "-"
