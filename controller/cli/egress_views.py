"""Egress as plain data: what ``egress show``, ``why`` and ``simulate`` print as JSON.

Delays and prices are microseconds, rates integer bits a second."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from controller.compiler.egress import EgressPlan, Solved
from controller.compiler.egress_changes import AggregateChange
from controller.compiler.egress_options import Option, Reasons
from controller.compiler.egress_use import class_uses, delays, full_links, gateway_uses
from controller.domain.egress import EgressPolicy
from controller.domain.egress_demand import Aggregate

Json = dict[str, Any]


def show_json(topology: str, egress: EgressPlan) -> Json:
    """``certifiedGap``: at most this share above the least cost; ``boundBps``: more of a class nothing could carry.
    Without traffic everything is empty."""
    solved = egress.solved
    return {
        "topology": topology,
        **(_figures(solved) if solved is not None else _nothing()),
        "notCarried": not_carried_json(egress),
    }


def why_json(found: Sequence[Reasons]) -> list[Json]:
    return [
        _names(one.aggregate, one.policy)
        | {
            "demandBps": one.aggregate.rate_bps,
            "carriedBps": one.carried_bps,
            "gateways": [_option(option) for option in one.options],
        }
        for one in found
    ]


def simulate_json(
    topology: str, failed: Sequence[str], scale: float, before: EgressPlan, after: EgressPlan, solved: Solved,
    changed: Sequence[AggregateChange],
) -> Json:  # fmt: skip
    """``solved``: of before."""
    return {
        "topology": topology,
        "failed": list(failed),
        "scale": scale,
        "movedBps": sum(one.moved_bps for one in changed),
        "before": show_json(topology, before),
        "after": show_json(topology, after),
        "changes": [
            _names(one.aggregate, solved.asked.policy_of(one.aggregate))
            | {
                "movedBps": one.moved_bps,
                "missingBps": {"before": one.missing_bps[0], "after": one.missing_bps[1]},
                "delayUs": {"before": _us(one.delay_ns[0]), "after": _us(one.delay_ns[1])},
                "before": dict(one.before),
                "after": dict(one.after),
            }
            for one in changed
        ],
    }


def not_carried_json(egress: EgressPlan) -> list[Json]:
    """By policy, then what no policy is for; ``missingBps`` is null where nothing has been measured."""
    missing = missing_by_policy(egress)
    found: list[Json] = [
        {
            "policy": f"{verdict.key.tenant}/{verdict.key.name}",
            "missingBps": missing.get(index),
            "reason": str(refusal.reason),
            "message": refusal.message,
        }
        for index, verdict in enumerate(egress.verdicts)
        for refusal in verdict.refusals
    ]
    for one in egress.unpoliced:
        if one.refusal is not None:
            found.append(
                {
                    "policy": None,
                    "from": one.aggregate.source,
                    "to": one.aggregate.to_region,
                    "class": str(one.aggregate.traffic_class),
                    "missingBps": one.aggregate.rate_bps - one.carried_bps,
                    "reason": str(one.refusal.reason),
                    "message": one.refusal.message,
                }
            )
    return found


def missing_by_policy(egress: EgressPlan) -> dict[int, int]:
    """By index: what is asked for and not carried, of policies whose demand is known."""
    asked: Counter[int] = Counter()
    for one in egress.solved.asked.aggregates if egress.solved is not None else ():
        if one.policy is not None:
            asked[one.policy] += one.rate_bps
    return {
        index: bps - sum(one.rate_bps for one in egress.verdicts[index].assignments) for index, bps in asked.items()
    }


def _figures(solved: Solved) -> Json:
    certificate = solved.certificate
    spread = delays(solved)
    return {
        "demandBps": sum(certificate.demand_bps),
        "carriedBps": sum(certificate.carried_bps),
        "gateways": [
            {
                "gateway": one.gateway,
                "capacityBps": one.capacity_bps,
                "usableBps": one.usable_bps,
                "carriedBps": one.all_bps,
                "share": round(one.share, 6),
                "byClass": {str(name): bps for name, bps in one.carried_bps},
                "priceUs": one.price_ns / 1000,
            }
            for one in gateway_uses(solved)
        ],
        "classes": [
            {
                "class": str(one.traffic_class),
                "demandBps": one.demand_bps,
                "carriedBps": one.carried_bps,
                "boundBps": one.bound_bps,
            }
            for one in class_uses(solved)
        ],
        "delayUs": None
        if spread is None
        else {"mean": spread.mean_ns / 1000, **{f"p{percent}": ns / 1000 for percent, ns in spread.quantile_ns}},
        "links": [
            {"link": link, "direction": str(direction), "priceUs": price_ns / 1000}
            for (link, direction), price_ns in full_links(solved)
        ],
        "certifiedGap": certificate.gap,
    }


def _nothing() -> Json:
    return {
        "demandBps": 0,
        "carriedBps": 0,
        "gateways": [],
        "classes": [],
        "delayUs": None,
        "links": [],
        "certifiedGap": None,
    }


def _names(aggregate: Aggregate, policy: EgressPolicy | None) -> Json:
    return {
        "from": aggregate.source,
        "to": aggregate.to_region,
        "class": str(aggregate.traffic_class),
        "policy": None if policy is None else f"{policy.tenant}/{policy.name}",
    }


def _option(option: Option) -> Json:
    return {
        "gateway": option.gateway,
        "eligible": not option.problem,
        "rateBps": option.rate_bps,
        "insideUs": _us(option.inside_ns),
        "beyondUs": _us(option.beyond_ns),
        "delayUs": _us(option.delay_ns),
        "notPreferredUs": option.charge_ns / 1000,
        "priceUs": option.price_ns / 1000,
        "linkPriceUs": option.link_price_ns / 1000,
        "costUs": _us(option.cost_ns),
    } | ({"whyNot": option.problem} if option.problem else {})


def _us(value_ns: float | None) -> float | None:
    return None if value_ns is None else value_ns / 1000
