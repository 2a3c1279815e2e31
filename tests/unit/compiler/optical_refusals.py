"""A "no" to a line that may ride the optical layer, judged by the oracle: its reason, and all that it says would do."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from fractions import Fraction

from controller.domain.intents import Disjointness, Protection
from controller.domain.topology import PerDirection

WEAKER = {
    Disjointness.LINK: (),
    Disjointness.NODE: (Disjointness.LINK,),
    Disjointness.SRLG: (Disjointness.NODE, Disjointness.LINK),
}
UNITS = {"bps": 1, "kbps": 10**3, "Mbps": 10**6, "Gbps": 10**9, "ns": 1, "us": 10**3, "ms": 10**6}


def judge(oracle, line, refusal):
    """``oracle`` is as the line found it, its own reservation released."""
    assert refusal.reason == oracle.reason(line), (line, refusal)
    told = [(one.field, one.value) for one in refusal.relaxations]
    assert len(set(told)) == len(told)

    def works(other):
        return oracle.decide(other) is not None

    for field, value in told:
        assert works(relaxed(line, field, value)), (line, field, value)
    assert set(told) >= set(constraints_dropped(line, works)), (line, told)
    offered = dict(told)
    if line.max_delay_ns is not None:
        assert ("spec.maxDelay" in offered) == works(replace(line, max_delay_ns=None))
    if "spec.maxDelay" in offered:
        assert not works(replace(line, max_delay_ns=quantity(offered["spec.maxDelay"]) - 1))
    if "spec.mtu" in offered:
        assert not works(replace(line, mtu_bytes=int(offered["spec.mtu"]) + 1))
    there, back = line.cir_bps
    if there == back:
        nearest_rate(line, offered, "spec.bandwidth", works, PerDirection.both)
    else:
        nearest_rate(line, offered, "spec.bandwidth.aToZ", works, lambda bps: PerDirection(bps, back))
        nearest_rate(line, offered, "spec.bandwidth.zToA", works, lambda bps: PerDirection(there, bps))


def nearest_rate(line, offered, field, works, rates):
    """The value offered is the greatest, and offered if any is: rates are tried in fine steps above it."""
    top = line.cir_bps.z_to_a if field.endswith("zToA") else line.cir_bps.a_to_z
    least = quantity(offered[field]) if field in offered else 0
    for step in {least + 1, *(least + (top - least) * part // 64 for part in range(1, 64))}:
        if 0 < least + 1 <= step < top:
            assert not works(replace(line, cir_bps=rates(step))), (line, field, offered.get(field), step)


def constraints_dropped(line, works):
    """Every constraint with no value of its own that alone would do."""
    for kind in ("nodes", "links", "srlgs", "regions"):
        entries = getattr(line.avoid, kind)
        for entry in entries:
            rest = tuple(other for other in entries if other != entry)
            if works(replace(line, avoid=replace(line.avoid, **{kind: rest}))):
                yield f"spec.avoid.{kind}", json.dumps(rest)
    for place in range(len(line.via)):
        rest = line.via[:place] + line.via[place + 1 :]
        if works(replace(line, via=rest)):
            yield "spec.via.nodes", json.dumps(rest)
    if line.protection is Protection.ONE_TO_ONE:
        for kind in WEAKER[line.disjoint]:
            if works(replace(line, disjoint=kind)):
                yield "spec.disjoint", str(kind)
        if works(replace(line, protection=Protection.NONE)):
            yield "spec.protection", "none"


def relaxed(line, field, value):
    """The line with a relaxation carried out."""
    there, back = line.cir_bps
    match field.split(".")[1:]:
        case ["maxDelay"]:
            return replace(line, max_delay_ns=quantity(value))
        case ["mtu"]:
            return replace(line, mtu_bytes=int(value))
        case ["avoid", kind]:
            return replace(line, avoid=replace(line.avoid, **{kind: tuple(json.loads(value))}))
        case ["via", "nodes"]:
            return replace(line, via=tuple(json.loads(value)))
        case ["disjoint"]:
            return replace(line, disjoint=Disjointness(value))
        case ["protection"]:
            return replace(line, protection=Protection(value))
        case ["bandwidth", "aToZ"]:
            return replace(line, cir_bps=PerDirection(quantity(value), back))
        case ["bandwidth", "zToA"]:
            return replace(line, cir_bps=PerDirection(there, quantity(value)))
        case ["bandwidth"]:
            rates = [quantity(one) for one in re.findall(r"[0-9.]+[kMG]?bps", value)]
            return replace(line, cir_bps=PerDirection(rates[0], rates[-1]))
    raise AssertionError(field)


def quantity(text):
    """What a quantity in a document comes to, in bps or ns."""
    number, unit = re.fullmatch(r"([0-9.]+)([a-zA-Z]+)", text).groups()
    value = Fraction(number) * UNITS[unit]
    assert value.denominator == 1
    return int(value)
