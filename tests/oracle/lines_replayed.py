"""Judges the decisions about a batch of lines one after the other, each against what those before it left.

Nothing is taken on trust: routes are walked link by link and added up in whole numbers, and ``route_program`` tells
whether there is a better answer, or any.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from fractions import Fraction

from oracle.route_program import TAG_BYTES, WRAP_BYTES, Routes

from controller.domain.intents import Avoid, Disjointness, Protection
from controller.domain.topology import Direction, PerDirection

UNITS = {"bps": 1, "kbps": 10**3, "Mbps": 10**6, "Gbps": 10**9, "ns": 1, "us": 10**3, "ms": 10**6}
UNDECIDED = "without a proof either way"


class Replayed:
    """``told`` counts decisions by reason, ``checked`` what the oracle was asked about and what it met."""

    def __init__(self, topology):
        self.topology = topology
        self.routes = Routes(topology)
        self.told = Counter()
        self.checked = Counter()

    def judge_all(self, decisions, *, every=1):
        """Check decisions (line, paths, refusals) in the order of planning; see ``judge``. The oracle is asked
        about one in ``every``."""
        in_order = sorted(decisions, key=lambda decision: planning_order(decision[0]))
        for number, (line, paths, refusals) in enumerate(in_order):
            self.judge(line, paths, refusals, thoroughly=number % every == 0)

    def judge(self, line, paths, refusals, *, thoroughly=True):
        """Check one decision and take what it reserves. ``paths`` or ``refusals`` is empty. Where the oracle is not
        asked ``thoroughly``, only the routes themselves are checked."""
        if refusals:
            assert not paths
            (refusal,) = refusals
            self.told[str(refusal.reason)] += 1
            if thoroughly:
                Refused(self, line, refusal).check()
            return
        self.told["placed"] += 1
        routes = self.walk(line, paths)
        if thoroughly:
            self.checked["placed"] += 1
            self.is_best(line, routes)
        there, back = self.routes.takes(line)
        for path in paths:
            for link, way in path.route.hops(self.topology):
                self.routes.take(link.name, way, there)
                self.routes.take(link.name, way.reverse, back)

    def reserved(self):
        """{(link, direction): bps} of all that was placed."""
        return {
            (link.name, way): link.capacity_bps[way] - self.routes.free[link.name, way]
            for link in self.topology.links
            for way in Direction
        }

    def share_refused(self):
        return 1 - self.told["placed"] / self.told.total()

    def walk(self, line, paths):
        """The routes as links, after all that one can see on them has been checked."""
        assert [path.role for path in paths] == ["working", "protect"][: 1 + protected(line)]
        start, end = self.routes.ends(line)
        usable = {(link.name, tail): (link, way, head) for link, way, tail, head in self.routes.qualifying(line)}
        hop_ns = self.topology.hop_delay_ns
        for path in paths:
            node, nodes, there_ns, back_ns = start, [start], 0, 0
            for name in path.route.links:
                link, way, node = usable[name, node]
                nodes.append(node)
                there_ns += link.delay_ns[way] + hop_ns
                back_ns += link.delay_ns[way.reverse] + hop_ns
            assert (node, tuple(nodes)) == (end, path.route.nodes)
            assert len(set(nodes)) == len(nodes)
            assert [node for node in nodes if node in line.via] == [*line.via]
            assert path.delay_ns == PerDirection(there_ns, back_ns)
            assert line.max_delay_ns is None or max(path.delay_ns) <= line.max_delay_ns
            assert tuple(path.reserved_bps) == self.routes.takes(line)
        if protected(line):
            assert not self.common(line, *paths)
        return [path.route.links for path in paths]

    def common(self, line, one, other):
        """What two routes share and must not."""
        shared = set(one.route.links) & set(other.route.links)
        if line.disjoint is Disjointness.NODE:
            shared |= set(one.route.nodes[1:-1]) & set(other.route.nodes[1:-1])
        if line.disjoint is Disjointness.SRLG:
            risks = [
                {srlg for name in path.route.links for srlg in self.topology.link[name].srlgs} for path in (one, other)
            ]
            shared |= risks[0] & risks[1]
        return shared

    def is_best(self, line, routes):
        """No other answer is shorter, and none of those as short comes first by the names of its links."""
        lengths = [self.routes.length(line, links) for links in routes]
        ranks = [(length, links) for length, links in zip(lengths, routes, strict=True)]
        assert ranks == sorted(ranks)  # working is the shorter one
        total = sum(lengths)
        other = self.routes.least(line, other_than=routes)
        if other is None or other > total:
            return
        assert other == total, f"{line}: {routes} has length {total}, and there is one of {other}"
        self.checked["ties"] += 1
        for flow, links in enumerate(routes):
            for place in range(len(links)):
                earlier = self.routes.least(line, before=(flow, routes, place))
                assert earlier is None or earlier > total, f"{line}: {routes} is not the first of its length"


class Refused:
    """A "no" to be judged."""

    def __init__(self, replayed, line, refusal):
        self.replayed, self.line, self.refusal = replayed, line, refusal
        self.limited = "search limit" in refusal.message
        """Whether it says that the search ended before all was found that binds or would do."""
        self.offered = {one.field: one.value for one in refusal.relaxations}
        assert line.avoid == Avoid()  # that, and an MTU too large for some link, no line here asks for
        assert min(link.mtu_bytes for link in replayed.topology.links) >= line.mtu_bytes + WRAP_BYTES + TAG_BYTES

    def possible(self, **changes):
        return self.replayed.routes.possible(replace(self.line, **changes))

    def check(self):
        if self.refusal.reason == "SEARCH_LIMIT" and UNDECIDED in self.refusal.message:
            assert not self.offered
            self.replayed.checked["undecided"] += 1
            return
        assert not self.possible(), f"{self.line} was refused: {self.refusal.message}"
        self.replayed.checked["refused"] += 1
        if self.limited:
            self.replayed.checked["search limit"] += 1
        unknown = self.limited and self.refusal.reason == "SEARCH_LIMIT"
        assert unknown or self.refusal.reason == self.reason(), self.line
        changes = [*self.delay(), *self.rates(), *self.via(), *self.disjoint()]
        told = [(one.field, one.value) for one in self.refusal.relaxations]
        right = {(field, value) for field, value, _ in changes}
        assert len(set(told)) == len(told)
        assert set(told) <= right if self.limited else set(told) == right, self.line
        change = {(field, value): how_far for field, value, how_far in changes}
        assert [change[one] for one in told] == sorted(change[one] for one in told), self.line
        self.replayed.checked["relaxations"] += len(told)

    def reason(self):
        """The first constraint in the order avoid, MTU, bandwidth, delay that takes the last answer away; of one
        route, if even for that there is none."""
        alone = replace(self.line, via=(), protection=Protection.NONE)
        asked = self.line if self.replayed.routes.possible(alone) else alone
        bare = replace(asked, cir_bps=PerDirection(0, 0), max_delay_ns=None, mtu_bytes=0)
        steps = (
            ("NOT_DISJOINT" if protected(asked) else "NO_PATH", bare),
            ("MTU_TOO_SMALL", bare := replace(bare, mtu_bytes=asked.mtu_bytes)),
            ("NO_BANDWIDTH", replace(bare, cir_bps=asked.cir_bps)),
        )
        routes = self.replayed.routes
        return next((reason for reason, step in steps if not routes.possible(step)), "DELAY_BOUND_UNREACHABLE")

    # What would do: each yields (field, value, relative change) of the offers it finds right.

    def nearest(self, field, units, changed, step):
        """The one value offered for a field, if it is right: it will do, and one unit nearer to what is asked will
        not. ``None``: the search limit kept it from being offered."""
        if self.limited and field not in self.offered:
            return None
        text = self.offered[field]
        value = parsed(text, units)
        assert self.possible(**changed(value)), (self.line, field, text)
        assert not self.possible(**changed(value + step)), (self.line, field, text)
        return value, text

    def delay(self):
        bound_ns = self.line.max_delay_ns
        if bound_ns is None or not self.possible(max_delay_ns=None):
            return
        found = self.nearest("spec.maxDelay", ("ns", "us", "ms"), lambda ns: {"max_delay_ns": ns}, -1)
        if found is not None:
            value, text = found
            yield "spec.maxDelay", text, Fraction(value - bound_ns, bound_ns)

    def rates(self):
        there, back = self.line.cir_bps
        ways = {"spec.bandwidth": lambda bps: {"cir_bps": PerDirection.both(bps)}}
        if there != back:
            ways = {
                "spec.bandwidth.aToZ": lambda bps: {"cir_bps": PerDirection(bps, back)},
                "spec.bandwidth.zToA": lambda bps: {"cir_bps": PerDirection(there, bps)},
            }
        any_alone = False
        for field, changed in ways.items():
            if self.possible(**changed(1)):
                any_alone = True
                found = self.nearest(field, ("bps", "kbps", "Mbps", "Gbps"), changed, 1)
                if found is None:
                    continue
                value, text = found
                asked = back if field.endswith("zToA") else there
                yield field, text, Fraction(asked - value, asked)
        if there != back and not any_alone:
            yield from self.in_proportion(max(there, back), min(there, back))

    def in_proportion(self, larger, smaller):
        """Both rates lowered alike, where neither alone will do."""

        def rates(bps):
            lowered = PerDirection(bps, bps * smaller // larger)
            return lowered if self.line.cir_bps.a_to_z == larger else lowered.swapped

        least = -(-larger // smaller)  # with which the smaller one is 1
        if not self.possible(cir_bps=rates(least)) or (self.limited and "spec.bandwidth" not in self.offered):
            return
        text = self.offered["spec.bandwidth"]
        units = ("bps", "kbps", "Mbps", "Gbps")
        there, back = (parsed(part.split(": ")[1], units) for part in text.strip("{}").split(", "))
        value = max(there, back)
        assert PerDirection(there, back) == rates(value)
        assert self.possible(cir_bps=rates(value)), (self.line, text)
        assert not self.possible(cir_bps=rates(value + 1)), (self.line, text)
        yield "spec.bandwidth", text, Fraction(larger - value, larger)

    def via(self):
        for place in range(len(self.line.via)):
            rest = self.line.via[:place] + self.line.via[place + 1 :]
            if self.possible(via=rest):
                yield "spec.via.nodes", json.dumps(rest), Fraction(1)

    def disjoint(self):
        if not protected(self.line):
            return
        weaker = {Disjointness.NODE: ("link",), Disjointness.SRLG: ("node", "link")}
        for kind in weaker.get(self.line.disjoint, ()):
            if self.possible(disjoint=Disjointness(kind)):
                yield "spec.disjoint", kind, Fraction(1)
        if self.possible(protection=Protection.NONE):
            yield "spec.protection", "none", Fraction(1)


def protected(line):
    return line.protection is Protection.ONE_TO_ONE


def parsed(text, units):
    number = text.rstrip("abcdefghijklmnopqrstuvwxyzGMT")
    unit = text.removeprefix(number)
    assert unit in units
    exact = Fraction(number) * UNITS[unit]
    assert exact.denominator == 1
    return int(exact)


def planning_order(line):
    return (line.priority, -max(line.cir_bps), line.tenant, line.name)
