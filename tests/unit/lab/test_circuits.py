"""Client ports are joined exactly while cross-connects agree from end to end."""

from dataclasses import replace

import networkx as nx
from hypothesis import given, settings
from hypothesis import strategies as st

from controller.domain.otn import OduType, slots_taken
from controller.domain.rules import ClientEnd, CrossConnect, LineEnd, Opaque, Owner, cookie
from controller.domain.topology import Link, PerDirection
from lab.circuits import joined_clients

OTN = ("o0", "o1", "o2", "o3")
PAIRS = (("o0", "o1"), ("o1", "o2"), ("o2", "o3"), ("o3", "o0"), ("o0", "o2"), ("o0", "o1"))
CLIENTS_EACH = 2


def link(name, a, a_port, z, z_port, odu=None):
    return Link(
        name=name,
        a=a,
        z=z,
        a_port=a_port,
        z_port=z_port,
        capacity_bps=PerDirection.both(10**9),
        delay_ns=PerDirection.both(0),
        odu=odu,
    )


def mesh():
    """Six links between four OTN nodes (two of them parallel; one an ODU2), two client links at each node."""
    odus = [OduType.ODU4] * 5 + [OduType.ODU2]
    links = [
        link(f"l{n}", a, 100 + n, z, 100 + n, odu) for n, ((a, z), odu) in enumerate(zip(PAIRS, odus, strict=True))
    ]
    links += [
        # Every other one is written from the OTN node to the PE.
        link(f"c{node}-{n}", node, n, "pe", 10 * at + n) if n % 2 else link(f"c{node}-{n}", "pe", 10 * at + n, node, n)
        for at, node in enumerate(OTN)
        for n in range(1, CLIENTS_EACH + 1)
    ]
    return tuple(links)


LINKS = {each.name: each for each in mesh()}


def other_end(name, node):
    line = LINKS[name]
    return line.z if line.a == node else line.a


def port_at(name, node):
    line = LINKS[name]
    return line.a_port if line.a == node else line.z_port


def rules_of(number, odu, route, uses):
    """The cross-connects of a circuit: ``route`` is client link, line links ..., client link; ``uses`` (tributary
    port, slots) of each line link."""
    node = other_end(route[0], "pe")
    ends = [(node, ClientEnd(port=port_at(route[0], node)))]
    for name, (tributary_port, slots) in zip(route[1:-1], uses, strict=True):
        for at in (node, other_end(name, node)):
            ends.append((at, LineEnd(port=port_at(name, at), tributary_port=tributary_port, slots=slots)))
        node = other_end(name, node)
    ends.append((node, ClientEnd(port=port_at(route[-1], node))))
    return [
        (at, CrossConnect(cookie=cookie(Owner.LINE, number), number=number, odu=odu, a=a, z=z))
        for (at, a), (_, z) in zip(ends[::2], ends[1::2], strict=True)
    ]


def by_node(placed):
    return {node: [rule for at, rule in placed if at == node] for node in OTN}


def joined(placed, links=None):
    """{client links at both ends: links in between, as a set}."""
    links = LINKS.values() if links is None else links
    return {frozenset(one.ends): frozenset(one.links[1:-1]) for one in joined_clients(links, OTN, by_node(placed))}


@st.composite
def circuits(draw):
    """Some circuits beside each other, in rooms that none shares: [(number, odu, route, uses)]. Room from 77 on is left
    for harm."""
    lines = {name: each for name, each in LINKS.items() if each.odu is not None}
    free_slots = {name: list(range(1, min(76, each.slots) + 1)) for name, each in lines.items()}
    free_ports = {name: list(slots) for name, slots in free_slots.items()}
    clients = draw(st.permutations([name for name in LINKS if name.startswith("c")]))
    found = []
    for number, (entry, leave) in enumerate(zip(clients[::2], clients[1::2], strict=True), start=1):
        node, goal, between, visited = other_end(entry, "pe"), other_end(leave, "pe"), [], set()
        while node != goal:
            visited.add(node)
            onward = [
                name
                for name in free_slots
                if node in (LINKS[name].a, LINKS[name].z) and other_end(name, node) not in visited
            ]
            if not onward:
                break
            between.append(draw(st.sampled_from(onward)))
            node = other_end(between[-1], node)
        odu = draw(st.sampled_from([OduType.ODU0, OduType.ODU1, OduType.ODU2, OduType.ODU2E]))
        taken = {name: slots_taken(odu, LINKS[name].odu) for name in between}
        if node != goal or any(count is None or count > len(free_slots[name]) for name, count in taken.items()):
            continue
        uses = []
        for name in between:
            slots = sorted(draw(st.permutations(free_slots[name]))[: taken[name]])
            free_slots[name] = [slot for slot in free_slots[name] if slot not in slots]
            tributary_port = draw(st.sampled_from(free_ports[name]))
            free_ports[name].remove(tributary_port)
            uses.append((tributary_port, tuple(slots)))
        found.append((number, odu, [entry, *between, leave], uses))
    return found


@settings(deadline=None, max_examples=60)
@given(circuits(), st.randoms(use_true_random=False))
def test_what_agrees_end_to_end_is_joined_and_nothing_else(placed, order):
    rules = [rule for circuit in placed for rule in rules_of(*circuit)]
    order.shuffle(rules)
    turned = [(node, replace(rule, a=rule.z, z=rule.a) if order.random() < 0.5 else rule) for node, rule in rules]
    assert joined(turned) == {frozenset((route[0], route[-1])): frozenset(route[1:-1]) for _, _, route, _ in placed}


def harms(rule):
    """The same cross-connect with one thing wrong."""
    line = next((end for end in ("a", "z") if isinstance(getattr(rule, end), LineEnd)), None)
    client = next((end for end in ("a", "z") if isinstance(getattr(rule, end), ClientEnd)), None)
    yield None
    yield replace(rule, extra=("administrative-state: outOfService",))
    yield replace(rule, odu=Opaque("ODU ODU7"))
    yield replace(rule, a=Opaque("no port"))
    if line is not None:
        end = getattr(rule, line)
        yield replace(rule, odu=OduType.ODU3)
        yield replace(rule, **{line: replace(end, slots=(*end.slots[:-1], 77))})
        yield replace(rule, **{line: replace(end, slots=end.slots[:-1])})
        yield replace(rule, **{line: replace(end, tributary_port=79)})
        yield replace(rule, **{line: replace(end, port=99)})
    if client is not None:
        yield replace(rule, **{client: ClientEnd(port=9)})


@settings(deadline=None, max_examples=60)
@given(circuits().filter(bool), st.data())
def test_one_wrong_cross_connect_breaks_its_circuit_and_no_other(placed, data):
    rules = [rule for circuit in placed for rule in rules_of(*circuit)]
    at = data.draw(st.integers(0, len(rules) - 1))
    node, rule = rules[at]
    for harm in harms(rule):
        harmed = rules[:at] + ([] if harm is None else [(node, harm)]) + rules[at + 1 :]
        expected = {frozenset((c[2][0], c[2][-1])): frozenset(c[2][1:-1]) for c in placed if c[0] != rule.number}
        assert joined(harmed) == expected, harm


@settings(deadline=None, max_examples=60)
@given(circuits(), st.sampled_from(sorted(LINKS)))
def test_a_link_that_is_out_breaks_the_circuits_over_it(placed, out):
    rules = [rule for circuit in placed for rule in rules_of(*circuit)]
    left = [each for name, each in LINKS.items() if name != out]
    assert joined(rules, left) == {
        frozenset((route[0], route[-1])): frozenset(route[1:-1]) for _, _, route, _ in placed if out not in route
    }


ENDS = st.one_of(
    st.builds(ClientEnd, port=st.integers(1, 2)),
    st.builds(
        LineEnd,
        port=st.sampled_from(range(100, 106)),
        tributary_port=st.integers(1, 2),
        slots=st.sampled_from([(1,), (2,)]),
    ),
)
RULES = st.builds(
    CrossConnect,
    cookie=st.just(cookie(Owner.LINE, 1)),
    number=st.integers(1, 9),
    odu=st.sampled_from([OduType.ODU0, OduType.ODU0, OduType.ODU1]),
    a=ENDS,
    z=ENDS,
)


@settings(deadline=None, max_examples=300)
@given(st.lists(st.tuples(st.sampled_from(OTN), RULES), max_size=14))
def test_any_heap_of_cross_connects_joins_what_a_graph_of_ends_joins(placed):
    """The oracle: ends are nodes, cross-connects and links are edges; a circuit is a component with two client ends."""
    graph = nx.MultiGraph()
    for node in OTN:
        own = [rule for at, rule in placed if at == node]
        for rule in own:
            others = [end for other in own if other is not rule for end in (other.a, other.z)]
            ends = (rule.a, rule.z)
            if not any(clash(end, other) for end in ends for other in others) and not clash(*ends):
                graph.add_edge((node, rule.a), (node, rule.z), odu=rule.odu)
    for name, line in LINKS.items():
        for tributary_port in (1, 2):
            for slots in ((1,), (2,)):
                if line.odu is not None:
                    a, z = (
                        (at, LineEnd(port=port_at(name, at), tributary_port=tributary_port, slots=slots))
                        for at in (line.a, line.z)
                    )
                    graph.add_edge(a, z, odu=OduType.ODU0)
    expected = set()
    for component in nx.connected_components(graph):
        clients = [(node, end.port) for node, end in component if isinstance(end, ClientEnd)]
        odus = {odu for _, _, odu in graph.subgraph(component).edges(data="odu")}
        if len(clients) == 2 and (odus == {OduType.ODU0} or len(component) == 2):
            expected.add(frozenset(f"c{node}-{port}" for node, port in clients))
    assert joined(placed).keys() == expected


def clash(one, other):
    """Whether two ends want the same of a node."""
    if one.port != other.port:
        return False
    if isinstance(one, ClientEnd) or isinstance(other, ClientEnd):
        return isinstance(one, ClientEnd) and isinstance(other, ClientEnd)
    return one.tributary_port == other.tributary_port or bool(set(one.slots) & set(other.slots))


def test_a_circuit_is_told_in_order():
    route = ["co0-1", "l4", "l2", "co3-2"]
    rules = rules_of(7, OduType.ODU1, route, [(1, (3, 4)), (2, (1, 80))])
    (one,) = joined_clients(LINKS.values(), OTN, by_node(rules))
    assert one.links == tuple(route)
    assert one.nodes == ("o0", "o2", "o3")
    assert one.numbers == (7, 7, 7)
    assert one.odu is OduType.ODU1
