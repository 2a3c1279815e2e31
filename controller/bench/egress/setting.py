"""What the contenders of ``bench egress`` share: an instance, its optimum, and how a row tells of an answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from controller.bench.egress.instances import RECIPES, Recipe, gateway_names, made
from controller.domain.errors import Fault, InvalidInput, Reason
from controller.egress.answer import Answer
from controller.egress.certificate import Certificate, certify
from controller.egress.instance import Instance
from controller.egress.solving import solve


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """An instance by name, its optimum, and what the independent checker says of that."""

    name: str
    seed: int
    gateways: tuple[str, ...]
    instance: Instance
    best: Answer
    certificate: Certificate

    @classmethod
    def of(cls, name: str, seed: int, aggregates: int | None = None) -> Setting:
        """``InvalidInput`` for a name that is none of ours, no topology with gateways, and not topohub's."""
        recipe = recipe_named(name)
        instance = made(recipe if aggregates is None else replace(recipe, aggregates=aggregates), seed)
        best = solve(instance)
        return cls(
            name=name,
            seed=seed,
            gateways=gateway_names(recipe, seed),
            instance=instance,
            best=best,
            certificate=certify(instance, best),
        )

    @property
    def size(self) -> dict[str, int]:
        instance = self.instance
        return {
            "aggregates": len(instance.demand),
            "gateways": len(instance.exits),
            "links": len(instance.inside.usable_bps),
            "seed": self.seed,
        }


def recipe_named(name: str) -> Recipe:
    """One of ours; or a topology file with gateways, or another of topohub's networks with 12 gateways put into it."""
    if name in RECIPES:
        return RECIPES[name]
    if name.endswith((".yaml", ".yml")):
        return Recipe(network=name, aggregates=74_000)
    if "/" in name:
        return Recipe(network=name, aggregates=74_000, gateways=12, link_room=1.2)
    message = (
        f"no instance is called {name}: there are {', '.join(RECIPES)}; or name a topology file or topohub's network"
    )
    raise InvalidInput((Fault(reason=Reason.REFERENCE_NOT_FOUND, field="--case", message=message),))


def whole(instance: Instance) -> Instance:
    """The same, nobody to be split."""
    return replace(instance, demand=replace(instance.demand, whole=np.ones(len(instance.demand), np.bool_)))


def told(certificate: Certificate) -> Mapping[str, Any]:
    """What a row says of an answer that has been checked."""
    return {
        "carriedBps": sum(certificate.carried_bps),
        "demandBps": sum(certificate.demand_bps),
        "reachableBps": sum(certificate.reachable_bps),
        "carriedAtMostBps": sum(certificate.carried_bound_bps),
        "meanDelayUs": round(certificate.delay_ns / 1e3, 2),
        "maxUtilisation": round(certificate.utilisation, 4),
        "certifiedGap": float(f"{certificate.gap:.3g}"),
    }
