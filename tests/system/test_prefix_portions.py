"""A table of prefixes that takes several changes to write: a loss comes between them, and so may kill -9."""

from __future__ import annotations

import signal
from ipaddress import ip_network

import pytest
from running.kill_points import reached
from running.lines import line
from running.processes import until
from running.simulated import simulated
from running.steered import (
    FROM_A,
    FROM_Z,
    STREAMS,
    THREE_GATEWAYS,
    check_traffic,
    cycles,
    told,
    until_cycle,
)

from controller.domain.steering import ELSEWHERE
from controller.service.egress.portions import FIRST

SITES = 2  # nodes that get them
PREFIXES = FIRST // SITES * 3 // 2
LINE = line("one", "a1", "z1")


@pytest.fixture
def net(processes):
    """Switches only; ``prefixes.csv`` has a portion and a half."""
    with simulated(processes, THREE_GATEWAYS) as made:
        every_other = list(ip_network("20.0.0.0/8").subnets(new_prefix=24))[: 2 * PREFIXES : 2]
        rows = "".join(f"{prefix},japan\n" for prefix in every_other)
        (made.directory / "prefixes.csv").write_text(f"prefix,region\n{rows}")
        yield made


def start(net, **options):
    net.start("--regions", net.directory / "prefixes.csv", "--egress-every", "1s", **options)


def until_written(net):
    until(lambda: written(net) >= PREFIXES, lambda: f"{written(net)} prefixes")


def written(net):
    return sum(group != ELSEWHERE for _, group in net.saved().prefixes.routes)


def groups(net):
    return {group.number for group in net.saved().steering.groups}


def test_a_gateway_that_is_lost_meanwhile_is_left_before_the_rest_is_written(net):
    gates = net.directory / "gates"
    gates.mkdir()
    gate = gates / "commit point before"
    start(net)
    net.apply(FROM_A, FROM_Z)
    net.switches.declare_traffic(STREAMS)
    until_written(net)
    until_cycle(net, lambda one: one["ending"] == "unchanged", "nothing to do")
    net.end()
    narrowed = (net.directory / "prefixes.csv").read_text().splitlines()[:2]
    (net.directory / "prefixes.csv").write_text("\n".join(narrowed))  # so that nearly all of them go again
    gate.touch()
    start(net, kill_points={"request_id": "", "gates": str(gates)})
    until(reached(gate).exists, "the first portion to be under way")
    told(net, "drain", "gateway", "igw-n")
    gate.unlink()
    urgent = until_cycle(net, lambda one: one["urgent"] and one["gatewaysAway"], "the loss to be dealt with")
    (before,) = (one for one in cycles(net) if one["number"] == urgent["number"] - 1)
    for one in (before, urgent):
        assert any("still to be led" in reason for reason in one["reasons"])
    assert urgent["rules"] < FIRST // 4
    check_traffic(net, not_by=["igw-n"])
    until(lambda: written(net) < 10, lambda: f"{written(net)} prefixes")
    net.until_right()
    check_traffic(net, not_by=["igw-n"])


def test_killed_between_portions_and_in_the_middle_of_one_it_is_gone_on_with(net):
    start(net, kill_points={"request_id": "", "kill": ["end", "after"]})
    assert net.ended() == -signal.SIGKILL
    net.start("--egress", "off")
    net.until_right()  # switches hold what is on disk
    assert written(net) == FIRST // SITES
    assert {group for _, group in net.saved().prefixes.routes} <= {ELSEWHERE, *groups(net)}
    net.end()
    start(net, kill_points={"request_id": "", "kill": ["commit point", "before"]})
    assert net.ended() == -signal.SIGKILL
    net.start("--egress", "off")
    net.until_right()
    assert written(net) == FIRST // SITES
    net.end()
    start(net)
    until_written(net)
    net.until_right()


def test_lines_do_not_wait_for_all_prefixes(net):
    gates = net.directory / "gates"
    gates.mkdir()
    gate = gates / "end before"
    gate.touch()
    start(net, kill_points={"request_id": "", "gates": str(gates)})
    until(reached(gate).exists, "the first portion to be under way")
    gate.unlink()
    net.apply(LINE)
    until_written(net)
    net.until_right()
    net.check_frames([LINE])
