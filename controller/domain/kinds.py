"""All kinds of intents together: what every verb (apply, delete, roll back, list) takes alike."""

from __future__ import annotations

from collections.abc import Iterable

from controller.domain.egress import EgressPolicy
from controller.domain.intents import PrivateLine

Intent = PrivateLine | EgressPolicy


def private_lines(intents: Iterable[Intent]) -> list[PrivateLine]:
    """Those among ``intents``, in their order."""
    return [intent for intent in intents if isinstance(intent, PrivateLine)]


def egress_policies(intents: Iterable[Intent]) -> list[EgressPolicy]:
    """Those among ``intents``, in their order."""
    return [intent for intent in intents if isinstance(intent, EgressPolicy)]
