"""Gateways, what they carry and why, in tables and sentences for people."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rich.console import Console

from controller.cli.egress_figures import bar, in_ms, price, rough_rate
from controller.cli.egress_views import missing_by_policy
from controller.cli.output import columns, say
from controller.compiler.egress import EgressPlan, Solved
from controller.compiler.egress_options import Option, Reasons
from controller.compiler.egress_use import class_uses, delays, full_links, gateway_uses
from controller.domain.egress_demand import Aggregate
from controller.domain.units import MAX_DELAY_NS, format_rate

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
        show_not_carried(to, egress)

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


def _show_solved(to: Console, solved: Solved) -> None:
    uses = gateway_uses(solved)
    rows = [
        (
            use.gateway,
            bar(use.share),
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
        quantiles = ", ".join(f"p{percent} {in_ms(ns)}" for percent, ns in spread.quantile_ns)
        say(to, f"delay, by traffic: mean {in_ms(spread.mean_ns)}, {quantiles}")
    dear = sorted((use for use in uses if use.price_ns > 0), key=lambda use: -use.price_ns)
    for use in dear:
        say(to, _price_words(use.gateway, use.price_ns))
    for (link, direction), price_ns in full_links(solved):
        say(to, _price_words(f"link {link} ({direction})", price_ns))
    more_bps = sum(solved.certificate.carried_gap_bps)
    more = f"at most {rough_rate(more_bps)} more" if more_bps else "no more"
    say(to, f"certified: {more} can be carried, and it costs at most {solved.certificate.gap:.4%} above the least")


def show_not_carried(to: Console, egress: EgressPlan) -> None:
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
            f"{fastest.gateway} would be {in_ms(gain)} faster than {slowest.gateway}, and room there costs "
            f"{'more than that' if extra > MAX_DELAY_NS else in_ms(extra)} more: others gain more by it"
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
        cost = f"least+{in_ms(option.cost_ns - least_ns)}" if least_ns > MAX_DELAY_NS else price(option.cost_ns)
        parts += [f"+{in_ms(extra)}" if extra <= MAX_DELAY_NS else "full"] if extra else []
        parts += ["(not preferred)"] if option.charge_ns else []
        parts += [f"(links {price(option.link_price_ns)})"] if option.link_price_ns else []
    return (
        option.gateway,
        in_ms(option.inside_ns),
        in_ms(option.beyond_ns),
        in_ms(option.delay_ns),
        " ".join(parts),
        cost,
        rough_rate(option.rate_bps) if option.rate_bps else "",
        option.problem,
    )


def _flow(aggregate: Aggregate) -> str:
    return f"{aggregate.traffic_class} from {aggregate.source} to {aggregate.to_region}"


def _price_words(name: str, price_ns: float) -> str:
    if price_ns > MAX_DELAY_NS:
        return f"{name} is full: what goes there keeps other traffic from being carried"
    return f"{name} costs {in_ms(price_ns)}: traffic that gains less by it leaves elsewhere"
