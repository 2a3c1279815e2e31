"""Changes of rules as changes of a device's lists. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from controller.domain.rules import Change, CrossConnect, Rule
from controller.southbound.netconf.encoding import encode
from controller.southbound.netconf.profile import Profile
from controller.southbound.netconf.tree import EntryId, Tree, entries, with_entry

Edits = Mapping[EntryId, Tree | None]
"""What each entry is to be; ``None``: gone. Said so, an edit can be repeated without harm."""


def edits(profile: Profile, changes: Iterable[Change]) -> Edits:
    """What the changes come to, the later overruling the earlier. ``ValueError`` when the device cannot be told so."""
    wanted: dict[EntryId, Tree | None] = {}
    for change in changes:
        # What goes away may hold what was only read; its entries are known by their names alone.
        wanted |= dict.fromkeys(_names(profile, change.before))
        if change.after is not None:
            wanted |= encode(profile, _cross_connect(change.after))
    return wanted


def applied(config: Tree, wanted: Edits) -> Tree:
    """The configuration as it is when the edits are done."""
    for where, entry in wanted.items():
        config = with_entry(config, where, entry)
    return config


def standing(config: Tree, wanted: Edits) -> dict[EntryId, Tree]:
    """Of the entries that the edits are about, those that there are."""
    return {
        where: entry for where in wanted for entry in entries(config, where.path) if entry.get(where.key) == where.value
    }


def _names(profile: Profile, rule: Rule | None) -> list[EntryId]:
    if rule is None:
        return []
    number = {"number": _cross_connect(rule).number}
    names = []
    for entry in profile.entries:
        value = entry.key_pattern.write(number)
        assert isinstance(value, str | int)  # the profile was read: its keys tell the number and nothing else
        names.append(EntryId(entry.path, entry.key, value))
    return names


def _cross_connect(rule: Rule) -> CrossConnect:
    if not isinstance(rule, CrossConnect):
        raise ValueError("an OTN node has cross-connects and no other rules")
    return rule
