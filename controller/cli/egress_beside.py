"""Egress before and after a failure or growth, side by side, for people."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rich.console import Console

from controller.cli.egress_figures import bar, in_ms, price, rough_rate
from controller.cli.egress_tables import show_not_carried
from controller.cli.output import columns, say
from controller.compiler.egress import EgressPlan, Solved
from controller.compiler.egress_changes import AggregateChange
from controller.compiler.egress_use import QUANTILES, delays, gateway_uses

# More is for -o json.
_MOST_LISTED = 40


def simulate_table(
    before: EgressPlan, after: EgressPlan, solved: Solved, changed: Sequence[AggregateChange]
) -> Callable[[Console], None]:
    """Gateways before and after, totals, and whose traffic is moved or lost. ``solved``: of before."""

    def show(to: Console) -> None:
        _show_gateways_beside(to, solved, after.solved)
        say(to, "")
        _show_totals_beside(to, solved, after.solved)
        if changed:
            say(to, "")
            rows = [_change_row(one, solved) for one in sorted(changed, key=_largest_first)]
            columns(
                to,
                ("moves or loses", "class", "policy", "moved", "not carried", "delay", "gateways"),
                rows[:_MOST_LISTED],
            )
            if len(rows) > _MOST_LISTED:
                say(to, f"and {len(rows) - _MOST_LISTED} more; -o json lists them")
        show_not_carried(to, after)
        say(to, "")
        moved_bps = sum(one.moved_bps for one in changed)
        lost_bps = sum(max(one.missing_bps[1] - one.missing_bps[0], 0) for one in changed)
        say(to, f"{rough_rate(moved_bps)} leave by another gateway, {rough_rate(lost_bps)} more are not carried")

    return show


def _show_gateways_beside(to: Console, before: Solved, after: Solved | None) -> None:
    then = gateway_uses(before)
    now = {use.gateway: use for use in gateway_uses(after)} if after is not None else {}
    rows = []
    for use in then:
        later = now.get(use.gateway)
        gone = "out of service" if after is not None else "nothing to carry"
        rows.append(
            (
                use.gateway,
                bar(use.share),
                f"{use.share:.1%}",
                rough_rate(use.all_bps),
                gone if later is None else bar(later.share),
                "" if later is None else f"{later.share:.1%}",
                "" if later is None else rough_rate(later.all_bps),
                ""
                if later is None or later.price_ns == use.price_ns
                else f"{price(use.price_ns)} to {price(later.price_ns)}",
            )
        )
    columns(to, ("gateway", "before", "", "", "after", "", "", "price"), rows)


def _show_totals_beside(to: Console, before: Solved, after: Solved | None) -> None:
    both = [before, after]
    certificates = [None if one is None else one.certificate for one in both]
    spreads = [None if one is None else delays(one) for one in both]
    rows = [
        ("demand", *(rough_rate(sum(one.demand_bps)) if one is not None else "0bps" for one in certificates)),
        ("carried", *(rough_rate(sum(one.carried_bps)) if one is not None else "0bps" for one in certificates)),
        ("mean delay", *(in_ms(None if one is None else one.mean_ns) for one in spreads)),
    ]
    for number, percent in enumerate(QUANTILES):
        cells = (in_ms(None if one is None else one.quantile_ns[number][1]) for one in spreads)
        rows.append((f"p{percent}", *cells))
    columns(to, ("in all", "before", "after"), rows)


def _change_row(one: AggregateChange, solved: Solved) -> tuple[str, ...]:
    policy = solved.asked.policy_of(one.aggregate)
    parts = (" ".join(f"{name}:{rough_rate(bps)}" for name, bps in side) for side in (one.before, one.after))
    return (
        f"{one.aggregate.source} to {one.aggregate.to_region}",
        str(one.aggregate.traffic_class),
        "" if policy is None else f"{policy.tenant}/{policy.name}",
        rough_rate(one.moved_bps),
        rough_rate(one.missing_bps[1]) if one.missing_bps[1] else "",
        " -> ".join("none" if value is None else in_ms(value) for value in one.delay_ns),
        " -> ".join(part if part else "nothing" for part in parts),
    )


def _largest_first(one: AggregateChange) -> tuple[int, str, str, str]:
    aggregate = one.aggregate
    size = max(one.moved_bps, one.missing_bps[1] - one.missing_bps[0])
    return (-size, aggregate.source, aggregate.to_region, aggregate.traffic_class)
