"""Questions to a table of a simulated switch find what a search of all its flows finds."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from controller.domain.prefixes import ADDRESS_BITS, Prefix
from controller.domain.rules import FlowRule, Match, Table, key_of
from controller.simulation.covering import covers
from controller.simulation.flow_index import FlowIndex


@st.composite
def prefixes(draw):
    version = draw(st.sampled_from((4, 6)))
    length = draw(st.integers(0, 6))
    return Prefix(version, draw(st.integers(0, 2**length - 1)) << ADDRESS_BITS[version] - length, length)


MATCHES = st.one_of(
    st.builds(Match, ip_dst=prefixes()),
    st.builds(Match, ip_dst=st.none(), in_port=st.integers(1, 2)),
    st.builds(Match, nd_target=st.just("fd00::1"), in_port=st.integers(1, 2)),
)
FLOWS = st.builds(
    FlowRule,
    cookie=st.just(0),
    table=st.sampled_from((Table.ROUTE, Table.STEER)),
    priority=st.integers(1, 2),
    match=MATCHES,
    actions=st.just(()),
)


@given(st.lists(st.tuples(st.booleans(), FLOWS), max_size=40), st.lists(MATCHES, min_size=1, max_size=5), st.data())
def test_what_it_offers_holds_all_that_is_covered(changes, questions, data):
    index, there = FlowIndex(), {}
    for put, flow in changes:
        key = key_of(flow)
        if put:
            if key in there:
                index.take_out(key, there[key])
            there[key] = replace(flow, cookie=len(there))
            index.put(key, there[key])
        elif key in there:
            index.take_out(key, there.pop(key))
        if data.draw(st.booleans()):
            asked(index, there, questions[0])
    for question in questions:
        asked(index, there, question)


def asked(index, there, question):
    for table in (None, Table.ROUTE, Table.STEER):
        offered = [flow for flow in index.candidates(table, question) if covers(question, flow.match)]
        wanted = [flow for flow in there.values() if table in (None, flow.table) and covers(question, flow.match)]
        assert sorted(map(repr, offered)) == sorted(map(repr, wanted))


def test_a_question_for_a_block_offers_little_else():
    index = FlowIndex()
    for number in range(1000):
        flow = FlowRule(
            cookie=0, table=Table.ROUTE, priority=1, match=Match(ip_dst=Prefix(4, number << 8, 24)), actions=()
        )
        index.put(key_of(flow), flow)
    assert len(list(index.candidates(Table.ROUTE, Match(ip_dst=Prefix(4, 512 << 8, 22))))) == 4
