"""A table of prefixes becomes another portion by portion: wherever that stops, each address goes where the old table
says, or the new one; and so do packets, after each single change on each switch."""

from __future__ import annotations

from ipaddress import ip_address

from hypothesis import given, settings
from hypothesis import strategies as st
from packets import packet
from steered_networks import GATEWAY_PORT, SITE_PORT, entry, everything, group, network, steered

from controller.compiler.derived import ordered_rounds
from controller.compiler.inventory import Inventory
from controller.compiler.plan import Movement
from controller.compiler.steering.portions import Portion, all_or_nothing, led_to, next_portion
from controller.domain.egress import TrafficClass
from controller.domain.prefixes import ADDRESS_BITS, Prefix, parse_prefix
from controller.domain.rules import FlowRule, Table
from controller.domain.steering import ELSEWHERE, PrefixTable
from controller.forwarding.fabric import Fabric
from controller.forwarding.switch import Switch

LONGEST = 5
TOPOLOGY = network()
GATEWAY_OF = {ELSEWHERE: "igw-bj", 1: "igw-gz", 2: "igw-sh"}
STEERING, TRUNKS = steered(
    TOPOLOGY,
    [
        entry(source, gateway, number=number, traffic_class=TrafficClass.BULK)
        for source in ("gd", "zj")
        for number, gateway in GATEWAY_OF.items()
    ],
    [group(1), group(2)],
)
NODE_OF = {gateway.name: gateway.node for gateway in TOPOLOGY.gateways}


def short(version: int, bits: int, length: int) -> Prefix:
    return Prefix(version, bits << ADDRESS_BITS[version] - length, length)


prefixes = st.builds(
    lambda version, length, bits: short(version, bits >> LONGEST - length, length),
    st.sampled_from((4, 6)),
    st.integers(0, LONGEST),
    st.integers(0, (1 << LONGEST) - 1),
)
tables = st.dictionaries(prefixes, st.sampled_from((*GATEWAY_OF,)), max_size=16).map(
    lambda routes: PrefixTable(routes=tuple(sorted(routes.items())))
)
ADDRESSES = [short(version, bits, LONGEST) for version in ADDRESS_BITS for bits in range(1 << LONGEST)]


def meaning(table: PrefixTable, address: Prefix) -> int:
    holding = [(prefix.length, number) for prefix, number in table.routes if prefix.covers(address)]
    return max(holding)[1] if holding else ELSEWHERE


def portions(now: PrefixTable, wanted: PrefixTable, most: int):
    """All tables on the way, the first left out."""
    while True:
        found = next_portion(now, wanted, most)
        yield found
        if not found.left:
            return
        now = found.table


def apart(one: PrefixTable, other: PrefixTable) -> int:
    """How many prefixes differ."""
    return len({prefix for prefix, _ in set(one.routes) ^ set(other.routes)})


@given(tables, tables, st.integers(1, 7))
def test_each_address_goes_where_one_of_both_tables_says(before, after, most):
    now = before
    for portion in portions(before, after, most):
        assert apart(now, portion.table) <= most
        assert portion.left == apart(portion.table, after)
        now = portion.table
        for address in ADDRESSES:
            assert meaning(now, address) in (meaning(before, address), meaning(after, address))
    assert now == after


@given(tables, tables, tables, st.integers(1, 5))
def test_what_is_wanted_may_change_on_the_way(before, first, then, most):
    now = next_portion(before, first, most).table
    for portion in portions(now, then, most):
        for address in ADDRESSES:
            assert meaning(portion.table, address) in (meaning(now, address), meaning(then, address))


@given(tables, tables, st.integers(0, 20))
def test_all_or_nothing(before, after, most):
    fits = apart(before, after) <= most
    assert all_or_nothing(before, after, most) == (Portion(after, 0) if fits else Portion(before, apart(before, after)))


@settings(max_examples=settings.default.max_examples // 4)
@given(tables, tables, st.integers(1, 7))
def test_packets_go_where_one_of_both_tables_says_after_every_change(before, after, most):
    inventory = Inventory(TOPOLOGY, (), TRUNKS.values(), ())
    switches = {node.name: Switch() for node in TOPOLOGY.nodes}
    for device, rule in everything(TOPOLOGY, STEERING, before, TRUNKS):
        switches[device].set(rule)
    fabric = Fabric(TOPOLOGY, switches)
    now = before
    for portion in portions(before, after, most):
        movement = Movement(steering_out=STEERING, steering_in=STEERING, prefixes_out=now, prefixes_in=portion.table)
        for part in ordered_rounds(inventory, movement, (), ()).rounds:
            for device, of_device in part.changes:
                assert len(of_device) <= most + 2  # and what our own rules are where a table has none for all addresses
                for change in of_device:
                    assert isinstance(change.rule, FlowRule)
                    assert change.rule.table is Table.ROUTE
                    switches[device].apply(change)
                    if device in ("gd", "zj"):
                        check(fabric, device, change.rule.match.ip_dst, before, after)
        now = portion.table
    assert {name: switch.rules for name, switch in switches.items()} == {
        name: switch.rules for name, switch in expected(after).items()
    }


def check(fabric: Fabric, source: str, changed: Prefix, before: PrefixTable, after: PrefixTable) -> None:
    """Of the addresses that the change is about, each leaves by the gateway of one of both tables."""
    for address in ADDRESSES:
        if not changed.covers(address):
            continue
        sender = "10.44.0.16" if address.version == 4 else "fd00:44::10"
        (arrival,) = fabric.send(source, SITE_PORT, packet(sender, str(ip_address(number(address)))))
        assert arrival.port == GATEWAY_PORT
        allowed = {NODE_OF[GATEWAY_OF[meaning(table, address)]] for table in (before, after)}
        assert arrival.node in allowed


def number(address: Prefix) -> bytes:
    return address.bits.to_bytes(ADDRESS_BITS[address.version] // 8, "big")


def expected(table: PrefixTable) -> dict[str, Switch]:
    switches = {node.name: Switch() for node in TOPOLOGY.nodes}
    for device, rule in everything(TOPOLOGY, STEERING, table, TRUNKS):
        switches[device].set(rule)
    return switches


def test_groups_that_prefixes_are_still_in_stay_until_none_is():
    table = PrefixTable(routes=((parse_prefix("192.0.2.0/24"), 7), (parse_prefix("198.51.100.0/24"), 2)))
    assert led_to(table, (group(2),), [group(5), group(7)]) == (group(2), group(7))
    assert led_to(PrefixTable(), (group(2),), [group(7)]) == (group(2),)
