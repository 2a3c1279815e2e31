"""Egress before and after a failure or growth, side by side, for people."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rich.console import Console

from controller.cli.egress_figures import bar, in_ms, in_percent, price, rough_rate
from controller.cli.egress_flows import policy_name
from controller.cli.egress_tables import share_of, show_not_carried
from controller.cli.output import columns, say
from controller.domain.egress import ROUNDING_BPS
from controller.wire.gen.trunkline.v1 import egress_pb2 as pb

# More is for -o json.
_MOST_LISTED = 40


def simulate_table(found: pb.SimulateResponse) -> Callable[[Console], None]:
    """Gateways before and after, totals, and whose traffic is moved or lost."""

    def show(to: Console) -> None:
        _show_gateways_beside(to, found)
        say(to, "")
        _show_totals_beside(to, found)
        if found.changes:
            say(to, "")
            told = [one for one in found.changes if one.moved_bps >= ROUNDING_BPS or lost(one)]
            rows = [_change_row(one) for one in sorted(told, key=_largest_first)]
            columns(
                to,
                ("moves or loses", "class", "policy", "moved", "not carried", "delay", "gateways"),
                rows[:_MOST_LISTED],
                spare=(2, 5),
            )
            if len(rows) > _MOST_LISTED:
                say(to, f"and {len(rows) - _MOST_LISTED} more; -o json lists them")
        show_not_carried(to, found.after)
        say(to, "")
        moved_bps = sum(one.moved_bps for one in found.changes)
        lost_bps = sum(lost(one) for one in found.changes)
        moved = rough_rate(moved_bps) if moved_bps else "nothing"
        more = f"{rough_rate(lost_bps)} more are not carried" if lost_bps else "nothing more is lost"
        say(to, f"{moved} {'leave' if moved_bps else 'leaves'} by another gateway, {more}")

    return show


def lost(change: pb.FlowChange) -> int:
    """By how much less of it is carried than before, rounding apart."""
    less = change.missing_after_bps - change.missing_before_bps
    return less if less >= ROUNDING_BPS else 0


def _show_gateways_beside(to: Console, found: pb.SimulateResponse) -> None:
    now = {use.gateway: use for use in found.after.figures.gateways}
    gone = "out of service" if found.after.HasField("figures") else "nothing to carry"
    rows = []
    for use in found.before.figures.gateways:
        later = now.get(use.gateway)
        rows.append(
            (
                use.gateway,
                bar(share_of(use)),
                f"{share_of(use):.1%}",
                rough_rate(use.carried_bps),
                "" if later is None else bar(share_of(later)),
                gone if later is None else f"{share_of(later):.1%}",
                "" if later is None else rough_rate(later.carried_bps),
                ""
                if later is None or later.price_ns == use.price_ns
                else f"{price(use.price_ns)} to {price(later.price_ns)}",
            )
        )
    columns(to, ("gateway", "before", "", "", "after", "", "", "price"), rows, spare=(1, 4))


def _show_totals_beside(to: Console, found: pb.SimulateResponse) -> None:
    both = [found.before.figures, found.after.figures]
    spreads = [one.delays if one.HasField("delays") else None for one in both]
    rows = [
        ("demand", *(rough_rate(sum(part.demand_bps for part in one.classes)) for one in both)),
        ("carried", *(rough_rate(sum(part.carried_bps for part in one.classes)) for one in both)),
        ("mean delay", *(in_ms(None if one is None else one.mean_ns) for one in spreads)),
        ("p50", *(in_ms(None if one is None else one.p50_ns) for one in spreads)),
        ("p95", *(in_ms(None if one is None else one.p95_ns) for one in spreads)),
        ("p99", *(in_ms(None if one is None else one.p99_ns) for one in spreads)),
    ]
    losses = [one.mean_loss_ppm if one is not None and one.HasField("mean_loss_ppm") else None for one in spreads]
    if any(one is not None for one in losses):
        rows.append(("mean loss", *("" if one is None else in_percent(one) for one in losses)))
    columns(to, ("in all", "before", "after"), rows)


def _change_row(one: pb.FlowChange) -> tuple[str, ...]:
    policy = policy_name(one.flow.policy)
    before_ns = one.delay_before_ns if one.HasField("delay_before_ns") else None
    after_ns = one.delay_after_ns if one.HasField("delay_after_ns") else None
    return (
        f"{one.flow.source} to {one.flow.destination}",
        one.flow.traffic_class,
        "" if policy is None else policy,
        rough_rate(one.moved_bps) if one.moved_bps >= ROUNDING_BPS else "",
        rough_rate(one.missing_after_bps) if one.missing_after_bps >= ROUNDING_BPS else "",
        " -> ".join("none" if value is None else in_ms(value) for value in (before_ns, after_ns)),
        " -> ".join(_rates(side) for side in (one.before, one.after)),
    )


def _rates(side: Sequence[pb.GatewayRate]) -> str:
    said = [f"{one.gateway}:{rough_rate(one.rate_bps)}" for one in side if one.rate_bps >= ROUNDING_BPS]
    return " ".join(said) if said else "nothing"


def _largest_first(one: pb.FlowChange) -> tuple[int, str, str, str]:
    size = max(one.moved_bps, one.missing_after_bps - one.missing_before_bps)
    return (-size, one.flow.source, one.flow.destination, one.flow.traffic_class)
