"""What goes wrong in the middle of a change of where internet traffic leaves: all is put back, and tried again."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
from running.full_disk import no_room
from running.lines import line
from running.processes import until
from running.simulated import simulated
from running.steered import (
    FROM_A,
    FROM_Z,
    STREAMS,
    THREE_GATEWAYS,
    all_comes_out,
    check_traffic,
    cycles,
    to_japan,
    told,
    until_cycle,
    until_steered,
    ways,
)


@pytest.fixture
def net(processes):
    """Traffic of two provinces, some of which leaves by igw-n."""
    with simulated(processes, THREE_GATEWAYS) as made:
        made.start()
        made.apply(FROM_A, FROM_Z)
        made.switches.declare_traffic(STREAMS)
        until_steered(made)
        yield made


def leaving(net):
    """The gateways by which anything of each stream leaves."""
    return [{place.gateway for place in one.out_bps} for one in net.switches.traffic()]


def until_nothing_leaves_by(net, gateway):
    until(lambda: all_comes_out(net, not_by=[gateway]), lambda: f"{leaving(net)} {cycles(net)[-3:]}")
    net.until_right()
    check_traffic(net, not_by=[gateway])


@contextmanager
def under_way(net, device):
    """A drain of igw-n, that waits for a switch in the middle."""
    net.switches.set_switch(device, frozen=True)
    try:
        told(net, "drain", "gateway", "igw-n")
        until(lambda: net.saved().unfinished, "the change to begin")
        yield
    finally:
        net.switches.set_switch(device, frozen=False)


# Devices


@pytest.mark.parametrize("kind", ["refuse", "ignore", "hang-up"])
@pytest.mark.parametrize("after", [0, 1])
def test_a_device_that_fails_puts_all_back_and_the_next_try_succeeds(net, kind, after):
    before = ways(net.saved())
    net.switches.order_fault("pe-a", kind, after=after)
    told(net, "drain", "gateway", "igw-n")
    failed = until_cycle(net, lambda one: one["ending"] == "failed", "a cycle that fails")
    assert "pe-a" in failed["reasons"][0]
    until_nothing_leaves_by(net, "igw-n")
    again = until_cycle(net, lambda one: one["number"] > failed["number"], "the next one")
    assert again["gatewaysAway"] == ["igw-n"]
    assert ways(net.saved()) != before


def test_a_device_that_leaves_in_the_middle_holds_nobody_up(net):
    net.switches.order_fault("pe-a", "leave")
    told(net, "drain", "gateway", "igw-n")
    until(lambda: "igw-n" not in leaving(net)[1], lambda: f"pe-z's traffic to leave elsewhere: {cycles(net)[-3:]}")
    check_traffic(net)  # what pe-a was told last holds
    net.switches.set_switch("pe-a", connected=True)
    until_nothing_leaves_by(net, "igw-n")


# The disk


def test_with_a_full_disk_no_change_is_begun_and_it_is_made_when_there_is_room(net):
    written = net.changes_written()
    with no_room(net):
        net.switches.plug(gateway="igw-n", plugged=False)
        failed = until_cycle(net, lambda one: one["ending"] == "failed", "a cycle that fails")
        assert failed["causes"] == ["gateway igw-n down"]
        assert net.changes_written() == written
    until_nothing_leaves_by(net, "igw-n")


def test_a_change_cut_off_by_a_full_disk_is_undone_and_made_when_there_is_room(net):
    with under_way(net, "pe-a"), no_room(net):
        net.switches.set_switch("pe-a", frozen=False)
        until_cycle(net, lambda one: one["ending"] == "failed", "a cycle that fails")
        check_traffic(net)
    until_nothing_leaves_by(net, "igw-n")


# People


def test_a_freeze_in_the_middle_of_a_change_lets_it_end_and_holds_the_next(net):
    with under_way(net, "pe-a"):
        told(net, "freeze")
    until_nothing_leaves_by(net, "igw-n")
    told(net, "drain", "gateway", "igw-m")
    held = until_cycle(net, lambda one: one["ending"] == "frozen", "a cycle that waits")
    assert held["movedBps"] > 0
    assert "igw-m" in set.union(*leaving(net))
    told(net, "freeze", "--off")
    until_nothing_leaves_by(net, "igw-m")


def test_two_clients_and_cycles_all_the_time_come_to_what_was_asked_last(processes):
    with simulated(processes, THREE_GATEWAYS) as net, ThreadPoolExecutor(3) as clients:
        net.start("--egress-every", "200ms")
        net.apply(FROM_A, FROM_Z)
        net.switches.declare_traffic(STREAMS)
        until_steered_often(net)
        over = threading.Event()
        tasks = [
            clients.submit(lines_come_and_go, net.another_client()),
            clients.submit(policies_come_and_go, net.another_client()),
        ]
        drains = clients.submit(gateways_come_and_go, net, over)
        try:
            wanted = {name for task in tasks for name in task.result()}
        finally:
            over.set()
        drains.result()
        assert set(net.active()) == net.states().keys() == wanted | {"from-a", "from-z"}
        last = cycles(net)[-1]["number"]
        until_cycle(net, lambda one: one["number"] > last + 1 and one["ending"] == "unchanged", "an end of changes")
        net.until_right()
        check_traffic(net)
        assert not [one for one in cycles(net) if one["ending"] == "failed"]


ROUNDS = 6


def until_steered_often(net):
    until_cycle(net, lambda one: "lines or policies have changed" in one["causes"], "a cycle after the policies")


def lines_come_and_go(net):
    """Lines that take the room on the way to igw-n, or give it back. Returns the names of those that stay."""
    heavy = line("heavy", "a1.100", "z1.100", mbps=9_000, avoid=["p-m", "p-s"])
    light = line("light", "a1.101", "z1.101", mbps=100)
    for _ in range(ROUNDS):
        net.apply(heavy)
        net.apply(light)
        net.delete(heavy)
    net.hang_up()
    return {"light"}


def policies_come_and_go(net):
    golden = to_japan("golden", "pe-a", "203.0.113.0/24", 2, "gold")
    for number in range(ROUNDS):
        net.apply(golden, to_japan("changing", "pe-z", "192.0.2.128/25", 1 + number % 3))
        net.delete(golden)
    net.hang_up()
    return {"changing"}


def gateways_come_and_go(net, over):
    """One for so long that a cycle sees it."""
    while not over.is_set():
        told(net, "drain", "gateway", "igw-s")
        until(
            lambda: over.is_set() or cycles(net)[-1]["gatewaysAway"], lambda: f"a cycle without it {cycles(net)[-3:]}"
        )
        told(net, "undrain", "gateway", "igw-s")
