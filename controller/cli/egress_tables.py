"""Egress in tables and sentences, for people."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rich.console import Console

from controller.cli.egress_views import missing_by_policy
from controller.cli.output import columns, say
from controller.compiler.egress import EgressPlan, Solved
from controller.compiler.egress_changes import AggregateChange
from controller.compiler.egress_options import Option, Reasons
from controller.compiler.egress_use import class_uses, delays, full_links, gateway_uses
from controller.domain.egress_demand import Aggregate
from controller.domain.units import MAX_DELAY_NS, format_rate

_BAR = 24
_DIGITS = 5
_NEAR_NS = 1_000
"""Gateways that cost the same up to this are the same to anybody: the optimiser ends when nothing gains more."""
# More is for -o json.
_MOST_LISTED = 40


def show_table(egress: EgressPlan) -> Callable[[Console], None]:
    """Gateways with bars and prices, classes, delays, what is not carried, and how far from the best it may be."""

    def show(to: Console) -> None:
        if egress.solved is None:
            say(to, "there is no traffic to carry")
        else:
            _show_solved(to, egress.solved)
        _show_not_carried(to, egress)

    return show


def why_table(found: Sequence[Reasons]) -> Callable[[Console], None]:
    """For each aggregate a sentence, then every gateway, the one to be chosen first."""

    def show(to: Console) -> None:
        for number, one in enumerate(found):
            if number:
                say(to, "")
            say(to, _sentence(one))
            headers = ["gateway", "inside", "beyond", "delay", "price", "costs", "leaves", "why not"]
            rows = [_option_row(option, _least_cost(one)) for option in one.options]
            if not any(option.problem for option in one.options):
                headers.pop()
                rows = [row[:-1] for row in rows]
            columns(to, headers, rows)
            for line in _notes(one):
                say(to, line)

    return show


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
        _show_not_carried(to, after)
        say(to, "")
        moved_bps = sum(one.moved_bps for one in changed)
        lost_bps = sum(max(one.missing_bps[1] - one.missing_bps[0], 0) for one in changed)
        say(to, f"{rough_rate(moved_bps)} leave by another gateway, {rough_rate(lost_bps)} more are not carried")

    return show


def rough_rate(rate_bps: int) -> str:
    """With five digits: nobody compares bits by eye."""
    return format_rate(round(rate_bps, min(_DIGITS - len(str(abs(rate_bps))), 0)))


def _show_solved(to: Console, solved: Solved) -> None:
    uses = gateway_uses(solved)
    rows = [
        (
            use.gateway,
            _bar(use.share),
            f"{use.share:.1%}",
            rough_rate(use.all_bps),
            format_rate(use.capacity_bps),
            " ".join(f"{name} {rough_rate(bps)}" for name, bps in use.carried_bps if bps),
        )
        for use in uses
    ]
    columns(to, ("gateway", "use", "", "carried", "capacity", "classes"), rows)
    say(to, "")
    classes = [
        (
            str(use.traffic_class),
            rough_rate(use.demand_bps),
            rough_rate(use.carried_bps),
            f"{use.carried_bps / use.demand_bps:.2%}",
        )
        for use in class_uses(solved)
    ]
    columns(to, ("class", "demand", "carried", ""), classes)
    spread = delays(solved)
    say(to, "")
    if spread is not None:
        quantiles = ", ".join(f"p{percent} {_ms(ns)}" for percent, ns in spread.quantile_ns)
        say(to, f"delay, by traffic: mean {_ms(spread.mean_ns)}, {quantiles}")
    dear = sorted((use for use in uses if use.price_ns > 0), key=lambda use: -use.price_ns)
    for use in dear:
        say(to, _price_words(use.gateway, use.price_ns))
    for (link, direction), price_ns in full_links(solved):
        say(to, _price_words(f"link {link} ({direction})", price_ns))
    say(to, f"certified: at most {solved.certificate.gap:.4%} above the least possible cost")


def _show_not_carried(to: Console, egress: EgressPlan) -> None:
    missing = missing_by_policy(egress)
    lines = [
        f"{verdict.key.tenant}/{verdict.key.name}: "
        + (f"{rough_rate(missing[index])} not carried: " if index in missing else "")
        + f"{refusal.message} [{refusal.reason}]"
        for index, verdict in enumerate(egress.verdicts)
        for refusal in verdict.refusals
    ]
    lines += [
        f"{_flow(one.aggregate)} (no policy): {one.refusal.message} [{one.refusal.reason}]"
        for one in egress.unpoliced
        if one.refusal is not None
    ]
    if lines:
        say(to, "")
    for line in lines[:_MOST_LISTED]:
        say(to, line)
    if len(lines) > _MOST_LISTED:
        say(to, f"and {len(lines) - _MOST_LISTED} more; -o json lists them")


def _sentence(one: Reasons) -> str:
    chosen = [option for option in one.options if option.rate_bps]
    whose = "no policy" if one.policy is None else f"{one.policy.tenant}/{one.policy.name}"
    start = f"{_flow(one.aggregate)} ({whose}), {rough_rate(one.aggregate.rate_bps)}"
    if not chosen:
        return f"{start}: not carried"
    left = one.aggregate.rate_bps - one.carried_bps
    short = f"; {rough_rate(left)} not carried" if left else ""
    return f"{start}: leaves at {', '.join(option.gateway for option in chosen)}{short}"


def _notes(one: Reasons) -> list[str]:
    """Why not the fastest; why several."""
    eligible = [option for option in one.options if not option.problem]
    chosen = [option for option in eligible if option.rate_bps]
    if not chosen:
        return []
    fastest = min(eligible, key=lambda option: (option.delay_ns or 0, option.gateway))
    slowest = max(chosen, key=lambda option: (option.delay_ns or 0, option.gateway))
    found = []
    if not fastest.rate_bps:
        gain = (slowest.delay_ns or 0) - (fastest.delay_ns or 0)
        extra = (fastest.cost_ns or 0) - (fastest.delay_ns or 0) - ((slowest.cost_ns or 0) - (slowest.delay_ns or 0))
        found.append(
            f"{fastest.gateway} would be {_ms(gain)} faster than {slowest.gateway}, and room there costs "
            f"{'more than that' if extra > MAX_DELAY_NS else _ms(extra)} more: others gain more by it"
        )
    if len(chosen) > 1:
        costs = [option.cost_ns or 0 for option in chosen]
        if max(costs) - min(costs) <= _NEAR_NS:
            found.append("split: these cost the same, prices included")
        else:
            found.append("split: not all of it finds room where it costs least")
    return found


def _least_cost(one: Reasons) -> float:
    costs = (option.cost_ns for option in one.options if not option.problem)
    return min((cost for cost in costs if cost is not None), default=0.0)


def _option_row(option: Option, least_ns: float) -> tuple[str, ...]:
    """What costs more than any delay is told by how much it is above the least."""
    extra = option.price_ns + option.link_price_ns + option.charge_ns
    parts: list[str] = []
    cost = ""
    if not option.problem and option.cost_ns is not None:
        cost = f"least+{_ms(option.cost_ns - least_ns)}" if least_ns > MAX_DELAY_NS else _price(option.cost_ns)
        parts += [f"+{_ms(extra)}" if extra <= MAX_DELAY_NS else "full"] if extra else []
        parts += ["(not preferred)"] if option.charge_ns else []
        parts += [f"(links {_price(option.link_price_ns)})"] if option.link_price_ns else []
    return (
        option.gateway,
        _ms(option.inside_ns),
        _ms(option.beyond_ns),
        _ms(option.delay_ns),
        " ".join(parts),
        cost,
        rough_rate(option.rate_bps) if option.rate_bps else "",
        option.problem,
    )


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
                _bar(use.share),
                f"{use.share:.1%}",
                rough_rate(use.all_bps),
                gone if later is None else _bar(later.share),
                "" if later is None else f"{later.share:.1%}",
                "" if later is None else rough_rate(later.all_bps),
                ""
                if later is None or later.price_ns == use.price_ns
                else f"{_price(use.price_ns)} to {_price(later.price_ns)}",
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
        ("mean delay", *(_ms(None if one is None else one.mean_ns) for one in spreads)),
    ]
    for number, percent in enumerate((50, 95, 99)):
        cells = (_ms(None if one is None else one.quantile_ns[number][1]) for one in spreads)
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
        " -> ".join(_ms(value) for value in one.delay_ns if value is not None),
        " -> ".join(part if part else "nothing" for part in parts),
    )


def _largest_first(one: AggregateChange) -> tuple[int, str, str, str]:
    aggregate = one.aggregate
    size = max(one.moved_bps, one.missing_bps[1] - one.missing_bps[0])
    return (-size, aggregate.source, aggregate.to_region, aggregate.traffic_class)


def _flow(aggregate: Aggregate) -> str:
    return f"{aggregate.traffic_class} from {aggregate.source} to {aggregate.to_region}"


def _bar(share: float) -> str:
    filled = min(round(share * _BAR), _BAR)
    return "#" * filled + "." * (_BAR - filled)


def _price_words(name: str, price_ns: float) -> str:
    if price_ns > MAX_DELAY_NS:
        return f"{name} is full: what goes there keeps other traffic from being carried"
    return f"{name} costs {_ms(price_ns)}: traffic that gains less by it leaves elsewhere"


def _price(price_ns: float) -> str:
    """Where not all can be carried, the price of room has in it what carrying a bit is worth: more than any delay."""
    return "full" if price_ns > MAX_DELAY_NS else _ms(price_ns)


def _ms(value_ns: float | None) -> str:
    return "" if value_ns is None else f"{value_ns / 1e6:.2f}ms"
