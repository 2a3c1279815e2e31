"""The driver against a real Open vSwitch: every verb, and everything that may go wrong on its way."""

import asyncio
import logging

import pytest
from attached_switches import LIMIT_S, SOCKET, CuttingRelay, adding, attached, carry_out, deleting, listening
from private_ovs import PrivateOvs

from controller.domain.errors import DeviceRefused, DeviceUnreachable, Reason
from controller.domain.rules import (
    Bucket,
    Change,
    FlowRule,
    GoTo,
    GroupKind,
    GroupRule,
    Match,
    MeterRule,
    Output,
    Owner,
    Police,
    PopTrunk,
    SetTrunk,
    SetVlan,
    Table,
    Unwrap,
    UseGroup,
    Wrap,
    cookie,
)
from controller.southbound.openflow import southbound
from controller.southbound.openflow.connection import Limits
from controller.southbound.openflow.messages import Command
from controller.southbound.openflow.template import fast_flow_mod
from controller.southbound.openflow.touched import FEW

pytestmark = pytest.mark.lab

DEVICE = "pe"
DATAPATHS = {0x1001: DEVICE}


def flow(number, match, *actions, table=Table.CLASSIFY, priority=200):
    return FlowRule(cookie=cookie(Owner.LINE, number), table=table, priority=priority, match=match, actions=actions)


METER = MeterRule(meter_id=7, rate_kbps=20_000, burst_kbits=10_000)
GROUP = GroupRule(group_id=3, kind=GroupKind.INDIRECT, buckets=(Bucket(actions=(SetTrunk(5001), Output(1))),))
OTHER_WAY = GroupRule(group_id=3, kind=GroupKind.INDIRECT, buckets=(Bucket(actions=(SetTrunk(5002), Output(2))),))
ENTRY = flow(1, Match(in_port=11, vlan=100), Police(7), SetVlan(200), Wrap(70_000, tc=5), UseGroup(3))
EXIT = flow(1, Match(mpls_label=70_001), Unwrap(), Output(11), table=Table.DELIVER)
MPLS_ENTRY = flow(
    1,
    Match(in_port=11, vlan=100, ethertype=0x8847),
    Police(7),
    SetVlan(200),
    Wrap(70_002, shim=True, tc=5),
    UseGroup(3),
)
MPLS_EXIT = flow(1, Match(mpls_label=70_003), Unwrap(shim=True), Output(11), table=Table.DELIVER)
ANOTHER = flow(2, Match(in_port=12), Police(7), Wrap(70_005), UseGroup(3))
LINE = (METER, GROUP, ENTRY, EXIT)

EVERY_KIND = (
    *LINE,
    MPLS_ENTRY,
    MPLS_EXIT,
    flow(2, Match(in_port=12), Police(7), Wrap(0xFFFFF), UseGroup(3)),
    flow(3, Match(in_port=1, mpls_label=5003), Output(2), priority=300),
    flow(3, Match(in_port=2, mpls_label=5004), PopTrunk(), GoTo(Table.DELIVER), priority=300),
    flow(4, Match(in_port=13), priority=1),
    flow(4, Match(in_port=14, vlan=4094), Output(15)),
    flow(4, Match(in_port=14, ethertype=0x8848), Output(15)),
    flow(4, Match(ethertype=0x0800), Output(15)),
    GroupRule(
        group_id=4,
        kind=GroupKind.FAST_FAILOVER,
        buckets=(
            Bucket(actions=(SetTrunk(5001), Output(1)), watch_port=1),
            Bucket(actions=(SetTrunk(5002), Output(2)), watch_port=2),
        ),
    ),
    GroupRule(
        group_id=5,
        kind=GroupKind.SELECT,
        buckets=(
            Bucket(actions=(SetTrunk(5001), Output(1)), weight=3),
            Bucket(actions=(SetTrunk(5002), Output(2)), weight=1),
        ),
    ),
)


@pytest.fixture
def ovs():
    return PrivateOvs()


@pytest.fixture
async def here(ovs):
    """A southbound with one bridge connected."""
    async with attached(ovs, DATAPATHS) as here:
        yield here


@pytest.fixture
def driver(here):
    return here.driver(DEVICE)


async def held(driver):
    return set((await driver.read()).rules)


async def test_every_kind_of_rule_reads_back_equal(driver):
    await carry_out(driver, *adding(EVERY_KIND))
    observed = await driver.read()
    assert set(observed.rules) == set(EVERY_KIND)
    assert len(observed.rules) == len(EVERY_KIND)
    assert observed.foreign == ()
    await carry_out(driver, *deleting(EVERY_KIND))
    assert await held(driver) == set()


async def test_what_open_vswitch_understands_is_what_was_meant(ovs, driver):
    """Its own words for the vendor actions, not our reading of our own bytes."""
    await carry_out(driver, *adding((*LINE, MPLS_ENTRY, MPLS_EXIT)))
    flows = ovs.ofctl("dump-flows", DEVICE)
    assert (
        "priority=200,in_port=11,dl_vlan=100 actions=meter:7,set_field:4296->vlan_vid,"
        "encap(mpls),set_field:70000->mpls_label,encap(mpls),set_field:5->mpls_tc,encap(ethernet),"
        "set_field:02:54:4c:00:00:02->eth_dst,"
        "set_field:02:54:4c:00:00:01->eth_src,group:3"
    ) in flows
    assert (
        "priority=200,mpls,in_port=11,dl_vlan=100 actions=meter:7,set_field:4296->vlan_vid,encap(nsh(md_type=2)),"
        "encap(mpls),set_field:70002->mpls_label,encap(mpls),set_field:5->mpls_tc,encap(ethernet),"
        "set_field:02:54:4c:00:00:02->eth_dst,"
        "set_field:02:54:4c:00:00:01->eth_src,group:3"
    ) in flows
    assert "mpls,mpls_label=70001 actions=decap(),decap(packet_type(ns=0,type=0)),output:11" in flows
    assert "mpls,mpls_label=70003 actions=decap(),decap(packet_type(ns=1,type=0x894f)),decap(),output:11" in flows
    assert "bucket=actions=set_field:5001->mpls_label,output:1" in ovs.ofctl("dump-groups", DEVICE)
    assert "type=drop rate=20000 burst_size=10000" in ovs.ofctl("dump-meters", DEVICE)


async def test_modify_replaces_in_place(driver):
    await carry_out(driver, *adding(LINE))
    faster = MeterRule(meter_id=7, rate_kbps=40_000, burst_kbits=20_000)
    untranslated = flow(9, ENTRY.match, Police(7), Wrap(70_000), UseGroup(3))
    await carry_out(
        driver,
        Change(before=METER, after=faster),
        Change(before=GROUP, after=OTHER_WAY),
        Change(before=ENTRY, after=untranslated),
    )
    assert await held(driver) == {faster, OTHER_WAY, untranslated, EXIT}


async def test_the_order_of_changes_does_not_matter(driver):
    await carry_out(driver, *adding(reversed(LINE)))
    assert await held(driver) == set(LINE)
    await carry_out(driver, *deleting(LINE))
    assert await held(driver) == set()


async def test_every_verb_may_be_repeated(driver):
    await driver.stage("t", 1, adding(LINE))
    for _ in range(2):
        await driver.commit("t", 1)
        await driver.verify("t")
    assert await held(driver) == set(LINE)
    for _ in range(2):
        await driver.undo("t")
        assert await held(driver) == set()
    await driver.stage("u", 1, deleting(LINE))
    for _ in range(2):
        await driver.commit("u", 1)
        await driver.verify("u")
    for _ in range(2):
        await driver.confirm("u")
    assert await held(driver) == set()


async def test_undo_takes_back_all_rounds(driver):
    await carry_out(driver, *adding(LINE))
    await driver.stage("t", 1, adding([ANOTHER]))
    await driver.stage("t", 2, (Change(before=GROUP, after=OTHER_WAY),))
    await driver.stage("t", 3, deleting([ENTRY, EXIT, METER]))
    for round_number in (1, 2, 3):
        await driver.commit("t", round_number)
    assert await held(driver) == {OTHER_WAY}  # Open vSwitch took the other user of the meter along
    await driver.undo("t")
    assert await held(driver) == set(LINE)


async def test_verify_looks_at_committed_rounds_only(driver):
    await driver.stage("t", 1, adding([METER, GROUP]))
    await driver.stage("t", 2, adding([ENTRY]))
    await driver.commit("t", 1)
    await driver.verify("t")
    await driver.commit("t", 2)
    await driver.verify("t")


TAMPERING = {
    "flow deleted": ("del-flows", "in_port=11,dl_vlan=100"),
    "label changed": (
        "mod-flows",
        "in_port=11,dl_vlan=100,actions=meter:7,set_field:4296->vlan_vid,encap(nsh(md_type=2)),encap(mpls),"
        "set_field:70009->mpls_label,encap(mpls),set_field:5->mpls_tc,encap(ethernet),set_field:02:54:4c:00:00:02->eth_dst,"
        "set_field:02:54:4c:00:00:01->eth_src,group:3",
    ),
    "something else done": ("mod-flows", "in_port=11,dl_vlan=100,actions=strip_vlan,normal"),
    "output changed": ("mod-flows", "table=1,mpls,mpls_label=70001,actions=output:12"),
    "cookie taken": (
        "add-flow",
        "table=1,priority=200,mpls,mpls_label=70001,"
        "actions=decap(),decap(packet_type(ns=1,type=0x894f)),decap(),output:11",
    ),
    "timeout added": (
        "add-flow",
        f"cookie={cookie(Owner.LINE, 1)},idle_timeout=600,table=1,priority=200,mpls,mpls_label=70001,"
        "actions=decap(),decap(packet_type(ns=1,type=0x894f)),decap(),output:11",
    ),
    "group changed": ("mod-group", "group_id=3,type=indirect,bucket=set_field:5001->mpls_label,output:9"),
    "kind of group changed": ("mod-group", "group_id=3,type=all,bucket=set_field:5001->mpls_label,output:1"),
    "group deleted": ("del-groups", "group_id=3"),
    "rate changed": ("mod-meter", "meter=7,kbps,burst,band=type=drop,rate=20001,burst_size=10000"),
    "burst changed": ("mod-meter", "meter=7,kbps,burst,band=type=drop,rate=20000,burst_size=1"),
    "unit changed": ("mod-meter", "meter=7,pktps,burst,band=type=drop,rate=20000,burst_size=10000"),
    "meter deleted": ("del-meter", "meter=7"),
}


@pytest.mark.parametrize("many", [False, True])
async def test_verify_finds_whatever_was_changed_by_hand(ovs, driver, many):
    """With few owners it asks for each, with many for all at once."""
    more = [flow(100 + number, Match(in_port=100 + number), Output(1)) for number in range(FEW if many else 0)]
    more += [MeterRule(meter_id=100 + number, rate_kbps=1, burst_kbits=1) for number in range(FEW if many else 0)]
    everything = (*LINE, *more)
    for name, (command, what) in TAMPERING.items():
        await driver.stage("t", 1, adding(everything))
        await driver.commit("t", 1)
        await driver.verify("t")
        ovs.ofctl(command, DEVICE, what)
        with pytest.raises(DeviceRefused) as refused:
            await driver.verify("t")
        assert refused.value.what.startswith("add "), name
        assert set((await driver.read()).rules) != set(everything), name
        await driver.undo("t")
        ovs.ofctl("del-flows", DEVICE)


async def test_what_is_not_ours_is_told_and_left_alone(ovs, driver):
    ovs.ofctl("add-flow", DEVICE, "cookie=0x99,priority=5,ip,nw_dst=10.0.0.0/8,actions=dec_ttl,output:7")
    ovs.ofctl("add-flow", DEVICE, "cookie=0x98,table=1,priority=200,mpls,mpls_label=70001,actions=output:7")
    ovs.ofctl("add-flow", DEVICE, f"cookie={cookie(Owner.LINE, 1)},table=9,priority=5,actions=normal")
    await carry_out(driver, *deleting(LINE))
    observed = await driver.read()
    assert observed.rules == ()
    assert sorted(rule.words for rule in observed.foreign) == [
        "flow table=0 priority=5 cookie=0x99: eth_type=2048 ipv4_dst=10.0.0.0/255.0.0.0 -> DecTtl(), Output(port=7)",
        "flow table=1 priority=200 cookie=0x98: eth_type=34887 mpls_label=70001 -> Output(port=7)",
        f"flow table=9 priority=5 cookie={cookie(Owner.LINE, 1):#x}: any frame -> output:NORMAL max_len=0",
    ]


REFUSED = {
    "group that is not there": flow(5, Match(in_port=20), UseGroup(99)),
    "meter that is not there": flow(5, Match(in_port=20), Police(99), Output(1)),
    "pop of what may be no label": flow(5, Match(in_port=20), PopTrunk(), GoTo(Table.DELIVER)),
    "VLAN written where there may be none": flow(5, Match(in_port=20), SetVlan(5), Output(1)),
    "meter without rate": MeterRule(meter_id=9, rate_kbps=0, burst_kbits=0),
    "group of two minds": GroupRule(
        group_id=9, kind=GroupKind.INDIRECT, buckets=(Bucket(actions=(Output(1),)), Bucket(actions=(Output(2),)))
    ),
}


@pytest.mark.parametrize("many", [0, 2000])
async def test_a_refused_change_is_named(driver, many):
    """Also amid thousands of others: the error bears the transaction id of the very change."""
    others = [flow(1000 + number, Match(in_port=1000 + number), Output(1)) for number in range(many)]
    for name, rule in REFUSED.items():
        await driver.stage("t", 1, adding([*others[: many // 2], rule, *others[many // 2 :], *LINE]))
        with pytest.raises(DeviceRefused) as refused:
            await driver.commit("t", 1)
        assert refused.value.reason is Reason.DEVICE_REFUSED, name
        match rule:
            case FlowRule():
                assert "port 20 -> " in refused.value.what, name
            case MeterRule() | GroupRule():
                assert " 9: " in refused.value.what, name
        await driver.undo("t")
        assert await held(driver) == set(), name


async def test_a_full_table_is_told_as_such_and_undone(ovs, driver):
    limit = 10
    ovs.vsctl(
        *("--", "--id=@full", "create", "Flow_Table", f"flow_limit={limit}", "overflow_policy=refuse"),
        *("--", "set", "Bridge", DEVICE, "flow_tables:0=@full"),
    )
    flows = [flow(number, Match(in_port=number), Output(1)) for number in range(1, limit + 3)]
    await driver.stage("t", 1, adding(flows))
    with pytest.raises(DeviceRefused) as refused:
        await driver.commit("t", 1)
    assert refused.value.reason is Reason.TABLE_FULL
    assert refused.value.what == f"add line {limit + 1}: port {limit + 1} -> port 1"
    assert len(await held(driver)) == limit
    await driver.undo("t")
    assert await held(driver) == set()


@pytest.mark.parametrize("share", [0, 0.3, 0.999])
async def test_a_connection_lost_in_mid_install_is_undone_after_the_next(ovs, share):
    flows = [flow(number, Match(in_port=number), Output(1)) for number in range(1, 2001)]
    relay = CuttingRelay("behind.sock")
    async with listening(DATAPATHS, "behind.sock") as here, relay.listening():
        ovs.add_bridge(DEVICE, *DATAPATHS, SOCKET)
        await here.until_all_are_here()
        driver = here.driver(DEVICE)
        await driver.stage("t", 1, adding(flows))
        relay.cut_after(int(share * len(flows) * len(fast_flow_mod(Command.ADD, flows[0], 1))))
        with pytest.raises(DeviceUnreachable):
            await driver.commit("t", 1)
        await here.until(lambda: not here.connected[DEVICE])
        with pytest.raises(DeviceUnreachable):
            await driver.undo("t")
        await here.until_all_are_here()
        assert len(await held(driver)) < len(flows)
        await driver.undo("t")
        assert await held(driver) == set()


async def test_a_switch_that_restarts_comes_back_empty_and_takes_everything_again(ovs, here, driver):
    await carry_out(driver, *adding(EVERY_KIND))
    ovs.restart_switch()
    await here.until(lambda: not here.connected[DEVICE])
    await here.until_all_are_here()
    assert await held(driver) == set()
    await carry_out(driver, *adding(EVERY_KIND))
    assert await held(driver) == set(EVERY_KIND)


async def test_a_controller_that_restarts_in_mid_transaction_ends_it_either_way(ovs):
    """The next one knows the rounds, not how far they had come."""
    rounds = {1: (Change(before=GROUP, after=OTHER_WAY), *adding([ANOTHER])), 2: deleting([EXIT])}
    cases = [(committed, ending) for committed in range(3) for ending in ("commit", "undo")]
    datapaths = {number: f"pe{number}" for number in range(1, len(cases) + 1)}
    async with attached(ovs, datapaths) as first:
        for device, (committed, _) in zip(datapaths.values(), cases, strict=True):
            driver = first.driver(device)
            await carry_out(driver, *adding(LINE))
            for number, changes in rounds.items():
                await driver.stage("t", number, changes)
                if number <= committed:
                    await driver.commit("t", number)
    async with listening(datapaths) as second:
        await second.until_all_are_here()
        for device, (committed, ending) in zip(datapaths.values(), cases, strict=True):
            driver = second.driver(device)
            for number, changes in rounds.items():
                await driver.stage("t", number, changes)
            if ending == "undo":
                await driver.undo("t")
                assert await held(driver) == set(LINE), committed
            else:
                for number in rounds:
                    await driver.commit("t", number)
                await driver.verify("t")
                assert await held(driver) == {METER, OTHER_WAY, ENTRY, ANOTHER}, committed


async def test_after_a_restart_verify_asks_for_all_that_is_staged(ovs):
    async with attached(ovs, DATAPATHS) as first:
        await first.driver(DEVICE).stage("t", 1, adding(LINE[:3]))
        await first.driver(DEVICE).commit("t", 1)
    async with listening(DATAPATHS) as second:
        await second.until_all_are_here()
        driver = second.driver(DEVICE)
        await driver.stage("t", 1, adding(LINE[:3]))
        await driver.verify("t")
        await driver.stage("t", 2, adding(LINE[3:]))
        with pytest.raises(DeviceRefused, match="nothing there"):
            await driver.verify("t")


async def test_a_rule_that_somebody_put_in_is_replaced_and_not_put_back(ovs, driver):
    """What no action of ours says cannot be sent: an undone repair leaves the repaired rule."""
    ovs.ofctl("add-flow", DEVICE, f"cookie={EXIT.cookie},table=1,priority=200,mpls,mpls_label=70001,actions=normal")
    [odd] = (await driver.read()).rules
    assert odd != EXIT
    await driver.stage("t", 1, (Change(before=odd, after=EXIT),))
    await driver.commit("t", 1)
    await driver.verify("t")
    await driver.undo("t")
    assert await held(driver) == {EXIT}


class Refusals(logging.Handler):
    """Hears which connections are refused, and why."""

    def __init__(self):
        super().__init__()
        self.texts = asyncio.Queue()

    def emit(self, record):
        self.texts.put_nowait(record.getMessage())


async def test_a_later_controller_takes_over_and_an_earlier_one_is_turned_away(ovs):
    refusals = Refusals()
    logging.getLogger(southbound.__name__).addHandler(refusals)
    async with attached(ovs, DATAPATHS, generation_id=1000):
        pass
    async with listening(DATAPATHS, generation_id=1001) as later:
        await later.until_all_are_here()
    assert refusals.texts.empty()
    async with listening(DATAPATHS, generation_id=999) as earlier, asyncio.timeout(LIMIT_S):
        assert "pe does not take us as its master: ROLE_REQUEST_FAILED STALE" in await refusals.texts.get()
        assert not earlier.connected[DEVICE]


async def test_port_events_are_told(ovs, here):
    ovs.add_customer_port(DEVICE, 11)
    await here.until(lambda: any(status.port == 11 and status.up for _, status in here.ports))
    ovs.set_link("pe-11", up=False)
    await here.until(lambda: here.ports[-1][1].port == 11 and not here.ports[-1][1].up)
    device, status = here.ports[-1]
    assert (device, status.name) == (DEVICE, "pe-11")


async def test_a_silent_switch_is_noticed(ovs):
    """A switch that is stopped answers no echo: the connection ends, and it comes back when the switch goes on."""
    limits = Limits(echo_every_s=0.1, silence_s=0.5, answer_s=0.5)
    async with attached(ovs, DATAPATHS, limits=limits) as here:
        ovs.pause_switch()
        await here.until(lambda: not here.connected[DEVICE])
        with pytest.raises(DeviceUnreachable):
            await here.driver(DEVICE).read()
        ovs.resume_switch()
        await here.until_all_are_here()
        assert await held(here.driver(DEVICE)) == set()
