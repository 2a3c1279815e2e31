"""The table of routes, beside a dictionary that says the same in the plainest way."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from controller.domain.prefixes import Prefix, parse_prefix
from controller.domain.routes import Feed, Path, RouteTable

PREFIXES = st.builds(
    lambda bits, length: Prefix(4, bits << 24 & Prefix(4, 0, length).mask, length),
    st.integers(0, 255),
    st.integers(0, 8),
)
PATHS = st.builds(Path, st.sampled_from(("a", "b", "c")), st.none() | st.integers(1, 2), st.integers(0, 2))
DOINGS = st.lists(st.tuples(st.sampled_from(("announce", "withdraw", "forget", "ask")), PREFIXES, PATHS), max_size=40)


@given(DOINGS)
def test_holds_what_each_gateway_said_last(doings: list[tuple[str, Prefix, Path]]) -> None:
    table = RouteTable()
    plain: dict[tuple[str, Prefix], Path] = {}
    touched: set[Prefix] = set()
    for doing, prefix, path in doings:
        place = (path.gateway, prefix)
        if doing == "announce":
            new = plain.get(place) != path
            plain[place] = path
            assert table.announce(prefix, path) == new
            touched |= {prefix} if new else set()
        elif doing == "withdraw":
            there = plain.pop(place, None) is not None
            assert table.withdraw(prefix, path.gateway) == there
            touched |= {prefix} if there else set()
        elif doing == "forget":
            lost = {there for gateway, there in plain if gateway == path.gateway}
            assert table.prefixes_of(Feed(path.gateway, 6)) == set()
            assert table.prefixes_of(Feed(path.gateway, 4)) == lost
            assert table.forget(Feed(path.gateway, 4)) == len(lost)
            plain = {place: kept for place, kept in plain.items() if place[0] != path.gateway}
            touched |= lost
        else:
            assert table.touched() == touched
            touched.clear()
    expected: dict[Prefix, tuple[Path, ...]] = {}
    for (_, prefix), path in sorted(plain.items(), key=lambda item: item[0]):
        expected[prefix] = (*expected.get(prefix, ()), path)
    assert table.snapshot().paths == expected
    assert len(table) == len(expected)
    for gateway in ("a", "b", "c"):
        assert table.count(Feed(gateway, 4)) == sum(name == gateway for name, _ in plain)
        assert all(table.has(prefix, gateway) == ((gateway, prefix) in plain) for prefix in expected)


def test_a_snapshot_stays_as_it_was() -> None:
    table = RouteTable()
    prefix = parse_prefix("10.0.0.0/8")
    table.announce(prefix, Path("a", 1, 1))
    before = table.snapshot()
    table.announce(prefix, Path("b", 1, 1))
    table.withdraw(prefix, "a")
    assert before.gateways(prefix) == ("a",)
    assert table.snapshot().gateways(prefix) == ("b",)
    assert table.touched() == {prefix}
    assert table.touched() == frozenset()


def test_the_routes_that_cover_a_prefix_come_with_the_most_specific_first() -> None:
    table = RouteTable()
    for text in ("10.0.0.0/8", "10.1.0.0/16", "10.1.2.0/24", "10.2.0.0/16", "0.0.0.0/0", "::/0"):
        table.announce(parse_prefix(text), Path("a", 1, 1))
    covering = table.snapshot().covering(parse_prefix("10.1.0.0/16"))
    assert [str(prefix) for prefix, _ in covering] == ["10.1.0.0/16", "10.0.0.0/8", "0.0.0.0/0"]
