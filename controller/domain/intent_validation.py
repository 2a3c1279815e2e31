"""Intents of all kinds that are asked for together, held against the rules of their kinds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeVar

from controller.domain.egress import EgressPolicy
from controller.domain.egress_validation import check_policies
from controller.domain.errors import Fault
from controller.domain.intents import PrivateLine
from controller.domain.kinds import Intent
from controller.domain.topology import Topology
from controller.domain.validation import check_lines

Kind = TypeVar("Kind", PrivateLine, EgressPolicy)


def check_intents(intents: Sequence[Intent], topology: Topology) -> list[Fault]:
    """All that is wrong with them in this network and with each other; ``Fault.document`` is the index."""
    faults = _of_kind(PrivateLine, intents, lambda lines: check_lines(lines, topology))
    faults += _of_kind(EgressPolicy, intents, lambda policies: check_policies(policies, topology))
    return sorted(faults, key=lambda fault: fault.document)


def _of_kind(kind: type[Kind], intents: Sequence[Intent], check: Callable[[list[Kind]], list[Fault]]) -> list[Fault]:
    """What ``check`` says of those of a kind, with their index among all."""
    chosen = [(index, intent) for index, intent in enumerate(intents) if isinstance(intent, kind)]
    return [replace(fault, document=chosen[fault.document][0]) for fault in check([intent for _, intent in chosen])]
