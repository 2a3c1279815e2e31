"""Cross-connects as entries of a device's lists, and back. Pure; a profile says how.

Reading never loses anything: what a device holds for a cross-connect of ours and no value says goes into ``extra``, so
that a rule that somebody changed by hand never equals the rule that was sent.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from controller.domain.foreign import ForeignRule, SlotsInUse
from controller.domain.otn import OduType
from controller.domain.rules import ClientEnd, CrossConnect, CrossConnectEnd, LineEnd, Opaque
from controller.southbound.driver import Observed
from controller.southbound.netconf.comparing import differences
from controller.southbound.netconf.owner_words import owner_text, read_owner
from controller.southbound.netconf.pattern import Value
from controller.southbound.netconf.profile import ENDS, Entry, Profile
from controller.southbound.netconf.tree import EntryId, Tree, entries, leaves, with_leaf


def encode(profile: Profile, rule: CrossConnect) -> dict[EntryId, Tree]:
    """The entries of a rule. ``ValueError`` when the device cannot be told so."""
    values = _values(profile, rule)
    found: dict[EntryId, Tree] = {}
    for entry in profile.entries:
        tree: Tree = {}
        for path, pattern in entry.leaves.items():
            value = pattern.write(values)
            if value is not None:
                tree = with_leaf(tree, path, value)
        found[EntryId(entry.path, entry.key, tree[entry.key])] = tree
    return found


def decode(profile: Profile, config: Mapping[str, Any]) -> Observed:
    """What a device holds: the cross-connects of ours, and the entries of those lists that are not, by their place.

    An entry is of ours when its key is one that we give and its owner is one of ours; an entry that has lost its owner
    is when another entry of the same cross-connect still has it.
    """
    numbered: defaultdict[int, dict[EntryId, tuple[Entry, Tree]]] = defaultdict(dict)
    foreign: dict[EntryId, tuple[Entry, Tree]] = {}
    for path in dict.fromkeys(entry.path for entry in profile.entries):
        kinds = [entry for entry in profile.entries if entry.path == path]
        for tree in entries(config, path):
            where = EntryId(path, kinds[0].key, tree[kinds[0].key])
            number, kind = _numbered(kinds, tree)
            if kind is None:
                foreign[where] = kinds[0], tree
            else:
                numbered[number][where] = kind, tree
    rules: list[CrossConnect] = []
    for number, parts in sorted(numbered.items()):
        owners = {read_owner(_gathered(*part).get("owner")) for part in parts.values()} - {None}
        if owners:
            rules.append(_rule(profile, number, min(owner for owner in owners if owner is not None), parts))
        else:
            foreign |= parts
    return Observed(
        rules=tuple(rules),
        foreign=tuple(
            ForeignRule(kind=where.path[-1], words=str(where), optical=_in_use(*part))
            for where, part in foreign.items()
        ),
    )


def _in_use(kind: Entry, tree: Tree) -> tuple[SlotsInUse, ...]:
    """What an entry takes of the node's ports, whoever made it: as far as it says so like an entry of ours."""
    values = _gathered(kind, tree)
    found = []
    for end in ENDS:
        port, slots = values.get(f"{end}.port"), values.get(f"{end}.slots")
        if isinstance(port, int):
            taken = tuple(sorted(map(int, slots))) if isinstance(slots, list) else ()
            found.append(SlotsInUse(port=port, slots=taken))
    return tuple(found)


def _values(profile: Profile, rule: CrossConnect) -> dict[str, Value]:
    if isinstance(rule.odu, Opaque):
        raise ValueError(f"was read from a device and cannot be sent: {rule.odu.words}")
    if rule.odu not in profile.odu:
        raise ValueError(f"a device of the profile {profile.name} has no {rule.odu}")
    if rule.extra:
        raise ValueError(f"was read from a device and cannot be sent: {rule.extra[0]}")
    words = profile.odu[rule.odu]
    values: dict[str, Value] = {
        "number": rule.number,
        "owner": owner_text(rule.cookie),
        "odu.name": words.name,
        "odu.rate": words.rate,
    }
    for name, end in zip(ENDS, (rule.a, rule.z), strict=True):
        match end:
            case ClientEnd():
                values[f"{name}.port"] = end.port
            case LineEnd():
                values[f"{name}.port"] = end.port
                values[f"{name}.tributary-port"] = end.tributary_port
                values[f"{name}.slots"] = list(end.slots)
            case Opaque(words=unknown):
                raise ValueError(f"was read from a device and cannot be sent: {unknown}")
    return values


def _numbered(kinds: list[Entry], tree: Tree) -> tuple[int, Entry | None]:
    """Which cross-connect an entry belongs to by its key, and as which of its entries."""
    for kind in kinds:
        read = kind.key_pattern.read(tree[kind.key])
        number = None if read is None else read["number"]
        if isinstance(number, int):
            return number, kind
    return 0, None


def _gathered(kind: Entry, tree: Tree) -> dict[str, Value]:
    values: dict[str, Value] = {}
    for path, value in leaves(tree):
        if path in kind.leaves:
            values |= kind.leaves[path].read(value) or {}
    return values


def _rule(profile: Profile, number: int, owner: int, parts: Mapping[EntryId, tuple[Entry, Tree]]) -> CrossConnect:
    values: dict[str, Value] = {}
    for kind, tree in parts.values():
        values = _gathered(kind, tree) | values
    read = CrossConnect(
        cookie=owner,
        number=number,
        odu=_odu(profile, values.get("odu.name")),
        a=_end(values, "a"),
        z=_end(values, "z"),
    )
    try:
        meant = encode(profile, read)
    except ValueError:
        return read  # it says itself what could not be understood
    extra = differences(meant, {where: tree for where, (_, tree) in parts.items()})
    return (
        read
        if not extra
        else CrossConnect(cookie=owner, number=number, odu=read.odu, a=read.a, z=read.z, extra=tuple(map(str, extra)))
    )


def _odu(profile: Profile, name: Value | None) -> OduType | Opaque:
    for odu, words in profile.odu.items():
        if words.name == name:
            return OduType(odu)
    return Opaque(f"ODU {name}" if name is not None else "no ODU")


def _end(values: Mapping[str, Value], end: str) -> CrossConnectEnd:
    port = values.get(f"{end}.port")
    tributary_port = values.get(f"{end}.tributary-port")
    slots = values.get(f"{end}.slots")
    if not isinstance(port, int):
        return Opaque("no port" if port is None else f"port {port}")
    if tributary_port is None and slots is None:
        return ClientEnd(port=port)
    if not isinstance(tributary_port, int) or not isinstance(slots, list):
        return Opaque(f"port {port}, tributary port {tributary_port}, slots {slots}")
    return LineEnd(port=port, tributary_port=tributary_port, slots=tuple(sorted(map(int, slots))))
