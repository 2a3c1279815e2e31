"""The driver against a real Open vSwitch with rules that steer packets: read back equal, and never when changed."""

import pytest
from attached_switches import adding, attached, carry_out, deleting
from private_ovs import PrivateOvs

from controller.domain.errors import DeviceRefused
from controller.domain.prefixes import ANY_IPV4, ANY_IPV6, parse_prefix
from controller.domain.rules import (
    AnswerArp,
    AnswerNeighbour,
    Bucket,
    Change,
    DecTtl,
    FlowRule,
    GoTo,
    GroupKind,
    GroupRule,
    Match,
    Output,
    Owner,
    SetClass,
    SetGroup,
    SetMacs,
    SetTrunk,
    SourceSlice,
    Table,
    UseGroup,
    Wrap,
    cookie,
    key_of,
)

pytestmark = pytest.mark.lab

DEVICE = "pe"
VIRTUAL_MAC, NEXT_HOP = "02:54:4c:00:00:0a", "02:00:00:00:00:a1"
PORT, OTHER_PORT = 13, 14


def flow(match, *actions, table=Table.CLASSIFY, priority=200):
    owner = cookie(Owner.EGRESS, 5)
    return FlowRule(cookie=owner, table=table, priority=priority, match=match, actions=actions)


def route(prefix, number):
    return flow(Match(ip_dst=parse_prefix(prefix)), SetGroup(number), GoTo(Table.STEER), table=Table.ROUTE)


GROUP = GroupRule(group_id=3, kind=GroupKind.INDIRECT, buckets=(Bucket(actions=(SetTrunk(5001), Output(1))),))
ARP_ANSWERED = flow(Match(in_port=PORT, arp_target="10.44.0.1"), AnswerArp(VIRTUAL_MAC))
ND_ANSWERED = flow(Match(in_port=PORT, nd_target="fd00:44::1"), AnswerNeighbour(VIRTUAL_MAC))
CLASSIFIED = flow(
    Match(in_port=PORT, eth_dst=VIRTUAL_MAC, ip_dst=ANY_IPV4, dscp=46), SetClass(1), GoTo(Table.ROUTE), priority=130
)
ROUTED = route("198.51.100.0/24", 7)
STEERED = flow(
    Match(ip_dst=ANY_IPV6, group=7, traffic_class=1, source=SourceSlice(5, 4)),
    DecTtl(),
    SetMacs(VIRTUAL_MAC, NEXT_HOP),
    Wrap(70_006, tc=3),
    UseGroup(3),
    table=Table.STEER,
)
FIVE = (ARP_ANSWERED, ND_ANSWERED, CLASSIFIED, ROUTED, STEERED)
EVERY_KIND = (
    GROUP,
    *FIVE,
    flow(Match(in_port=PORT, eth_dst=VIRTUAL_MAC, ip_dst=ANY_IPV6), SetClass(255), GoTo(Table.ROUTE)),
    *(
        route(prefix, number)
        for number, prefix in enumerate(
            ("0.0.0.0/0", "128.0.0.0/1", "198.51.100.7/32", "::/0", "8000::/1", "2001:db8::/48", "2001:db8::7/128")
        )
    ),
    flow(Match(eth_dst=VIRTUAL_MAC), Output(OTHER_PORT)),
    flow(Match(group=0xFFFFFF), Output(OTHER_PORT), table=Table.STEER),
    flow(Match(traffic_class=0), Output(OTHER_PORT), table=Table.STEER),
    flow(Match(ip_dst=ANY_IPV4, source=SourceSlice(0, 1)), DecTtl(), Output(OTHER_PORT), table=Table.STEER),
    *(
        flow(Match(ip_dst=any_ip, source=parse_prefix(source)), Output(OTHER_PORT), table=Table.STEER)
        for any_ip, sources in (
            (ANY_IPV4, ("10.44.0.0/16", "10.44.0.1/32", "128.0.0.0/1")),
            (ANY_IPV6, ("fd00:44::/32", "fd00::7/128")),
        )
        for source in sources
    ),
)

STEERED_AS = (
    f"dec_ttl,set_field:{NEXT_HOP}->eth_dst,set_field:{VIRTUAL_MAC}->eth_src,encap(mpls),"
    "set_field:70006->mpls_label,encap(mpls),set_field:3->mpls_tc,encap(ethernet),"
    "set_field:02:54:4c:00:00:02->eth_dst,set_field:02:54:4c:00:00:01->eth_src,group:3"
)
ARP_ANSWERED_AS = (
    f"move:NXM_OF_ETH_SRC[]->NXM_OF_ETH_DST[],set_field:{VIRTUAL_MAC}->eth_src,set_field:2->arp_op,"
    f"move:NXM_NX_ARP_SHA[]->NXM_NX_ARP_THA[],set_field:{VIRTUAL_MAC}->arp_sha,"
    "move:NXM_OF_ARP_TPA[]->NXM_NX_REG0[],move:NXM_OF_ARP_SPA[]->NXM_OF_ARP_TPA[],"
    "move:NXM_NX_REG0[]->NXM_OF_ARP_SPA[],IN_PORT"
)
ND_ANSWERED_AS = (
    f"move:NXM_OF_ETH_SRC[]->NXM_OF_ETH_DST[],set_field:{VIRTUAL_MAC}->eth_src,"
    "move:NXM_NX_IPV6_SRC[]->NXM_NX_IPV6_DST[],move:NXM_NX_ND_TARGET[]->NXM_NX_IPV6_SRC[],"
    f"set_field:{VIRTUAL_MAC}->nd_sll,check_pkt_larger(65535)->NXM_NX_REG0[0],set_field:136->icmpv6_type,"
    "set_field:3758096384->nd_reserved,set_field:2->nd_options_type,IN_PORT"
)
MATCHED_AS = {
    "CLASSIFIED": "priority=130,ip,in_port=13,vlan_tci=0x0000/0x1fff,dl_dst=02:54:4c:00:00:0a,nw_tos=184 "
    "actions=write_metadata:0x1000000/0xff000000,goto_table:2",
    "ROUTED": "ip,vlan_tci=0x0000/0x1fff,nw_dst=198.51.100.0/24 actions=write_metadata:0x7/0xffffff,goto_table:3",
    "STEERED": f"ipv6,metadata=0x1000007/0xffffffff,vlan_tci=0x0000/0x1fff,ipv6_src=::5/::f actions={STEERED_AS}",
    "ARP_ANSWERED": f"arp,in_port=13,vlan_tci=0x0000/0x1fff,arp_tpa=10.44.0.1,arp_op=1 actions={ARP_ANSWERED_AS}",
    "ND_ANSWERED": "icmp6,in_port=13,vlan_tci=0x0000/0x1fff,icmp_type=135,icmp_code=0,nd_target=fd00:44::1 "
    f"actions={ND_ANSWERED_AS}",
}


@pytest.fixture
def ovs():
    return PrivateOvs()


@pytest.fixture
async def driver(ovs):
    async with attached(ovs, {0x1001: DEVICE}) as here:
        yield here.driver(DEVICE)


async def test_every_kind_of_rule_reads_back_equal(driver):
    await carry_out(driver, *adding(EVERY_KIND))
    observed = await driver.read()
    assert set(observed.rules) == set(EVERY_KIND)
    assert len(observed.rules) == len(EVERY_KIND)
    assert observed.foreign == ()
    await carry_out(driver, *deleting(EVERY_KIND))
    assert (await driver.read()).rules == ()


async def test_the_switch_takes_the_rules_as_they_are_meant(ovs, driver):
    await carry_out(driver, *adding([GROUP, *FIVE]))
    flows = ovs.ofctl("dump-flows", DEVICE)
    for name, words in MATCHED_AS.items():
        assert words in flows, name


async def test_ten_thousand_prefixes_come_change_and_go(driver):
    """Of all lengths there are, each leading to one of a few groups."""
    prefixes = [f"{number >> 8}.{number & 255}.0.0/16" for number in range(0x0100, 0x0F00)]
    prefixes += [f"10.{number >> 8}.{number & 255}.0/24" for number in range(5000)]
    prefixes += [f"2001:{number:x}::/32" for number in range(0x0DB8, 0x0DB8 + 1500)]
    routes = [route(prefix, number % 50) for number, prefix in enumerate(prefixes)]
    moved = [route(prefix, number % 50 + 1) for number, prefix in enumerate(prefixes) if number % 5 == 0]
    kept = [rule for number, rule in enumerate(routes) if number % 5]
    await carry_out(driver, *adding([GROUP, *FIVE, *routes]))
    assert set((await driver.read()).rules) == {GROUP, *FIVE, *routes}
    await carry_out(driver, *(Change(before=routes[5 * position], after=rule) for position, rule in enumerate(moved)))
    assert set((await driver.read()).rules) == {GROUP, *FIVE, *kept, *moved}
    assert (await driver.counts(Table.STEER)).keys() == {key_of(STEERED)}
    await carry_out(driver, *deleting([*kept, *moved]))
    assert set((await driver.read()).rules) == {GROUP, *FIVE}


TO_ROUTED = "table=2,vlan_tci=0x0000,ip,nw_dst=198.51.100.0/24"
TAMPERING = {
    "prefix to another group": ("mod-flows", f"{TO_ROUTED},actions=write_metadata:0x8/0xffffff,goto_table:3"),
    "group noted over the class": ("mod-flows", f"{TO_ROUTED},actions=write_metadata:0x7,goto_table:3"),
    "group noted for no table": ("mod-flows", f"{TO_ROUTED},actions=write_metadata:0x7/0xffffff"),
    "prefix gone": ("del-flows", TO_ROUTED),
    "class changed": ("mod-flows", "table=0,ip,actions=write_metadata:0x2000000/0xff000000,goto_table:2"),
    "hop limit kept": ("mod-flows", f"table=3,ipv6,actions={STEERED_AS.replace('dec_ttl,', '')}"),
    "another next hop": ("mod-flows", f"table=3,ipv6,actions={STEERED_AS.replace(NEXT_HOP, VIRTUAL_MAC)}"),
    "from another address": ("mod-flows", f"table=3,ipv6,actions={STEERED_AS.replace(VIRTUAL_MAC, NEXT_HOP)}"),
    "another traffic class": ("mod-flows", f"table=3,ipv6,actions={STEERED_AS.replace('3->mpls_tc', '2->mpls_tc')}"),
    "no traffic class": ("mod-flows", f"table=3,ipv6,actions={STEERED_AS.replace('set_field:3->mpls_tc,', '')}"),
    "answers with another address": (
        "mod-flows",
        f"table=0,arp,actions={ARP_ANSWERED_AS.replace(f'{VIRTUAL_MAC}->arp_sha', f'{NEXT_HOP}->arp_sha')}",
    ),
    "answers elsewhere": ("mod-flows", f"table=0,arp,actions={ARP_ANSWERED_AS.replace('IN_PORT', 'output:14')}"),
    "advertises another address": (
        "mod-flows",
        "table=0,icmp6,icmp_type=135,actions="
        + ND_ANSWERED_AS.replace(f"{VIRTUAL_MAC}->nd_sll", f"{NEXT_HOP}->nd_sll"),
    ),
    "advertises no router": (
        "mod-flows",
        f"table=0,icmp6,icmp_type=135,actions={ND_ANSWERED_AS.replace('3758096384', '1610612736')}",
    ),
}


async def test_verify_finds_whatever_was_changed_by_hand(ovs, driver):
    for name, (command, what) in TAMPERING.items():
        await driver.stage("t", 1, adding([GROUP, *FIVE]))
        await driver.commit("t", 1)
        await driver.verify("t")
        ovs.ofctl(command, DEVICE, what)
        with pytest.raises(DeviceRefused) as refused:
            await driver.verify("t")
        assert refused.value.what.startswith("add "), name
        assert set((await driver.read()).rules) != {GROUP, *FIVE}, name
        await driver.undo("t")
        ovs.ofctl("del-flows", DEVICE)
