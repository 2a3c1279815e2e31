"""Plans and intents in words and tables, for people."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence

from rich.console import Console

from controller.cli.egress_words import rate_in_all, show_egress
from controller.cli.output import columns, say
from controller.cli.plan_words import kept_words, show_reservations, show_rounds
from controller.cli.policy_words import policies_table, policy_description
from controller.domain.intents import LayerChoice, Protection
from controller.domain.units import format_delay, format_loss, format_rate
from controller.wire.gen.trunkline.v1 import intent_pb2, plan_pb2

_STEERED_LATER = "nothing changes on any device by this itself: egress cycles steer what policies ask for"
# Longer lists of rules help nobody who reads; they are counted, and -o json has them all.
_MOST_RULES_LISTED = 60
_MOST_BINDING_LISTED = 8
# A narrower terminal has no room for routes beside the rest; `describe` shows them.
_WIDTH_WITH_ROUTES = 110


def plan_table(plan: plan_pb2.Plan) -> Callable[[Console], None]:
    """Verdicts first, then why not, then what is reserved, in which rounds, and what changes where."""

    def show(to: Console) -> None:
        rows = []
        for verdict in plan.intents:
            name = f"{verdict.tenant}/{verdict.name}"
            if not verdict.feasible:
                rows.append((name, ", ".join(refusal.reason for refusal in verdict.reasons), "", "", ""))
            elif verdict.kind == "EgressPolicy":
                rows.append((name, "feasible", rate_in_all(verdict), "", ""))
            for path in verdict.paths:
                verdict_words = "feasible" if path.role == "working" else path.role
                rows.append(
                    (name, verdict_words, rate_words(path.reserved_bps), delay_words(path), " ".join(path.nodes))
                )
        columns(to, ("intent", "verdict", "reserves", "delay", "route"), rows)
        say(to, "")
        show_egress(to, plan)
        for line in refusal_words(plan):
            say(to, line)
        if not plan.feasible:
            say(to, "")
        show_reservations(to, plan)
        show_rounds(to, plan)
        _show_changes(to, plan)
        for line in kept_words(plan):
            say(to, line)

    return show


def refusal_words(plan: plan_pb2.Plan) -> Iterator[str]:
    """Why not, and what would do, for each infeasible intent."""
    for verdict in plan.intents:
        for refusal in verdict.reasons:
            yield f"{verdict.tenant}/{verdict.name}: {refusal.message} [{refusal.reason}]"
            for words in binding_words(refusal.binding):
                yield f"    binds: {words}"
            for one in refusal.relaxations:
                yield f"    would do: {one.field}: {one.value}"


def binding_words(binding: plan_pb2.Binding) -> Iterator[str]:
    """What stands in the way, by name: links with what is free on them, nodes, SRLGs; the least delay there is."""
    for kind, names in (
        ("links", [_free_words(one) for one in binding.links]),
        ("nodes", list(binding.nodes)),
        ("SRLGs", list(binding.srlgs)),
    ):
        if names:
            more = len(names) - _MOST_BINDING_LISTED
            behind = f", and {more} more (-o json lists them)" if more > 0 else ""
            yield f"{kind} {', '.join(names[:_MOST_BINDING_LISTED])}{behind}"
    if binding.HasField("least_delay_ns"):
        yield f"delay, the least is {format_delay(binding.least_delay_ns)} one way"
    if binding.HasField("least_loss_ppm"):
        yield f"loss, the least is {format_loss(binding.least_loss_ppm)}"


def _free_words(link: plan_pb2.BindingLink) -> str:
    return f"{link.link} ({rate_words(link.free_bps)} free)"


def changes_words(plan: plan_pb2.Plan) -> str:
    """How much changes: ``45 rules change on 6 devices``."""
    rules = sum(len(device.changes) for device in plan.devices)
    if not rules:
        policies = any(verdict.kind == "EgressPolicy" and verdict.feasible for verdict in plan.intents)
        return _STEERED_LATER if policies else "nothing changes on any device"
    return f"{rules} {'rule changes' if rules == 1 else 'rules change'} on {counted(len(plan.devices), 'device')}"


_ASSURED = {
    intent_pb2.DRIFTED: ": a device on its way does not hold what it should (trunkline diff)",
    intent_pb2.UNKNOWN: ": a device on its way cannot be read now (trunkline status)",
}


def intents_table(intents: Sequence[intent_pb2.Intent]) -> Callable[[Console], None]:
    def show(to: Console) -> None:
        if not intents:
            say(to, "no intents")
            return
        lines = [intent for intent in intents if intent.HasField("private_line")]
        policies = [intent for intent in intents if intent.HasField("egress_policy")]
        if lines:
            _lines_table(to, lines)
        if lines and policies:
            say(to, "")
        if policies:
            policies_table(to, policies)

    return show


def _lines_table(to: Console, intents: Sequence[intent_pb2.Intent]) -> None:
    wide = to.width >= _WIDTH_WITH_ROUTES
    headers = ("intent", "type", "ends", "rate", "state", "delay", "fares", "route")
    shown = len(headers) if wide else 6
    columns(to, headers[:shown], [_row(intent)[:shown] for intent in intents])
    for intent in intents:
        line = intent.private_line
        if line.status.reason:
            why = f"{line.status.message} [{line.status.reason}]"
            say(to, f"{line.metadata.tenant}/{line.metadata.name}: {why}")
    counted_words = Counter(intent.private_line.status.assurance for intent in intents)
    for assurance, why in _ASSURED.items():
        if counted_words[assurance]:
            say(to, f"{counted(counted_words[assurance], 'intent')} {assurance_words(assurance)}{why}")


def description(intent: intent_pb2.Intent) -> Iterator[tuple[str, str]]:
    """Everything about one intent, as rows of name and value."""
    if intent.HasField("egress_policy"):
        yield from policy_description(intent)
        return
    line = intent.private_line
    spec, status = line.spec, line.status
    yield "intent", f"PrivateLine {line.metadata.tenant}/{line.metadata.name}"
    yield "state", intent_pb2.State.Name(status.state)
    if status.reason:
        yield "", f"{status.message} [{status.reason}]"
    if status.assurance:
        yield "fares", assurance_words(status.assurance) + _ASSURED.get(status.assurance, "")
    yield "type", _type(spec)
    yield "ends", _ends(spec)
    yield "bandwidth", both_ways(format_rate, spec.bandwidth.a_to_z_bps, spec.bandwidth.z_to_a_bps)
    bound_ns = spec.max_delay.ToNanoseconds() if spec.HasField("max_delay") else None
    yield "max delay", "no bound" if bound_ns is None else format_delay(bound_ns)
    yield "mtu", f"{spec.mtu} bytes"
    apart = f", {spec.disjoint} disjoint" if spec.protection == Protection.ONE_TO_ONE else ""
    yield "protection", f"{spec.protection}{apart}"
    for what, names in (
        ("nodes", spec.avoid.nodes),
        ("links", spec.avoid.links),
        ("SRLGs", spec.avoid.srlgs),
        ("regions", spec.avoid.regions),
    ):
        if names:
            yield "avoid", f"{what} {', '.join(names)}"
    if spec.via.nodes:
        yield "via", ", ".join(spec.via.nodes)
    if spec.layer != LayerChoice.PACKET:
        yield "layer", f"{spec.layer}, {spec.isolation}"
    yield "objective", spec.objective
    yield "priority", str(spec.priority)
    yield "etag", f"{line.metadata.etag} (generation {line.metadata.generation})"
    yield "changed", f"{line.metadata.update_time.ToJsonString()} (revision {line.metadata.revision})"
    for path in status.paths:
        yield path.role, " ".join(path.nodes)
        yield "  links", " ".join(path.links) or "none: both sites are on one PE"
        yield "  delay", delay_words(path)
        yield "  reserves", rate_words(path.reserved_bps)


def assurance_words(assurance: intent_pb2.Assurance.ValueType) -> str:
    return intent_pb2.Assurance.Name(assurance) if assurance else "-"


def delay_words(path: plan_pb2.Path) -> str:
    return both_ways(format_delay, path.delay_ns.a_to_z, path.delay_ns.z_to_a)


def rate_words(rates: plan_pb2.Rates) -> str:
    return both_ways(format_rate, rates.a_to_z, rates.z_to_a)


def _show_changes(to: Console, plan: plan_pb2.Plan) -> None:
    if sum(len(device.changes) for device in plan.devices) <= _MOST_RULES_LISTED:
        rows = [(device.device, change.op, change.what) for device in plan.devices for change in device.changes]
        if rows:
            columns(to, ("device", "change", "rule"), rows)
        say(to, changes_words(plan))
        return
    counted = []
    for device in plan.devices:
        ops = Counter(change.op for change in device.changes)
        counted.append((device.device, *(str(ops[op]) for op in ("add", "modify", "delete"))))
    columns(to, ("device", "add", "modify", "delete"), counted)
    say(to, f"{changes_words(plan)}; -o json lists them")


def _row(intent: intent_pb2.Intent) -> tuple[str, ...]:
    line = intent.private_line
    spec, status = line.spec, line.status
    return (
        f"{line.metadata.tenant}/{line.metadata.name}",
        _type(spec),
        _ends(spec),
        both_ways(format_rate, spec.bandwidth.a_to_z_bps, spec.bandwidth.z_to_a_bps),
        intent_pb2.State.Name(status.state),
        delay_words(status.paths[0]) if status.paths else "-",
        assurance_words(status.assurance),
        " ".join(status.paths[0].nodes) if status.paths else "-",
    )


def _type(spec: intent_pb2.PrivateLineSpec) -> str:
    return "EVPL" if spec.a.HasField("vlan") else "EPL"


def _ends(spec: intent_pb2.PrivateLineSpec) -> str:
    return f"{end_words(spec.a)} - {end_words(spec.z)}"


def end_words(attachment: intent_pb2.Attachment) -> str:
    return attachment.site + (f".{attachment.vlan}" if attachment.HasField("vlan") else "")


def both_ways(write: Callable[[int], str], a_to_z: int, z_to_a: int) -> str:
    """One value when both directions have the same, else both: ``6Mbps/2Mbps``."""
    return write(a_to_z) if a_to_z == z_to_a else f"{write(a_to_z)}/{write(z_to_a)}"


def counted(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"
