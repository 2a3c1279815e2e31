"""Whole plans of generated networks, replayed decision by decision by a checker that knows nothing of the product."""

from __future__ import annotations

import json
import random
from fractions import Fraction

import pytest
from replay import Link, Net, Order, Replay, planning_order
from running.command import line, plan, topology, write

NODES = 8
LINES = 80


def drawn_net(draw):
    """A ring with chords and parallel links; half of the links differ by direction."""
    names = [f"n{number}" for number in range(NODES)]
    pairs = [(names[number], names[(number + 1) % NODES]) for number in range(NODES)]
    pairs += [tuple(draw.sample(names, 2)) for _ in range(6)]
    draw.shuffle(pairs)
    links = []
    for number, ends in enumerate(pairs):
        capacity, delay = draw.choice((100, 200, 400)) * 10**6, draw.randrange(100, 9_000) * 1_000
        both = draw.random() < 0.5
        links.append(
            Link(
                name=f"link-{number}",
                ends=ends,
                capacity_bps=(capacity, capacity if both else capacity * 2),
                delay_ns=(delay, delay if both else delay + draw.randrange(2_000_000)),
                cost=draw.randrange(1, 4),
                mtu=draw.choice((1_522, 1_600, 1_600, 1_600, 9_000)),
                srlgs=tuple(draw.sample(("duct-1", "duct-2", "duct-3"), draw.randrange(2))),
            )
        )
    return Net(
        nodes={name: draw.choice(("north", "south", "west")) for name in names},
        links=links,
        sites={f"{name}-{number}": name for name in names for number in range(2)},
        hop_delay_ns=draw.choice((0, 25_000)),
        overhead=draw.choice((Fraction(1), Fraction("1.03"))),
    )


def drawn_orders(draw, net):
    orders = []
    epl_sites, evpl_sites = [site for site in net.sites if site[-1] == "0"], [s for s in net.sites if s[-1] == "1"]
    draw.shuffle(epl_sites)
    for number in range(LINES):
        port_based = number < len(epl_sites) // 2
        a, z = epl_sites[2 * number : 2 * number + 2] if port_based else draw.sample(evpl_sites, 2)
        rate = draw.choice((1, 2, 5, 10, 20, 40)) * 10**6
        avoid = {}
        if draw.random() < 0.2:
            kind = draw.choice(("nodes", "links", "srlgs", "regions"))
            known = {
                "nodes": list(net.nodes),
                "links": [link.name for link in net.links],
                "srlgs": sorted({srlg for link in net.links for srlg in link.srlgs}),
                "regions": sorted(set(net.nodes.values())),
            }
            avoid = {kind: [draw.choice(known[kind])]}
        orders.append(
            Order(
                name=f"line-{number}",
                tenant=draw.choice(("acme", "nimbus")),
                a=a,
                z=z,
                vlans=None if port_based else (number + 1, draw.choice((number + 1, number + 1_001))),
                rate_bps=(rate, draw.choice((rate, rate // 2))),
                max_delay_ns=draw.choice((None, None, draw.randrange(2_000, 30_000) * 1_000)),
                mtu=draw.choice((1_500,) * 9 + (1_550, 1_900)),
                objective=draw.choice(("delay", "delay", "cost")),
                priority=draw.choice((0, 4, 4, 4, 7)),
                avoid=avoid,
            )
        )
    draw.shuffle(orders)
    return orders


def topology_document(net):
    ports = dict.fromkeys(net.nodes, 0)

    def port(node):
        ports[node] += 1
        return ports[node]

    return topology(
        hopDelay=f"{net.hop_delay_ns}ns",
        overheadFactor=float(net.overhead),
        nodes=[
            {
                "name": name,
                "role": "pe",
                "region": region,
                "device": {"driver": "openflow", "datapathId": f"{0xA0 + number:016x}"},
            }
            for number, (name, region) in enumerate(net.nodes.items(), 1)
        ],
        links=[
            {
                "name": link.name,
                "a": link.ends[0],
                "z": link.ends[1],
                "aPort": port(link.ends[0]),
                "zPort": port(link.ends[1]),
                "capacity": both_ways(link.capacity_bps, "bps"),
                "delay": both_ways(link.delay_ns, "ns"),
                "cost": link.cost,
                "mtu": link.mtu,
                "srlgs": list(link.srlgs),
            }
            for link in net.links
        ],
        sites=[{"name": name, "node": node, "port": 100 + int(name[-1])} for name, node in net.sites.items()],
    )


def line_document(order):
    a, z = (order.a, order.z) if order.vlans is None else ((order.a, order.vlans[0]), (order.z, order.vlans[1]))
    bound = {} if order.max_delay_ns is None else {"maxDelay": f"{order.max_delay_ns}ns"}
    return line(
        order.name,
        a,
        z,
        both_ways(order.rate_bps, "bps"),
        tenant=order.tenant,
        mtu=order.mtu,
        objective=order.objective,
        priority=order.priority,
        avoid=order.avoid,
        **bound,
    )


def both_ways(values, unit):
    return {"aToZ": f"{values[0]}{unit}", "zToA": f"{values[1]}{unit}"}


@pytest.mark.parametrize("seed", range(6))
def test_every_decision_is_the_best_that_was_left(tmp_path, seed):
    draw = random.Random(seed)
    net = drawn_net(draw)
    orders = drawn_orders(draw, net)
    halves = orders[: LINES // 2], orders[LINES // 2 :]
    files = [write(tmp_path / f"{number}.yaml", *map(line_document, half)) for number, half in enumerate(halves)]
    answer = plan(write(tmp_path / "topology.yaml", topology_document(net)), *files)
    assert answer.err == ""
    shown = json.loads(answer.out)
    assert [(verdict["tenant"], verdict["name"]) for verdict in shown["intents"]] == [
        (order.tenant, order.name) for order in orders
    ]
    verdicts = {(verdict["tenant"], verdict["name"]): verdict for verdict in shown["intents"]}
    replay = Replay(net)
    for order in sorted(orders, key=planning_order):
        best, verdict = replay.best(order), verdicts[order.tenant, order.name]
        if best is None:
            check_refusal(replay, order, verdict)
            continue
        (path,) = verdict["paths"]
        assert (path["nodes"], path["links"]) == ([*best.nodes], [*best.links])
        assert path["delayUs"] == {"aToZ": best.delay_ns[0] / 1000, "zToA": best.delay_ns[1] / 1000}
        there, back = replay.takes(order.rate_bps)
        assert path["reservedBps"] == {"aToZ": there, "zToA": back}
        replay.reserve(order, best)
    refused = [verdict for verdict in shown["intents"] if not verdict["feasible"]]
    assert 0 < len(refused) < LINES * 0.75  # a network with room for all, or for few, would prove little
    assert answer.code == 2
    assert shown["links"] == left_over(net, replay)


def check_refusal(replay, order, verdict):
    """The verdict is no, and what it says would do does, alone and to the last digit."""
    assert not verdict["feasible"]
    assert "paths" not in verdict
    (refusal,) = verdict["reasons"]
    for one in refusal["relaxations"]:
        if one["field"] == "spec.maxDelay":
            bound_ns = parsed(one["value"], {"ns": 1, "us": 10**3, "ms": 10**6})
            assert replay.best(order, max_delay_ns=bound_ns) is not None
            assert replay.best(order, max_delay_ns=bound_ns - 1) is None
        elif one["field"] == "spec.mtu":
            assert replay.best(order, mtu=int(one["value"])) is not None
            assert replay.best(order, mtu=int(one["value"]) + 1) is None
        elif one["field"] == "spec.bandwidth" and order.rate_bps[0] == order.rate_bps[1]:
            rate = parsed(one["value"], {"bps": 1, "kbps": 10**3, "Mbps": 10**6, "Gbps": 10**9})
            assert replay.best(order, rate_bps=(rate, rate)) is not None
            assert replay.best(order, rate_bps=(rate + 1, rate + 1)) is None
    if replay.best(order, max_delay_ns=None) is not None:
        assert any(one["field"] == "spec.maxDelay" for one in refusal["relaxations"])


def parsed(text, units):
    number = text.rstrip("abcdefghijklmnopqrstuvwxyzGMT")
    exact = Fraction(number) * units[text.removeprefix(number)]
    assert exact.denominator == 1
    return int(exact)


def left_over(net, replay):
    return [
        {
            "link": link.name,
            "direction": direction,
            "capacityBps": link.capacity_bps[index],
            "reservedBps": link.capacity_bps[index] - replay.free[link.name][index],
            "egressBps": 0,
            "layer": "packet",
            "slotsUsed": 0,
        }
        for link in sorted(net.links, key=lambda link: link.name)
        for index, direction in enumerate(("aToZ", "zToA"))
    ]
