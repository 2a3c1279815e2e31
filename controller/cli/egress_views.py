"""Egress as plain data: what ``egress show``, ``why`` and ``simulate`` print as JSON.

Delays and prices are microseconds, rates integer bits a second."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from controller.cli.egress_flows import cost_ns, delay_ns, policy_name
from controller.cli.views import Json
from controller.wire.gen.trunkline.v1 import egress_pb2 as pb


def show_json(topology: str, view: pb.EgressView) -> Json:
    """``certifiedGap``: at most this share above the least cost; ``boundBps``: more of a class nothing could carry.
    Without traffic everything is empty."""
    return {
        "topology": topology,
        **(_figures(view.figures) if view.HasField("figures") else _nothing()),
        "notCarried": [_not_carried(one) for one in view.not_carried],
    }


def why_json(found: Iterable[pb.FlowReasons]) -> list[Json]:
    return [
        _names(one.flow)
        | {
            "demandBps": one.demand_bps,
            "carriedBps": one.carried_bps,
            "gateways": [_option(option) for option in one.options],
        }
        for one in found
    ]


def simulate_json(found: pb.SimulateResponse, failed: Sequence[str], scale: float) -> Json:
    return {
        "topology": found.topology,
        "failed": list(failed),
        "scale": scale,
        "movedBps": sum(one.moved_bps for one in found.changes),
        "before": show_json(found.topology, found.before),
        "after": show_json(found.topology, found.after),
        "changes": [_change(one) for one in found.changes],
    }


def _change(one: pb.FlowChange) -> Json:
    return _names(one.flow) | {
        "movedBps": one.moved_bps,
        "missingBps": {"before": one.missing_before_bps, "after": one.missing_after_bps},
        "delayUs": {
            "before": one.delay_before_ns / 1000 if one.HasField("delay_before_ns") else None,
            "after": one.delay_after_ns / 1000 if one.HasField("delay_after_ns") else None,
        },
        "before": {part.gateway: part.rate_bps for part in one.before},
        "after": {part.gateway: part.rate_bps for part in one.after},
    }


def _not_carried(one: pb.NotCarried) -> Json:
    """Of a policy, or of what no policy is for; ``missingBps`` is null where nothing has been measured."""
    missing_bps = one.missing_bps if one.HasField("missing_bps") else None
    flow = {} if one.policy else {"from": one.source, "to": one.destination, "class": one.traffic_class}
    return {
        "policy": policy_name(one.policy),
        **flow,
        "missingBps": missing_bps,
        "reason": one.reason,
        "message": one.message,
    }


def _figures(figures: pb.CycleFigures) -> Json:
    delays = figures.delays
    return {
        "demandBps": sum(one.demand_bps for one in figures.classes),
        "carriedBps": sum(one.carried_bps for one in figures.classes),
        "gateways": [
            {
                "gateway": one.gateway,
                "capacityBps": one.capacity_bps,
                "usableBps": one.usable_bps,
                "carriedBps": one.carried_bps,
                "elsewhereBps": one.elsewhere_bps,
                "share": round((one.carried_bps + one.elsewhere_bps) / one.capacity_bps, 6)
                if one.capacity_bps
                else 0.0,
                "byClass": {part.traffic_class: part.rate_bps for part in one.classes},
                "priceUs": one.price_ns / 1000,
            }
            for one in figures.gateways
        ],
        "classes": [
            {
                "class": one.traffic_class,
                "demandBps": one.demand_bps,
                "carriedBps": one.carried_bps,
                "boundBps": one.bound_bps,
            }
            for one in figures.classes
        ],
        "delayUs": {
            "mean": delays.mean_ns / 1000,
            "p50": delays.p50_ns / 1000,
            "p95": delays.p95_ns / 1000,
            "p99": delays.p99_ns / 1000,
        }
        if figures.HasField("delays")
        else None,
        "meanLossPpm": delays.mean_loss_ppm if delays.HasField("mean_loss_ppm") else None,
        "links": [
            {"link": one.link, "direction": one.direction, "priceUs": one.price_ns / 1000} for one in figures.links
        ],
        "certifiedGap": figures.gap,
    }


def _nothing() -> Json:
    return {
        "demandBps": 0,
        "carriedBps": 0,
        "gateways": [],
        "classes": [],
        "delayUs": None,
        "meanLossPpm": None,
        "links": [],
        "certifiedGap": None,
    }


def _names(flow: pb.Flow) -> Json:
    return {
        "from": flow.source,
        "to": flow.destination,
        "class": flow.traffic_class,
        "policy": policy_name(flow.policy),
    }


def _option(option: pb.GatewayOption) -> Json:
    return {
        "gateway": option.gateway,
        "eligible": not option.problem,
        "rateBps": option.rate_bps,
        "insideUs": option.inside_ns / 1000 if option.HasField("inside_ns") else None,
        "beyondUs": option.beyond_ns / 1000 if option.HasField("beyond_ns") else None,
        "delayUs": _us(delay_ns(option)),
        "lossPpm": option.loss_ppm if option.HasField("loss_ppm") else None,
        "lossWeighsUs": option.loss_charge_ns / 1000,
        "notPreferredUs": option.charge_ns / 1000,
        "priceUs": option.price_ns / 1000,
        "linkPriceUs": option.link_price_ns / 1000,
        "costUs": _us(cost_ns(option)),
    } | ({"whyNot": option.problem} if option.problem else {})


def _us(value_ns: float | None) -> float | None:
    return None if value_ns is None else value_ns / 1000
