"""What a planner over two layers must decide, told by looking at every simple route of a small network.

Shares nothing with the engine but the domain's plain values: the ODU rates and slots are typed from the tables of
ITU-T G.709 (7-2, 7-3, 19-7 to 19-10), slots and client ports are counted here, and delays are added up node by node.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import combinations
from math import ceil

from controller.domain.intents import Disjointness, Isolation, LayerChoice, Objective, Protection
from controller.domain.topology import Direction, Role

# OPU payload bit rates as table 7-3 writes them: a fraction of a rate in kbit/s.
PAYLOADS = (
    ("ODU0", Fraction(238, 239) * 1_244_160),
    ("ODU1", Fraction(2_488_320)),
    ("ODU2", Fraction(238, 237) * 9_953_280),
    ("ODU2e", Fraction(238, 237) * 10_312_500),
    ("ODU3", Fraction(238, 236) * 39_813_120),
    ("ODU4", Fraction(238, 227) * 99_532_800),
)
SLOTS = {"ODU1": 2, "ODU2": 8, "ODU3": 32, "ODU4": 80}
NEEDS = {
    ("ODU0", "ODU1"): 1,
    **{(odu, server): n for server in ("ODU2", "ODU3", "ODU4") for odu, n in (("ODU0", 1), ("ODU1", 2))},
    **{("ODU2", server): 8 for server in ("ODU3", "ODU4")},
    ("ODU2e", "ODU3"): 9,
    ("ODU2e", "ODU4"): 8,
    ("ODU3", "ODU4"): 31,
}
WRAP, TAG = 22, 4


def odu_for(bps):
    """The smallest that holds this rate; ``None``: none does."""
    return next((odu for odu, kbps in PAYLOADS if bps <= kbps * 1000), None)


@dataclass(frozen=True)
class Way:
    """A simple route, with what decides about it; delays there and back in ns."""

    nodes: tuple[str, ...]
    links: tuple[str, ...]
    there_ns: int
    back_ns: int
    cost: int

    def length(self, line):
        return self.cost if line.objective is Objective.COST else self.there_ns + self.back_ns


@dataclass(frozen=True)
class Held:
    """What a placed line holds: its ways, and for each stretch in the optical layer (client link, links, client link)
    its ODU."""

    line: object
    ways: tuple[Way, ...]
    odu_of: dict


class Oracle:
    """The network with what lines hold of it. ``ports`` and ``slots`` count by stretch, so that what a modified line
    had and what it gets are both there until ``settle``."""

    def __init__(self, topology):
        self.topology = topology
        self.role = {node.name: node.role for node in topology.nodes}
        self.link = {link.name: link for link in topology.links}
        self.taken_bps = Counter()
        self.slots = Counter()
        self.clients = set()
        self.held = {}
        self.leaving = []

    # The ledger.

    def rate(self, cir):
        return ceil(Fraction(cir) * self.topology.overhead_factor)

    def reserve(self, held, sign=1):
        there, back = (sign * self.rate(cir) for cir in held.line.cir_bps)
        for way in held.ways:
            for tail, name in zip(way.nodes, way.links, strict=False):
                forward = Direction.A_TO_Z if self.link[name].a == tail else Direction.Z_TO_A
                self.taken_bps[name, forward] += there
                self.taken_bps[name, forward.reverse] += back

    def build(self, stretch, odu):
        entry, links, exit_ = stretch
        assert not self.clients & {entry, exit_}
        self.clients |= {entry, exit_}
        for name in links:
            self.slots[name] += NEEDS[odu, self.link[name].odu.value]
            assert self.slots[name] <= SLOTS[self.link[name].odu.value]

    def tear_down(self, stretch, odu):
        entry, links, exit_ = stretch
        self.clients -= {entry, exit_}
        for name in links:
            self.slots[name] -= NEEDS[odu, self.link[name].odu.value]

    def enter(self, line, ways):
        """Take in a decision; what the line had in the optical layer and does not keep goes at the end of the plan."""
        odu = odu_for(max(map(self.rate, line.cir_bps)))
        had = self.held[line.key].odu_of if line.key in self.held else {}
        new = {stretch: odu for way in ways for stretch in self.stretches(way)}
        for stretch, was in had.items():
            if new.get(stretch) != was:
                self.leaving.append((stretch, was))
        for stretch in new:
            if stretch not in had:
                self.build(stretch, odu)
        self.held[line.key] = Held(line, ways, new)
        self.reserve(self.held[line.key])

    def remove(self, key):
        held = self.held.pop(key)
        self.reserve(held, -1)
        self.leaving += held.odu_of.items()

    def settle(self):
        """The plan is carried out."""
        for stretch, odu in self.leaving:
            self.tear_down(stretch, odu)
        self.leaving = []

    # Routes.

    def optical(self, name):
        link = self.link[name]
        return Role.OTN in (self.role[link.a], self.role[link.z])

    def stretches(self, way):
        """(client link, links, client link) of each part between PEs over OTN nodes."""
        found, part = [], []
        for name, head in zip(way.links, way.nodes[1:], strict=True):
            if self.optical(name):
                part.append(name)
                if self.role[head] is not Role.OTN:
                    found.append((part[0], tuple(part[1:-1]), part[-1]))
                    part = []
        return found

    def all_ways(self, a, z):
        def on(nodes, links, there, back, cost):
            if nodes[-1] == z:
                yield Way(nodes, links, there, back, cost)
                return
            for link in self.topology.links:
                for tail, head, way in ((link.a, link.z, Direction.A_TO_Z), (link.z, link.a, Direction.Z_TO_A)):
                    if tail != nodes[-1] or head in nodes:
                        continue
                    extra = self.topology.hop_delay_ns
                    if self.role[head] is Role.OTN:  # whole at the node: a route goes through, or does not come here
                        extra += self.topology.otn_node_delay_ns
                    yield from on(
                        (*nodes, head),
                        (*links, link.name),
                        there + link.delay_ns[way] + extra,
                        back + link.delay_ns[way.reverse] + extra,
                        cost + link.cost,
                    )

        return list(on((a,), (), 0, 0, 0))

    # Constraints, one after the other in the order in which a refusal names them.

    def in_service(self, way):
        nodes = {node.name: node.enabled for node in self.topology.nodes}
        return all(nodes[name] for name in way.nodes) and all(self.link[name].enabled for name in way.links)

    def avoids(self, way, line):
        regions = {node.region for node in self.topology.nodes if node.name in way.nodes}
        srlgs = {srlg for name in way.links for srlg in self.link[name].srlgs}
        avoid = line.avoid
        return not (
            set(avoid.nodes) & set(way.nodes)
            or set(avoid.links) & set(way.links)
            or set(avoid.srlgs) & srlgs
            or set(avoid.regions) & regions
        )

    def passes(self, way, line):
        return [node for node in way.nodes[1:-1] if node in line.via] == list(line.via)

    def is_wide(self, way, line):
        needed = line.mtu_bytes + WRAP + (0 if line.a.vlan is None else TAG)
        return all(self.link[name].mtu_bytes >= needed for name in way.links)

    def has_rate(self, way, line):
        there, back = map(self.rate, line.cir_bps)
        for tail, name in zip(way.nodes, way.links, strict=False):
            link = self.link[name]
            forward = Direction.A_TO_Z if link.a == tail else Direction.Z_TO_A
            for direction, bps in ((forward, there), (forward.reverse, back)):
                if self.taken_bps[name, direction] + bps > link.capacity_bps[direction]:
                    return False
        return True

    def fits(self, stretch, odu):
        """Whether a new circuit finds room beside all that there are."""
        entry, links, exit_ = stretch
        if odu is None or {entry, exit_} & self.clients:
            return False
        for name in links:
            needed = NEEDS.get((odu, self.link[name].odu.value))
            if needed is None or self.slots[name] + needed > SLOTS[self.link[name].odu.value]:
                return False
        return True

    def is_fast(self, way, line):
        return line.max_delay_ns is None or max(way.there_ns, way.back_ns) <= line.max_delay_ns

    def layer_ok(self, way, line, layers):
        optical = [self.optical(name) for name in way.links]
        if layers == "packet":
            return not any(optical)
        if line.layer is LayerChoice.OTN or line.isolation is Isolation.DEDICATED:
            return all(optical)
        return True

    # Decisions.

    def decide(self, line):
        """The ways of a line, or ``None``."""
        found = (self.best(line, layers) for layers in self.choices(line))
        return next((ways for ways in found if ways is not None), None)

    def choices(self, line):
        if line.isolation is Isolation.SHARED and line.layer is not LayerChoice.OTN:
            yield "packet"
        if line.layer is not LayerChoice.PACKET:
            yield "otn"

    def reason(self, line):
        """Of a line that is refused: the first constraint in the order avoid, MTU, bandwidth (slots are bandwidth),
        delay that takes the last answer away; of one route, if even for that there is none."""
        single = replace(line, via=(), protection=Protection.NONE)
        asked = line if self.decide(single) is not None else single
        unbounded = replace(asked, max_delay_ns=None)
        if not self.exists(replace(unbounded, mtu_bytes=0)):
            return "NO_PATH" if asked.protection is Protection.NONE else "NOT_DISJOINT"
        if not self.exists(unbounded):
            return "MTU_TOO_SMALL"
        return "NO_BANDWIDTH" if self.decide(unbounded) is None else "DELAY_BOUND_UNREACHABLE"

    def exists(self, line):
        """Whether there would be an answer if every link had room."""
        return any(self.answers(line, layers, roomy=True) for layers in self.choices(line))

    def best(self, line, layers):
        odu = odu_for(max(map(self.rate, line.cir_bps)))
        answers = self.answers(line, layers)
        had = self.held[line.key].odu_of if line.key in self.held and layers == "otn" else {}
        has = {stretch for stretch, was in had.items() if was == odu}
        own = {name for entry, links, exit_ in has for name in (entry, *links, exit_)}

        def parts(ways):
            return [stretch for way in ways for stretch in self.stretches(way)]

        def touches(stretch):
            return bool(own & {stretch[0], *stretch[1], stretch[2]})

        def has_free(name):
            link = self.link[name]
            if odu is None or link.odu is None:
                return odu is not None and name not in self.clients
            needed = NEEDS.get((odu, link.odu.value))
            return needed is not None and self.slots[name] + needed <= SLOTS[link.odu.value]

        def made(ways):
            return all(part in has or (not touches(part) and self.fits(part, odu)) for part in parts(ways))

        if layers == "packet":
            return answers[0] if answers else None
        roomy = [
            ways
            for ways in answers
            if all(name in own or has_free(name) for one in parts(ways) for name in self.of(one))
        ]
        if not roomy or made(roomy[0]):
            return roomy[0] if roomy else None
        left = []
        for part in {frozenset(), *(frozenset((one,)) for one in has), frozenset(has)}:
            mine = {name for one in part for name in self.of(one)}
            for new in (True, False):
                left += self.first(
                    answers,
                    made,
                    lambda ways, mine=mine, new=new: all(
                        name in mine or (new and has_free(name)) for one in parts(ways) for name in self.of(one)
                    ),
                )
        return min(left, key=lambda ways: self.rank(ways, line), default=None)

    def first(self, answers, made, usable):
        """The best answer on usable links, if it can be made."""
        best = next((ways for ways in answers if usable(ways)), None)
        return [] if best is None or not made(best) else [best]

    def of(self, stretch):
        return {stretch[0], *stretch[1], stretch[2]}

    def answers(self, line, layers, *, roomy=False):
        """All ways or pairs that keep everything but what depends on slots, the best first; ``roomy``: nor on rates."""
        sites = {site.name: site.node for site in self.topology.sites}
        ways = [
            way
            for way in self.all_ways(sites[line.a.site], sites[line.z.site])
            if self.allowed(way, line, layers) and (roomy or self.has_rate(way, line))
        ]
        if line.protection is Protection.NONE:
            return sorted(((way,) for way in ways), key=lambda ways: self.rank(ways, line))
        ways.sort(key=lambda way: (way.length(line), len(way.links), way.links))
        pairs = [pair for pair in combinations(ways, 2) if self.apart(*pair, line.disjoint)]
        pairs += [(way, way) for way in ways if not way.links]  # inside one PE nothing is shared
        return sorted(pairs, key=lambda ways: self.rank(ways, line))

    def allowed(self, way, line, layers):
        return (
            self.layer_ok(way, line, layers)
            and self.in_service(way)
            and self.avoids(way, line)
            and self.passes(way, line)
            and self.is_wide(way, line)
            and self.is_fast(way, line)
        )

    def apart(self, one, other, disjoint):
        if set(one.links) & set(other.links):
            return False
        if disjoint is Disjointness.NODE:
            return not set(one.nodes[1:-1]) & set(other.nodes[1:-1])
        if disjoint is Disjointness.SRLG:
            risks = [{srlg for name in way.links for srlg in self.link[name].srlgs} for way in (one, other)]
            return not risks[0] & risks[1]
        return True

    def rank(self, ways, line):
        return (
            sum(way.length(line) for way in ways),
            sum(len(way.links) for way in ways),
            tuple(way.links for way in ways),
        )
