"""Which client ports are joined: circuits as they follow from the cross-connects that OTN nodes hold. Pure.

Light goes on only where both ends of a link mean the same: the same tributary slots, the same tributary port, the same
ODU, as many slots as such an ODU takes of such a link (ITU-T G.709). Anything else is no circuit, as on real equipment,
where the far end would raise an alarm (MSI mismatch) and signal a failure to its client.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from controller.domain.otn import OduType, slots_taken
from controller.domain.rules import ClientEnd, CrossConnect, CrossConnectEnd, LineEnd
from controller.domain.topology import Link


@dataclass(frozen=True, slots=True, kw_only=True)
class JoinedClients:
    """Two client links with one ODU between them. ``links`` from the one to the other, both included; ``nodes`` are the
    OTN nodes between, ``numbers`` those of their cross-connects."""

    odu: OduType
    links: tuple[str, ...]
    nodes: tuple[str, ...]
    numbers: tuple[int, ...]

    @property
    def ends(self) -> tuple[str, str]:
        """The client links."""
        return self.links[0], self.links[-1]


@dataclass(frozen=True, slots=True)
class _Through:
    """A cross-connect and its two ends, as seen by light that enters at ``near``."""

    node: str
    rule: CrossConnect
    near: CrossConnectEnd
    far: CrossConnectEnd


def joined_clients(
    links: Iterable[Link], otn_nodes: Iterable[str], held: Mapping[str, Iterable[CrossConnect]]
) -> tuple[JoinedClients, ...]:
    """All circuits there are, each once, in the order of ``links``.

    ``links``: the client links and those between OTN nodes that carry light now; ``held``: by node, its cross-connects.
    """
    nodes = frozenset(otn_nodes)
    ports: dict[tuple[str, int], Link] = {}
    clients: list[tuple[str, int]] = []
    for link in links:
        optical = [(end, port) for end, port in ((link.a, link.a_port), (link.z, link.z_port)) if end in nodes]
        ports.update(dict.fromkeys(optical, link))
        if len(optical) == 1:
            clients += optical
    entered = {
        (node, near): _Through(node, rule, near, far)
        for node, rules in held.items()
        for rule in _sound(rules)
        for near, far in ((rule.a, rule.z), (rule.z, rule.a))
    }
    found: dict[frozenset[str], JoinedClients] = {}
    for node, port in clients:
        circuit = _followed(node, ClientEnd(port=port), ports, entered, nodes)
        if circuit is not None:
            found.setdefault(frozenset(circuit.ends), circuit)
    return tuple(found.values())


def _followed(
    node: str,
    end: CrossConnectEnd,
    ports: Mapping[tuple[str, int], Link],
    entered: Mapping[tuple[str, CrossConnectEnd], _Through],
    otn_nodes: frozenset[str],
) -> JoinedClients | None:
    """The circuit that begins at a client's end; ``None`` when it leads to no other client's. It cannot run in a ring:
    each end of a cross-connect meets one other at most, and a client's end none."""
    assert isinstance(end, ClientEnd)
    links = [ports[node, end.port]]
    passed: list[_Through] = []
    while True:
        through = entered.get((node, end))
        if through is None or (passed and through.rule.odu != passed[0].rule.odu):
            return None
        passed.append(through)
        far = through.far
        assert isinstance(far, ClientEnd | LineEnd)
        link = ports.get((node, far.port))
        if link is None:
            return None
        links.append(link)
        between = link.a in otn_nodes and link.z in otn_nodes
        if isinstance(far, ClientEnd):
            return None if between else _joined(passed, links)
        if not between or not _fits(through.rule, far, link):
            return None
        direction = link.direction_from(node)
        _, node = link.ends(direction)
        _, port = link.ports(direction)
        end = LineEnd(port=port, tributary_port=far.tributary_port, slots=far.slots)


def _joined(passed: list[_Through], links: list[Link]) -> JoinedClients:
    odu = passed[0].rule.odu
    assert isinstance(odu, OduType)
    return JoinedClients(
        odu=odu,
        links=tuple(link.name for link in links),
        nodes=tuple(through.node for through in passed),
        numbers=tuple(through.rule.number for through in passed),
    )


def _fits(rule: CrossConnect, end: LineEnd, link: Link) -> bool:
    if link.odu is None or not isinstance(rule.odu, OduType) or not end.slots:
        return False
    return len(end.slots) == slots_taken(rule.odu, link.odu) and max(end.slots) <= link.slots


def _sound(rules: Iterable[CrossConnect]) -> list[CrossConnect]:
    """Those of a node that it can carry out: understood to the last word, and no part of them claimed twice."""
    clear = [
        rule
        for rule in rules
        if not rule.extra
        and isinstance(rule.odu, OduType)
        and all(isinstance(end, ClientEnd | LineEnd) for end in (rule.a, rule.z))
    ]
    claims = Counter(claim for rule in clear for claim in _claims(rule))
    return [rule for rule in clear if all(claims[claim] == 1 for claim in _claims(rule))]


def _claims(rule: CrossConnect) -> Iterator[Hashable]:
    """What a cross-connect takes of its node, for itself alone."""
    for end in (rule.a, rule.z):
        match end:
            case ClientEnd(port=port):
                yield port
            case LineEnd(port=port, tributary_port=tributary_port, slots=slots):
                yield port, "tributary port", tributary_port
                for slot in slots:
                    yield port, "slot", slot
