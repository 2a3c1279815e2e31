"""Rules that others put on a device, and what of the network they use: read, listed, kept clear of, never touched."""

from __future__ import annotations

from dataclasses import dataclass

from controller.domain.rule_words import rule_words
from controller.domain.rules import (
    Action,
    FlowRule,
    GroupRule,
    MeterRule,
    Opaque,
    Output,
    PopTrunk,
    RuleKey,
    SetTrunk,
    SetVlan,
    Unwrap,
    Wrap,
    key_of,
)

UNTAGGED = 0
"""Stands for frames without a tag where a VLAN is named."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PortUse:
    """A port, or a VLAN of it (``UNTAGGED``: what has no tag; ``None``: the whole port), that a rule takes frames from
    or sends frames to. ``port`` ``None``: any port."""

    port: int | None
    vlan: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotsInUse:
    """Tributary slots of a line port; without slots: a client port, all of it."""

    port: int
    slots: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignRule:
    """``words`` tell the whole rule and so identify it on its device. ``number`` is a group's or a meter's; ``place``
    is where on the device a flow stands, if a rule of ours could ask for the same place and would replace it;
    ``optical`` what an entry of an OTN node takes of its ports."""

    kind: str
    words: str
    number: int | None = None
    place: RuleKey | None = None
    labels: tuple[int, ...] = ()
    ports: tuple[PortUse, ...] = ()
    optical: tuple[SlotsInUse, ...] = ()


def foreign_number(rule: MeterRule | GroupRule) -> ForeignRule:
    """A meter or a group that is not ours: these bear no mark, so whose they are only who knows all of ours can say."""
    if isinstance(rule, MeterRule):
        return ForeignRule(kind="meter", words=rule_words(rule), number=rule.meter_id)
    uses = [use for bucket in rule.buckets for use in sent_to(bucket.actions, None)]
    return ForeignRule(
        kind="group",
        words=rule_words(rule),
        number=rule.group_id,
        labels=written_labels(tuple(action for bucket in rule.buckets for action in bucket.actions)),
        ports=tuple(sorted(set(uses), key=_sorting)),
    )


def foreign_flow(
    words: str, actions: tuple[Action, ...], entered: PortUse | None, labels: tuple[int, ...], place: FlowRule | None
) -> ForeignRule:
    """A flow: ``entered`` says which frames it takes by port and VLAN (``None``: it does not ask), ``labels`` which
    MPLS labels it matches; ``place`` is the flow as a rule of ours, if one could stand there."""
    uses = set(sent_to(actions, None if entered is None else entered.vlan))
    if entered is not None:
        uses.add(entered)
    return ForeignRule(
        kind="flow",
        words=words,
        place=None if place is None else key_of(place),
        labels=tuple(sorted({*labels, *written_labels(actions)})),
        ports=tuple(sorted(uses, key=_sorting)),
    )


def written_labels(actions: tuple[Action, ...]) -> tuple[int, ...]:
    """The MPLS labels that the actions write."""
    found = {action.label for action in actions if isinstance(action, SetTrunk)}
    found |= {action.service_label for action in actions if isinstance(action, Wrap)}
    return tuple(sorted(found))


def sent_to(actions: tuple[Action, ...], vlan: int | None) -> tuple[PortUse, ...]:
    """The ports that the actions send to, with the VLAN that the frames bear there: as they came in, or as rewritten;
    unknown (the whole port) once something was done that has no value here, as pushing and popping tags."""
    found: list[PortUse] = []
    for action in actions:
        match action:
            case SetVlan(written):
                vlan = written
            case Output(port):
                found.append(PortUse(port=port, vlan=vlan))
            case Opaque() | Wrap() | Unwrap() | PopTrunk():
                vlan = None
            case _:
                continue
    return tuple(found)


def _sorting(use: PortUse) -> tuple[int, int]:
    return (-1 if use.port is None else use.port, -1 if use.vlan is None else use.vlan)
