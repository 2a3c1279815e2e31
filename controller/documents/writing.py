"""An intent to the YAML that reads back as the same intent."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import yaml

from controller.documents.egress import MEASURED
from controller.documents.envelope import API_VERSION
from controller.documents.scalars import plain_value
from controller.domain.egress import EgressPolicy
from controller.domain.intents import Attachment, PrivateLine
from controller.domain.kinds import Intent
from controller.domain.topology import PerDirection
from controller.domain.units import format_delay, format_loss, format_rate


def write_intent(intent: Intent) -> str:
    """Return the document of an intent. Defaults are written out, empty lists and an absent bound are not."""
    document = {
        "apiVersion": API_VERSION,
        "kind": intent.key.kind,
        "metadata": {"tenant": intent.tenant, "name": intent.name},
        "spec": written_spec(intent),
    }
    # Collections that hold no other are written on one line, as people write them.
    return yaml.dump(document, Dumper=_Dumper, sort_keys=False, default_flow_style=None, allow_unicode=True, width=120)


def written_spec(intent: Intent) -> dict[str, Any]:
    """The specification as plain data, in the words of documents."""
    return _of_line(intent) if isinstance(intent, PrivateLine) else _of_policy(intent)


def _of_policy(policy: EgressPolicy) -> dict[str, Any]:
    spec: dict[str, Any] = {
        "from": _named(regions=policy.sources.regions, nodes=policy.sources.nodes),
        "to": {"region": policy.to_region, **_named(prefixes=policy.prefixes)},
        "demand": MEASURED if policy.demand_bps is None else format_rate(policy.demand_bps),
    }
    choice = policy.gateways
    gateways = _named(allow=choice.allow, deny=choice.deny, prefer=choice.prefer)
    if choice.at_most is not None:
        gateways["atMost"] = choice.at_most
    if gateways:
        spec["gateways"] = gateways
    if policy.max_delay_ns is not None:
        spec["maxDelay"] = format_delay(policy.max_delay_ns)
    if policy.max_loss_ppm is not None:
        spec["maxLoss"] = format_loss(policy.max_loss_ppm)
    spec["class"] = policy.traffic_class.value
    return spec


def _named(**lists: tuple[str, ...]) -> dict[str, Any]:
    """Those lists that name something."""
    return {key: list(names) for key, names in lists.items() if names}


def _of_line(line: PrivateLine) -> dict[str, Any]:
    spec: dict[str, Any] = {
        "a": _attachment(line.a),
        "z": _attachment(line.z),
        "bandwidth": _either_way(line.cir_bps, format_rate),
    }
    if line.max_delay_ns is not None:
        spec["maxDelay"] = format_delay(line.max_delay_ns)
    spec["mtu"] = line.mtu_bytes
    spec["protection"] = line.protection.value
    spec["disjoint"] = line.disjoint.value
    avoid = line.avoid
    avoided = _named(nodes=avoid.nodes, links=avoid.links, srlgs=avoid.srlgs, regions=avoid.regions)
    if avoided:
        spec["avoid"] = avoided
    if line.via:
        spec["via"] = {"nodes": list(line.via)}
    spec["objective"] = line.objective.value
    spec["priority"] = line.priority
    spec["layer"] = line.layer.value
    spec["isolation"] = line.isolation.value
    return spec


def _attachment(end: Attachment) -> dict[str, Any]:
    return {"site": end.site} if end.vlan is None else {"site": end.site, "vlan": end.vlan}


def _either_way(values: PerDirection[int], write: Callable[[int], str]) -> Any:
    a_to_z, z_to_a = map(write, values)
    return a_to_z if a_to_z == z_to_a else {"aToZ": a_to_z, "zToA": z_to_a}


class _Dumper(yaml.SafeDumper):
    """Quotes every text that our own reader would take for something else."""


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = None if plain_value(text) == text else '"'
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)
