"""``trunkline status``, ``freeze`` and ``adopt``: how the controller stands, its stop button, and rules of others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import click
from rich.console import Console

from controller.cli.app import output_option, server_option, trunkline
from controller.cli.client import connected
from controller.cli.drain import down_words, drain_json, drain_words
from controller.cli.failing import telling, usage
from controller.cli.output import Format, columns, emit, note, say
from controller.cli.views import Json
from controller.cli.words import counted
from controller.wire.gen.trunkline.v1 import intent_pb2, operations_pb2
from controller.wire.intents import body_of

ALL = "-"


@trunkline.command(short_help="Say how the server and its devices stand.")
@server_option
@output_option
def status(server: str, output: Format) -> None:
    """Say whether the server answers, how many intents are in which state, which devices are connected and as they
    should be, which gateways and links are down or drained, and whether automatic changes are frozen."""
    with telling(server), connected(server) as client:
        intents, revision = client.all_intents()
        health = "SERVING" if client.serving() else "NOT_SERVING"
        stands = client.call(client.operations.GetStatus, operations_pb2.GetStatusRequest())
    states = Counter(intent_pb2.State.Name(body_of(intent).status.state) for intent in intents)
    shown = {
        "server": server,
        "health": health,
        "revision": revision,
        "intents": dict(sorted(states.items())),
        "topology": stands.topology,
        "version": stands.version,
        "freeze": _freeze_json(stands.freeze),
        "drained": [drain_json(drain) for drain in stands.drained],
        "gatewaysDown": list(stands.gateways_down),
        "linksDown": list(stands.links_down),
        "sitesDown": list(stands.sites_down),
        "devices": [_device_json(device) for device in stands.devices],
    }

    def words(to: Console) -> None:
        by_state = ", ".join(f"{count} {state}" for state, count in sorted(states.items()))
        say(to, f"{server} is {health}; revision {revision}; intents: {by_state or 'none'}")
        if stands.freeze.frozen:
            say(to, _frozen_words(stands.freeze))
        for drain in stands.drained:
            say(to, drain_words(drain))
        down = {"gateways": stands.gateways_down, "links": stands.links_down, "sites": stands.sites_down}
        for line in down_words(down):
            say(to, line)
        here = sum(device.connected for device in stands.devices)
        say(to, f"{here} of {len(stands.devices)} devices connected")
        rows = [_row(device) for device in stands.devices]
        columns(to, ("device", "state", "rules", "foreign", "adopted"), rows)
        drifted = sum(device.drifted_rules for device in stands.devices)
        if drifted:
            say(to, f"{counted(drifted, 'rule')} drifted (trunkline diff lists them, diff --repair puts them right)")
        for device in stands.devices:
            if device.why_not_connected:
                say(to, f"{device.device} is not connected: {device.why_not_connected}")
            elif device.why_out_of_step:
                say(to, f"{device.device} could not be put right: {device.why_out_of_step}")

    emit(output, shown, words)


@trunkline.command(short_help="Stop every automatic change, or let them go on.")
@click.option("--reason", metavar="TEXT", default="", help="Why, for whoever looks at the status.")
@click.option("--off", is_flag=True, help="Let automatic changes go on.")
@server_option
@output_option
def freeze(reason: str, off: bool, server: str, output: Format) -> None:
    """Stop every change that nobody asked for: repairs of devices wait, and so do moves of internet traffic, even off a
    gateway that is lost or drained. What is asked for (apply, delete) is carried out as before, on devices that are as
    they should be; protection in the data plane stays. Lasts over restarts, until --off."""
    if off and reason:
        raise usage("--reason is for stopping, not for --off")
    with telling(server), connected(server) as client:
        state = (
            client.call(client.operations.Unfreeze, operations_pb2.UnfreezeRequest())
            if off
            else client.call(client.operations.Freeze, operations_pb2.FreezeRequest(reason=reason))
        )
    line = _frozen_words(state) if state.frozen else "not frozen: automatic changes go on"
    emit(output, {"freeze": _freeze_json(state)}, lambda to: say(to, line))


@trunkline.command(short_help="List rules of others on devices, and keep clear of them.")
@click.argument("devices", nargs=-1, metavar="[DEVICE]...")
@click.option("--all", "every", is_flag=True, help="All devices that are connected.")
@click.option("--release", is_flag=True, help="Give back what was kept for the sake of rules on these devices.")
@server_option
@output_option
def adopt(devices: tuple[str, ...], every: bool, release: bool, server: str, output: Format) -> None:
    """List rules on devices that are not ours, and keep what they use out of use: labels, VLANs, ports, group and
    meter numbers. The rules themselves are never touched.

    Without devices: list what is found, and what is kept.
    """
    if every and devices:
        raise usage("name devices, or say --all, not both")
    if release and not (every or devices):
        raise usage("name the devices to release, or say --all")
    names = [ALL] if every else list(devices)
    with telling(server), connected(server) as client:
        if release:
            count = client.call(
                client.operations.ReleaseRules, operations_pb2.ReleaseRulesRequest(devices=names)
            ).released
            emit(output, {"released": count}, lambda to: say(to, f"{count} rules released"))
            return
        answer: operations_pb2.AdoptRulesResponse | operations_pb2.ListForeignRulesResponse
        if names:
            answer = client.call(client.operations.AdoptRules, operations_pb2.AdoptRulesRequest(devices=names))
        else:
            answer = client.call(client.operations.ListForeignRules, operations_pb2.ListForeignRulesRequest())
    rules, unread = list(answer.rules), list(answer.unread)

    def words(to: Console) -> None:
        if not rules:
            say(to, "no rules of others")
            return
        rows = [(rule.device, _standing(rule), ", ".join(_uses(rule)) or "-", rule.what) for rule in rules]
        columns(to, ("device", "state", "uses", "rule"), rows)
        free = sum(not rule.adopted for rule in rules)
        if free:
            say(to, f"{free} not adopted: what they use may be given out (trunkline adopt DEVICE... | --all)")

    emit(output, {"rules": [_rule_json(rule) for rule in rules], "unread": unread}, words)
    if unread:
        note(f"not read, because not connected or not answering: {', '.join(unread)}")


def _row(device: operations_pb2.DeviceStatus) -> tuple[str, ...]:
    rules = f"{device.observed_rules if device.HasField('observed_rules') else '?'}/{device.desired_rules}"
    foreign = str(device.foreign_rules) if device.HasField("foreign_rules") else "?"
    return device.device, _state_words(device), rules, foreign, str(device.adopted_rules)


def _state_words(device: operations_pb2.DeviceStatus) -> str:
    if not device.connected:
        return "not connected"
    if device.in_step and device.drifted_rules:
        rules = counted(device.drifted_rules, "rule")
        return f"{rules} drifted, {device.drift}"
    if device.in_step:
        return "in step"
    return f"{device.waiting_changes} repairs wait" if device.waiting_changes else "being read"


def _frozen_words(state: operations_pb2.FreezeState) -> str:
    why = f": {state.reason}" if state.reason else ""
    return f"frozen since {state.since.ToJsonString()}{why}; repairs wait (trunkline freeze --off)"


def _freeze_json(state: operations_pb2.FreezeState) -> Json:
    if not state.frozen:
        return {"frozen": False}
    return {"frozen": True, "reason": state.reason, "since": state.since.ToJsonString()}


def _device_json(device: operations_pb2.DeviceStatus) -> Json:
    return {
        "device": device.device,
        "connected": device.connected,
        "inStep": device.in_step,
        "desiredRules": device.desired_rules,
        "observedRules": device.observed_rules if device.HasField("observed_rules") else None,
        "foreignRules": device.foreign_rules if device.HasField("foreign_rules") else None,
        "adoptedRules": device.adopted_rules,
        "waitingChanges": device.waiting_changes,
        "driftedRules": device.drifted_rules,
        "drift": device.drift,
        "readTime": device.read_time.ToJsonString() if device.HasField("read_time") else None,
        "whyNotConnected": device.why_not_connected or None,
        "whyOutOfStep": device.why_out_of_step or None,
    }


def _standing(rule: operations_pb2.ForeignRule) -> str:
    if not rule.adopted:
        return "found"
    return "adopted" if rule.found else "adopted, gone"


def _uses(rule: operations_pb2.ForeignRule) -> Iterator[str]:
    if rule.HasField("number"):
        yield f"{rule.kind} {rule.number}"
    for label in rule.labels:
        yield f"label {label}"
    for port in rule.customer_ports:
        yield f"site {port.site}" + (_vlan_words(port.vlan) if port.HasField("vlan") else "")
    for link in rule.links:
        yield f"link {link}"


def _vlan_words(vlan: int) -> str:
    return f" VLAN {vlan}" if vlan else " untagged"


def _rule_json(rule: operations_pb2.ForeignRule) -> Json:
    shown: Json = {
        "device": rule.device,
        "kind": rule.kind,
        "what": rule.what,
        "labels": list(rule.labels),
        "customerPorts": [
            {"site": port.site} | ({"vlan": port.vlan} if port.HasField("vlan") else {}) for port in rule.customer_ports
        ],
        "links": list(rule.links),
        "found": rule.found,
        "adopted": rule.adopted,
    }
    return shown | ({"number": rule.number} if rule.HasField("number") else {})
