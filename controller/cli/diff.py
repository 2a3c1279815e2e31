"""``trunkline diff``: what devices hold beside what stored intents ask for, and what applying files would change."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click
from rich.console import Console

from controller.cli.app import files_option, output_option, server_option, trunkline
from controller.cli.client import Client, connected
from controller.cli.failing import EXIT_DIFFERS, telling, usage
from controller.cli.names import shown_key, shown_name
from controller.cli.output import Format, columns, emit, note, say
from controller.cli.spec_diff import IntentDifference, compared_with_stored
from controller.cli.views import Json
from controller.cli.words import counted
from controller.documents import load_all
from controller.domain.intents import IntentKey
from controller.domain.kinds import Intent
from controller.wire.gen.trunkline.v1 import intent_pb2
from controller.wire.gen.trunkline.v1 import operations_pb2 as pb
from controller.wire.intents import intent_from_wire, key_of


@trunkline.command(short_help="Say what differs: devices from stored intents, or files from them.")
@click.argument("devices", nargs=-1, metavar="[DEVICE]...")
@files_option(required=False)
@click.option("--repair", is_flag=True, help="Put right now what differs on the devices.")
@server_option
@output_option
def diff(devices: tuple[str, ...], files: tuple[Path, ...], repair: bool, server: str, output: Format) -> None:
    """Compare what intents, as stored, ask of devices with what these hold, read just now, rule by rule: missing, extra
    (ours, and nobody wants it) or modified. What is not ours does not count. A device that cannot be read is unknown.

    With -f FILE: what applying the file would change of each stored intent.

    Exit code 2: something differs, or cannot be told.
    """
    if files and (devices or repair):
        raise usage("-f compares files with stored intents; name devices, or --repair, without it")
    if files:
        _diff_files(files, server, output)
    else:
        _diff_devices(devices, repair=repair, server=server, output=output)


def _diff_devices(devices: Sequence[str], *, repair: bool, server: str, output: Format) -> None:
    with telling(server), connected(server) as client:
        answer = client.call(client.operations.Diff, pb.DiffRequest(devices=devices, repair=repair))
    found = list(answer.devices)

    def words(to: Console) -> None:
        rows = [
            (device.device, rule.kind, ", ".join(map(shown_name, rule.intents)) or "-", _rule_words(rule))
            for device in found
            for rule in device.differences
        ]
        if rows:
            columns(to, ("device", "differs", "intents", "rule"), rows)
        say(to, _summary(found))

    emit(output, {"devices": [_device_json(device) for device in found]}, words)
    for device in found:
        if device.reason:
            what = "not put right" if device.HasField("read_time") else "unreachable, what it holds is unknown"
            note(f"{device.device}: {what}: {device.message} [{device.reason}]")
    if any(device.reason or (device.differences and not device.repaired) for device in found):
        raise SystemExit(EXIT_DIFFERS)


def _diff_files(files: tuple[Path, ...], server: str, output: Format) -> None:
    with telling():
        located = load_all(files).all
    with telling(server, located), connected(server) as client:
        stored = _stored(client, {one.intent.tenant for one in located})
    found = [_compared(one.intent, stored.get(one.intent.key)) for one in located]
    differ = [one for one in found if one.differs]

    def words(to: Console) -> None:
        for one in differ:
            say(to, f"{one.standing:<11} {shown_key(one.key)}")
            for field in one.fields:
                say(to, f"  {field.name}: {field.stored_words} -> {field.wanted_words}")
        same = len(found) - len(differ)
        say(to, f"{counted(len(differ), 'intent')} would change, {same} would not")

    emit(output, {"intents": [_intent_json(one) for one in found]}, words)
    if differ:
        raise SystemExit(EXIT_DIFFERS)


def _stored(client: Client, tenants: set[str]) -> dict[IntentKey, intent_pb2.Intent]:
    """The intents of these tenants, by key."""
    intents = [intent for tenant in sorted(tenants) for intent in client.all_intents(tenant)[0]]
    return {key_of(intent): intent for intent in intents}


def _compared(wanted: Intent, stored: intent_pb2.Intent | None) -> IntentDifference:
    if stored is None:
        return compared_with_stored(wanted, None, carried=False)
    return compared_with_stored(wanted, intent_from_wire(stored), carried=_carried(stored))


def _carried(stored: intent_pb2.Intent) -> bool:
    """The network carries a line that has a place; a policy is in force unless its first change failed, or the network
    has changed under it."""
    if stored.HasField("egress_policy"):
        return stored.egress_policy.status.state != intent_pb2.FAILED
    return bool(stored.private_line.status.paths)


def _rule_words(rule: pb.RuleDiff) -> str:
    if rule.kind == "modified":
        return f"{rule.desired} (found: {rule.observed})"
    return rule.desired if rule.desired else rule.observed


def _summary(found: Sequence[pb.DeviceDiff]) -> str:
    read = [device for device in found if device.HasField("read_time")]
    differ = [device for device in read if device.differences]
    rules = sum(len(device.differences) for device in differ)
    if not differ:
        return f"{counted(len(read), 'device')} read: each holds what it should"
    said = f"{counted(rules, 'rule')} of {counted(len(differ), 'device')} {'differs' if rules == 1 else 'differ'}"
    repaired = sum(device.repaired for device in differ)
    return f"{said}; {counted(repaired, 'device')} put right" if repaired else said


def _device_json(device: pb.DeviceDiff) -> Json:
    shown: Json = {
        "device": device.device,
        "reachable": device.HasField("read_time"),
        "readTime": device.read_time.ToJsonString() if device.HasField("read_time") else None,
        "rules": device.rules,
        "differences": [
            {
                "kind": rule.kind,
                "desired": rule.desired if rule.desired else None,
                "observed": rule.observed if rule.observed else None,
                "intents": list(rule.intents),
            }
            for rule in device.differences
        ],
        "repaired": device.repaired,
    }
    return shown | ({"reason": device.reason, "message": device.message} if device.reason else {})


def _intent_json(one: IntentDifference) -> Json:
    return {
        "kind": one.key.kind,
        "tenant": one.key.tenant,
        "name": one.key.name,
        "standing": one.standing,
        "fields": [{"field": field.name, "stored": field.stored, "wanted": field.wanted} for field in one.fields],
    }
