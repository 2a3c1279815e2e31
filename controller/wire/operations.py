"""How the controller stands, and what others have on its devices -> ``trunkline.v1`` messages."""

from __future__ import annotations

from importlib.metadata import version

from google.protobuf.timestamp_pb2 import Timestamp

from controller.domain.intents import Attachment
from controller.domain.rule_words import rule_words
from controller.service.brownfield import ForeignView
from controller.service.differing import DeviceDifference, RuleDifference
from controller.service.drift import DIFFERENCES
from controller.service.status import Status
from controller.store.records import Drained, Frozen
from controller.telemetry.state import DeviceState
from controller.wire.gen.trunkline.v1 import operations_pb2 as pb
from controller.wire.intents import timestamp
from controller.wire.names import intent_name


def status_to_wire(status: Status, waits: str) -> pb.ServerStatus:
    """``waits``: why traffic does not move away from drained gateways for now."""
    return pb.ServerStatus(
        topology=status.topology,
        version=version("trunkline"),
        revision=status.revision,
        freeze=freeze_to_wire(status.frozen),
        devices=map(_device, status.devices),
        drained=[drain_to_wire(gateway, drained, waits) for gateway, drained in status.drained],
        gateways_down=sorted(status.down.gateways),
        links_down=sorted(status.down.links),
        sites_down=sorted(status.down.sites),
    )


def freeze_to_wire(frozen: Frozen | None) -> pb.FreezeState:
    if frozen is None:
        return pb.FreezeState(frozen=False)
    return pb.FreezeState(frozen=True, reason=frozen.reason, since=timestamp(frozen.since))


def drain_to_wire(gateway: str, drained: Drained | None, waits: str) -> pb.DrainState:
    if drained is None:
        return pb.DrainState(gateway=gateway, drained=False, waits=waits)
    since = timestamp(drained.since)
    return pb.DrainState(gateway=gateway, drained=True, reason=drained.reason, since=since, waits=waits)


def foreign_to_wire(view: ForeignView) -> pb.ForeignRule:
    return pb.ForeignRule(
        device=view.device,
        kind=view.rule.kind,
        what=view.rule.words,
        number=view.rule.number,
        labels=view.rule.labels,
        customer_ports=map(_customer_port, view.attachments),
        links=view.links,
        found=view.found,
        adopted=view.adopted,
    )


def _customer_port(attachment: Attachment) -> pb.CustomerPort:
    return pb.CustomerPort(site=attachment.site, vlan=attachment.vlan)


def _device(state: DeviceState) -> pb.DeviceStatus:
    return pb.DeviceStatus(
        device=state.device,
        connected=state.connected,
        in_step=state.in_step,
        desired_rules=state.desired_rules,
        observed_rules=state.observed_rules,
        foreign_rules=state.foreign_rules,
        adopted_rules=state.adopted_rules,
        waiting_changes=state.waiting_changes,
        drifted_rules=state.drifted_rules,
        drift=state.drift,
        read_time=_time(state.read_at),
        why_not_connected=state.why_not_connected,
        why_out_of_step=state.why_out_of_step,
    )


def difference_to_wire(difference: DeviceDifference) -> pb.DeviceDiff:
    error = difference.error
    return pb.DeviceDiff(
        device=difference.device,
        read_time=_time(difference.read_at),
        rules=difference.rules,
        differences=map(_rule_difference, difference.differences),
        repaired=difference.repaired,
        reason="" if error is None else error.reason,
        message="" if error is None else error.message,
    )


def _rule_difference(difference: RuleDifference) -> pb.RuleDiff:
    change = difference.change
    return pb.RuleDiff(
        kind=DIFFERENCES[change.op],
        desired="" if change.after is None else rule_words(change.after),
        observed="" if change.before is None else rule_words(change.before),
        intents=map(intent_name, difference.lines),
    )


def _time(seconds: float | None) -> Timestamp | None:
    return None if seconds is None else timestamp(seconds)
