"""What is kept out of use for the sake of rules that others have on devices, and that were adopted.

Labels are kept in the whole network: a frame that leaves a device with one meets our rules at the next. Meter and
group numbers are the device's own. Of customer ports a whole port is kept, or a VLAN. A link is kept when a foreign
rule takes every frame from it before ours would.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

from controller.compiler.rules import MPLS_ETHERTYPES, TRUNK_PRIORITY
from controller.domain.foreign import ForeignRule
from controller.domain.intents import Attachment
from controller.domain.rules import RuleKey, Table
from controller.domain.topology import Topology

_ANY = -1
"""How a key of a rule spells a field that it does not match."""


class Aside:
    """Made anew whenever something is adopted or released. ``adopted`` is by device."""

    def __init__(self, topology: Topology, adopted: Mapping[str, Sequence[ForeignRule]]) -> None:
        self._port_of = {site.name: (site.node, site.port) for site in topology.sites}
        self._sites: defaultdict[str, dict[int, str]] = defaultdict(dict)
        self._links: defaultdict[str, dict[int, str]] = defaultdict(dict)
        for site in topology.sites:
            self._sites[site.node][site.port] = site.name
        for link in topology.links:
            self._links[link.a][link.a_port] = self._links[link.z][link.z_port] = link.name
        self.labels: set[int] = set()
        self.meter_ids: defaultdict[str, set[int]] = defaultdict(set)
        self.group_ids: defaultdict[str, set[int]] = defaultdict(set)
        self.places: defaultdict[str, set[RuleKey]] = defaultdict(set)
        self.links: set[str] = set()
        self._users: defaultdict[str, dict[int | None, str]] = defaultdict(dict)
        for device, rules in adopted.items():
            for rule in rules:
                self._add(device, rule)

    def user_of(self, attachment: Attachment) -> str | None:
        """Which foreign rule stands in the way of an attachment: on ``DEVICE: RULE``; ``None``: none does."""
        there = self._users.get(attachment.site)
        if there is None:
            return None
        if attachment.vlan is None:
            return next(iter(there.values()))
        return there.get(attachment.vlan, there.get(None))

    def stands_at(self, attachment: Attachment) -> bool:
        """Whether a foreign flow stands where a rule of ours for this customer port could stand."""
        node, port = self._port_of[attachment.site]
        return any(
            place.kind == "flow" and place.id[0] == Table.CLASSIFY and place.id[2] == port
            for place in self.places.get(node, ())
        )

    def attachments(self, device: str, rule: ForeignRule) -> list[Attachment]:
        """What of customer ports the rule uses, sorted; VLAN 0: frames without a tag."""
        found = set(self._attachments(device, rule))
        return sorted(found, key=lambda one: (one.site, _ANY if one.vlan is None else one.vlan))

    def links_of(self, device: str, rule: ForeignRule) -> list[str]:
        """The links from which the rule takes every frame before a rule of ours for trunks would, sorted."""
        if rule.place is None or rule.place.kind != "flow":
            return []
        table, priority, in_port, ethertype, vlan, label, *of_packets = rule.place.id
        takes_all = vlan == label == _ANY and ethertype in (_ANY, *MPLS_ETHERTYPES) and not of_packets
        if table != Table.CLASSIFY or priority < TRUNK_PRIORITY or not takes_all:
            return []
        return sorted(_at(self._links.get(device, {}), None if in_port == _ANY else in_port))

    def _add(self, device: str, rule: ForeignRule) -> None:
        self.labels.update(rule.labels)
        if rule.number is not None:
            (self.meter_ids if rule.kind == "meter" else self.group_ids)[device].add(rule.number)
        if rule.place is not None:
            self.places[device].add(rule.place)
        for attachment in self._attachments(device, rule):
            self._users[attachment.site].setdefault(attachment.vlan, f"{device}: {rule.words}")
        self.links.update(self.links_of(device, rule))

    def _attachments(self, device: str, rule: ForeignRule) -> Iterator[Attachment]:
        for use in rule.ports:
            for site in _at(self._sites.get(device, {}), use.port):
                yield Attachment(site=site, vlan=use.vlan)


def _at(names: Mapping[int, str], port: int | None) -> Iterable[str]:
    """What is at a port of a device, or (``None``) at any of its ports."""
    if port is None:
        return names.values()
    return (names[port],) if port in names else ()
