"""What the OTN nodes of a lab hold, as read back from them, for people: a row per cross-connect, by circuit."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from rich import box
from rich.table import Table

from controller.domain.topology import Topology
from lab.measure.expectation import ExpectedLine

_HEADINGS = ("line", "ODU", "node", "port: slots", "port: slots")


def cross_connect_table(described: Mapping[str, Any], lines: Iterable[ExpectedLine], topology: Topology) -> Table:
    """``described`` as ``Acts.describe`` answers."""
    table = Table(*_HEADINGS, box=box.SIMPLE, caption="Cross-connects as read from the devices over NETCONF.")
    for row in rows(described, lines, topology):
        table.add_row(*row)
    return table


def rows(described: Mapping[str, Any], lines: Iterable[ExpectedLine], topology: Topology) -> list[tuple[str, ...]]:
    """One a cross-connect, along each circuit; line and ODU only in its first. Whose it is, its client links tell, each
    of which is one line's. What is part of no circuit stands at the end."""
    owner = {
        link: str(line)
        for line in lines
        for route in (line.links, () if line.protect is None else line.protect.links)
        for link in route
        if topology.is_client_link(topology.link[link])
    }
    held = {
        (node, rule["number"]): rule
        for node, about in described["nodes"].items()
        for rule in about.get("crossConnects", ())
    }
    found: list[tuple[str, ...]] = []
    for circuit in sorted(described["circuits"], key=lambda circuit: owner.get(circuit["links"][0], "")):
        title = (owner.get(circuit["links"][0], "nobody's"), circuit["odu"])
        for node, number, entered in zip(circuit["nodes"], circuit["numbers"], circuit["links"], strict=False):
            rule = held.pop((node, number), None)
            if rule is not None:
                link = topology.link[entered]
                near = link.a_port if link.a == node else link.z_port
                ends = sorted((rule["a"], rule["z"]), key=lambda end: end.get("port") != near)
                found.append((*title, node, *map(_words, ends)))
                title = ("", "")
    found += [
        ("part of no circuit", rule["odu"], node, _words(rule["a"]), _words(rule["z"]))
        for (node, _), rule in held.items()
    ]
    return found


def _words(end: Mapping[str, Any]) -> str:
    if "unknown" in end:
        return str(end["unknown"])
    return f"line {end['port']}: {', '.join(map(str, end['slots']))}" if "slots" in end else f"client {end['port']}"
