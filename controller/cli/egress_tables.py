"""Gateways, what they carry and why, in tables and sentences for people."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from rich.console import Console

from controller.cli.egress_figures import bar, in_ms, in_percent, price, rough_rate
from controller.cli.egress_flows import cost_ns, delay_ns, extra_ns, flow_words, policy_name
from controller.cli.output import columns, say
from controller.domain.egress import ROUNDING_BPS
from controller.domain.units import MAX_DELAY_NS, format_loss, format_rate
from controller.wire.gen.trunkline.v1 import egress_pb2 as pb

_NEAR_NS = 1_000
"""Gateways that cost the same up to this are the same to anybody: the optimiser ends when nothing gains more."""
# More is for -o json.
_MOST_LISTED = 40


def show_table(view: pb.EgressView, more: Mapping[str, Sequence[str]] | None = None) -> Callable[[Console], None]:
    """Gateways with bars and prices, classes, delays, what is not carried, and how far from the best it may be.
    ``more``: further columns of the table of gateways, with a cell for each gateway."""

    def show(to: Console) -> None:
        if not view.HasField("figures"):
            say(to, "no traffic is known: no policy or demand matrix declares any, and none is measured")
        else:
            _show_figures(to, view.figures, {} if more is None else more)
        show_not_carried(to, view)

    return show


def why_table(found: Sequence[pb.FlowReasons]) -> Callable[[Console], None]:
    """For each aggregate a sentence, then every gateway, the one to be chosen first."""

    def show(to: Console) -> None:
        for number, one in enumerate(found):
            if number:
                say(to, "")
            say(to, _sentence(one))
            headers = ["gateway", "inside", "beyond", "delay", "loss", "price", "costs", "leaves", "why not"]
            rows = [_option_row(option, _least_cost(one)) for option in one.options]
            for column, needed in (
                (len(headers) - 1, any(option.problem for option in one.options)),
                (headers.index("loss"), any(option.HasField("loss_ppm") for option in one.options)),
            ):
                if not needed:
                    del headers[column]
                    rows = [row[:column] + row[column + 1 :] for row in rows]
            columns(to, headers, rows)
            for line in _notes(one):
                say(to, line)

    return show


def share_of(use: pb.GatewayFigures) -> float:
    """Of the capacity, with what is for elsewhere; 0 of none."""
    return (use.carried_bps + use.elsewhere_bps) / use.capacity_bps if use.capacity_bps else 0.0


def _show_figures(to: Console, figures: pb.CycleFigures, more: Mapping[str, Sequence[str]]) -> None:
    rows = [
        (
            use.gateway,
            bar(share_of(use), use.elsewhere_bps / use.capacity_bps if use.capacity_bps else 0.0),
            f"{share_of(use):.1%}",
            rough_rate(use.carried_bps),
            format_rate(use.capacity_bps),
            " ".join(_class_words(one) for one in use.classes if one.rate_bps >= ROUNDING_BPS),
            *(cells[number] for cells in more.values()),
        )
        for number, use in enumerate(figures.gateways)
    ]
    columns(to, ("gateway", "use", "", "carried", "capacity", "classes", *more), rows, spare=(1, 5))
    say(to, "")
    classes = [
        (
            use.traffic_class,
            rough_rate(use.demand_bps),
            rough_rate(use.carried_bps),
            f"{use.carried_bps / use.demand_bps:.2%}",
        )
        for use in figures.classes
    ]
    columns(to, ("class", "demand", "carried", ""), classes)
    say(to, "")
    if figures.HasField("delays"):
        delays = figures.delays
        quantiles = f"p50 {in_ms(delays.p50_ns)}, p95 {in_ms(delays.p95_ns)}, p99 {in_ms(delays.p99_ns)}"
        say(to, f"delay, by traffic: mean {in_ms(delays.mean_ns)}, {quantiles}")
        if delays.HasField("mean_loss_ppm"):
            say(to, f"loss beyond gateways, by traffic where it is known: mean {in_percent(delays.mean_loss_ppm)}")
    full = _full_where_something_is_left(figures)
    if full:
        say(to, f"full, with traffic left that is not carried: {', '.join(full)}")
    dear = sorted((use for use in figures.gateways if use.price_ns > 0), key=lambda use: -use.price_ns)
    for use in dear:
        say(to, _price_words(use.gateway, use.price_ns))
    for link in figures.links:
        say(to, _price_words(f"link {link.link} ({link.direction})", link.price_ns))
    more_bps = sum(max(use.bound_bps - use.carried_bps, 0) for use in figures.classes)
    words = f"at most {rough_rate(more_bps)} more" if more_bps else "no more"
    say(to, f"certified: {words} can be carried, and it costs at most {figures.gap:.4%} above the least")


def _full_where_something_is_left(figures: pb.CycleFigures) -> list[str]:
    """Gateways without room, if not everything is carried."""
    left = any(use.demand_bps - use.carried_bps >= ROUNDING_BPS for use in figures.classes)
    return [
        use.gateway
        for use in figures.gateways
        if left and use.carried_bps and use.usable_bps - use.carried_bps < ROUNDING_BPS
    ]


def _class_words(one: pb.ClassRate) -> str:
    return f"{one.traffic_class} {rough_rate(one.rate_bps)}"


def show_not_carried(to: Console, view: pb.EgressView) -> None:
    lines = [_not_carried_words(one) for one in view.not_carried]
    if lines:
        say(to, "")
    for line in lines[:_MOST_LISTED]:
        say(to, line)
    if len(lines) > _MOST_LISTED:
        say(to, f"and {len(lines) - _MOST_LISTED} more; -o json lists them")


def _not_carried_words(one: pb.NotCarried) -> str:
    policy = policy_name(one.policy)
    if policy is None:
        return f"{flow_words(one)} (no policy): {one.message} [{one.reason}]"
    # Most messages say how much it is; those that do not are of gateways that there are none of.
    said = "are not carried" in one.message or not one.HasField("missing_bps")
    missing = "" if said else f"{rough_rate(one.missing_bps)} not carried: "
    return f"{policy}: {missing}{one.message} [{one.reason}]"


def _sentence(one: pb.FlowReasons) -> str:
    chosen = [option for option in one.options if option.rate_bps]
    policy = policy_name(one.flow.policy)
    whose = "no policy" if policy is None else policy
    start = f"{flow_words(one.flow)} ({whose}), {rough_rate(one.demand_bps)}"
    if not chosen:
        return f"{start}: not carried"
    left = one.demand_bps - one.carried_bps
    short = f"; {rough_rate(left)} not carried" if left else ""
    return f"{start}: leaves at {', '.join(option.gateway for option in chosen)}{short}"


def _notes(one: pb.FlowReasons) -> list[str]:
    """Why not the fastest; why several."""
    eligible = [option for option in one.options if not option.problem]
    chosen = [option for option in eligible if option.rate_bps]
    if not chosen:
        return []
    fastest = min(eligible, key=lambda option: (_delay(option), option.gateway))
    slowest = max(chosen, key=lambda option: (_delay(option), option.gateway))
    found = []
    if not fastest.rate_bps:
        gain = _delay(slowest) - _delay(fastest)
        extra = extra_ns(fastest) - extra_ns(slowest)
        faster = f"{fastest.gateway} would be {in_ms(gain)} faster than {slowest.gateway}"
        found.append(
            f"{faster}, and {_dearer_words(fastest, slowest)}"
            if extra + _NEAR_NS >= gain
            else f"{faster}; it does not move there yet"
        )
    if len(chosen) > 1:
        all_costs = [_cost(option) for option in chosen]
        if max(all_costs) - min(all_costs) <= _NEAR_NS:
            found.append("split: these cost the same, prices included")
        else:
            found.append("split: not all of it finds room where it costs least")
    return found


def _dearer_words(dear: pb.GatewayOption, other: pb.GatewayOption) -> str:
    """What more it costs there: what weighs most."""
    lossier_ns = dear.loss_charge_ns - other.loss_charge_ns
    extra = extra_ns(dear) - extra_ns(other)
    if lossier_ns > extra / 2:
        return f"loses {format_loss(dear.loss_ppm)}, which weighs {in_ms(lossier_ns)} more"
    costs = "more than that" if extra > MAX_DELAY_NS else in_ms(extra)
    return f"room there costs {costs} more: others gain more by it"


def _delay(option: pb.GatewayOption) -> int:
    """Of an eligible one, which has one."""
    delay = delay_ns(option)
    assert delay is not None, "an eligible gateway is reached"
    return delay


def _cost(option: pb.GatewayOption) -> float:
    return _delay(option) + extra_ns(option)


def _least_cost(one: pb.FlowReasons) -> float:
    return min((_cost(option) for option in one.options if not option.problem), default=0.0)


def _option_row(option: pb.GatewayOption, least_ns: float) -> tuple[str, ...]:
    """What costs more than any delay is told by how much it is above the least."""
    extra = extra_ns(option)
    parts: list[str] = []
    cost = ""
    whole_ns = cost_ns(option)
    if not option.problem and whole_ns is not None:
        cost = f"least+{in_ms(whole_ns - least_ns)}" if least_ns > MAX_DELAY_NS else price(whole_ns)
        parts += [f"+{in_ms(extra)}" if extra <= MAX_DELAY_NS else "full"] if extra else []
        parts += ["(not preferred)"] if option.charge_ns else []
        parts += [f"(loss {in_ms(option.loss_charge_ns)})"] if option.loss_charge_ns else []
        parts += [f"(links {price(option.link_price_ns)})"] if option.link_price_ns else []
    return (
        option.gateway,
        in_ms(option.inside_ns if option.HasField("inside_ns") else None),
        in_ms(option.beyond_ns if option.HasField("beyond_ns") else None),
        in_ms(delay_ns(option)),
        format_loss(option.loss_ppm) if option.HasField("loss_ppm") else "",
        " ".join(parts),
        cost,
        rough_rate(option.rate_bps) if option.rate_bps else "",
        option.problem,
    )


def _price_words(name: str, price_ns: float) -> str:
    if price_ns > MAX_DELAY_NS:
        return f"{name} is full: what goes there keeps other traffic from being carried"
    return f"{name} costs {in_ms(price_ns)}: traffic that gains less by it leaves elsewhere"
