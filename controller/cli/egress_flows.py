"""What tables and JSON of egress have in common: names of flows and policies, and what an option costs."""

from __future__ import annotations

from controller.wire.gen.trunkline.v1 import egress_pb2 as pb
from controller.wire.names import intent_key


def policy_name(resource_name: str) -> str | None:
    """``TENANT/NAME``; ``None``: there is no policy."""
    if not resource_name:
        return None
    key = intent_key(resource_name, "policy")
    return f"{key.tenant}/{key.name}"


def flow_words(flow: pb.Flow | pb.NotCarried) -> str:
    return f"{flow.traffic_class} from {flow.source} to {flow.destination}"


def delay_ns(option: pb.GatewayOption) -> int | None:
    """To the far end; ``None``: there is no way."""
    if not option.HasField("inside_ns") or not option.HasField("beyond_ns"):
        return None
    return option.inside_ns + option.beyond_ns


def cost_ns(option: pb.GatewayOption) -> float | None:
    """What is compared: traffic leaves where this is least, as far as there is room."""
    delay = delay_ns(option)
    if delay is None:
        return None
    return delay + extra_ns(option)


def extra_ns(option: pb.GatewayOption) -> float:
    """What it costs beside the delay."""
    return option.price_ns + option.link_price_ns + option.charge_ns + option.loss_charge_ns
