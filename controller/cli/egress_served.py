"""``egress show`` of a server: the figures, and what only a server knows, as a table and as plain data."""

from __future__ import annotations

from collections.abc import Callable

from rich.console import Console

from controller.cli.drain import down_words
from controller.cli.egress_cycles import cycle_json, cycle_words
from controller.cli.egress_figures import rough_rate
from controller.cli.egress_tables import show_table
from controller.cli.egress_views import show_json
from controller.cli.output import columns, say
from controller.cli.views import Json
from controller.wire.gen.trunkline.v1 import egress_pb2 as pb


def served_json(found: pb.GetAssignmentsResponse) -> Json:
    """What ``show`` prints offline, and ``mode``, ``steeredBps`` by gateway (what devices are told now), ``toMoveBps``
    (what the decision moves), ``lastCycle``, what is drained, down or held."""
    return show_json(found.topology, found.decided) | {
        "mode": found.mode,
        "waits": found.waits if found.waits else None,
        "steeredBps": {one.gateway: one.rate_bps for one in found.steered},
        "elsewhereBps": {one.gateway: one.rate_bps for one in found.elsewhere},
        "toMoveBps": found.to_move_bps,
        "waitingBps": found.decided.figures.waiting_bps,
        "regionsWithoutPrefixes": list(found.regions_without_prefixes),
        "drained": [
            {"gateway": one.gateway, "reason": one.reason, "since": one.since.ToJsonString()} for one in found.drained
        ],
        "gatewaysDown": list(found.gateways_down),
        "linksDown": list(found.links_down),
        "unreachable": list(found.unreachable),
        "bills": [_bill_json(one) for one in found.bills],
        "held": [{"source": one.source, "why": one.why, "stale": one.stale} for one in found.held],
        "lastCycle": cycle_json(found.last_cycle) if found.HasField("last_cycle") else None,
    }


def served_table(found: pb.GetAssignmentsResponse) -> Callable[[Console], None]:
    def show(to: Console) -> None:
        if found.waits:
            say(to, found.waits)
            say(to, "")
        show_table(found.decided, _columns(found))(to)
        if not found.decided.HasField("figures"):
            _show_gateways(to, found)
        lines = list(_lines(found))
        if lines:
            say(to, "")
        for line in lines:
            say(to, line)

    return show


def _show_gateways(to: Console, found: pb.GetAssignmentsResponse) -> None:
    """Those that there are, where there is nothing to say of what they carry."""
    away = _away(found)
    say(to, "")
    rows = [(one.gateway, rough_rate(one.rate_bps), away.get(one.gateway, "in service")) for one in found.steered]
    columns(to, ("gateway", "steered", "state"), rows)


def _away(found: pb.GetAssignmentsResponse) -> dict[str, str]:
    return dict.fromkeys(found.gateways_down, "down") | {one.gateway: "drained" for one in found.drained}


def _columns(found: pb.GetAssignmentsResponse) -> dict[str, list[str]]:
    """What devices are told now, and why a gateway is not used."""
    steered = {one.gateway: one.rate_bps for one in found.steered}
    away = _away(found)
    names = [use.gateway for use in found.decided.figures.gateways]
    elsewhere = {one.gateway: one.rate_bps for one in found.elsewhere}
    more = {"elsewhere": [rough_rate(elsewhere.get(name, 0)) for name in names]} if elsewhere else {}
    more |= {"steered": [rough_rate(steered.get(name, 0)) for name in names]}
    return more | {"state": [away.get(name, "") for name in names]} if away else more


def _lines(found: pb.GetAssignmentsResponse) -> list[str]:
    figures = found.decided.figures
    lines = []
    if found.regions_without_prefixes:
        regions = ", ".join(found.regions_without_prefixes)
        lines.append(f"no prefix is known to be in {regions}: what is sent there leaves as all that is for elsewhere")
    if found.elsewhere:
        rates = ", ".join(f"{rough_rate(one.rate_bps)} by {one.gateway}" for one in found.elsewhere)
        lines.append(f"for addresses that no prefix is known for leave {rates}: it takes room, and is not planned")
    if found.to_move_bps:
        lines.append(f"{rough_rate(found.to_move_bps)} leave elsewhere than decided now, and are to move")
    if figures.waiting_bps:
        lines.append(f"{rough_rate(figures.waiting_bps)} would be better elsewhere, and do not move yet")
    for one in found.drained:
        why = f": {one.reason}" if one.reason else ""
        lines.append(f"gateway {one.gateway} is drained since {one.since.ToJsonString()}{why}")
    lines += down_words({"gateways": found.gateways_down, "links": found.links_down})
    if found.unreachable:
        lines.append(f"devices that cannot be told anything: {', '.join(found.unreachable)}")
    lines += map(_bill_words, found.bills)
    lines += [f"{one.source}: {one.why}; its last good rates count" for one in found.held]
    if found.HasField("last_cycle"):
        lines.append(f"last cycle: {cycle_words(found.last_cycle)}")
    return lines


def _bill_json(one: pb.GatewayBill) -> Json:
    return {
        "gateway": one.gateway,
        "month": one.month,
        "committedBps": one.committed_bps,
        "billedBps": one.billed_bps,
        "freeSlots": one.free_slots,
        "freeSlotsLeft": one.free_slots_left,
        "knownSlots": one.known_slots,
        "unknownSlots": one.unknown_slots,
        "slotBps": one.slot_bps,
        "slotKnownSeconds": one.slot_known.ToMilliseconds() / 1000,
    }


def _bill_words(one: pb.GatewayBill) -> str:
    committed = f" ({rough_rate(one.committed_bps)} committed)" if one.committed_bps else ""
    unknown = f", {one.unknown_slots} slots unknown" if one.unknown_slots else ""
    known_s = one.slot_known.ToMilliseconds() / 1000
    running = f"; this slot {rough_rate(one.slot_bps)} in {known_s:.0f} s" if known_s else ""
    return (
        f"gateway {one.gateway} bills {rough_rate(one.billed_bps)}{committed} for {one.month} so far, "
        f"{one.free_slots_left} of {one.free_slots} free slots left{unknown}{running}"
    )
