"""Changes and troubles in any order: whatever happens, when all is calm again nothing is between two states, and
switches, placements and ledger agree."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor

import pytest
from running.controllers import reserved
from running.lines import line
from running.processes import until
from running.simulated import simulated

from controller.wire.errors import RemoteError

NAMES = [f"l{number}" for number in range(6)]
FAULTS = ("refuse", "ignore", "hang-up", "leave")
ROUNDS, CHANGES = 4, 4
EXPECTED = {
    None,
    "DEVICE_REFUSED",
    "DEVICE_UNREACHABLE",
    "TABLE_FULL",
    "INTERRUPTED",
    "REFERENCE_NOT_FOUND",
    "UNAVAILABLE",
}
"""What may come of a change; nothing at all: it was made."""


@pytest.mark.parametrize("seed", range(3))
def test_after_any_troubles_all_is_right(processes, seed):
    dice = random.Random(seed)
    with simulated(processes) as net, ThreadPoolExecutor(CHANGES) as clients:
        net.start(limits={"answer_s": 1.0})
        for number in range(ROUNDS):
            futures = [clients.submit(act(net, dice, f"{number}-{one}")) for one in range(CHANGES)]
            trouble(net, dice)
            assert {future.result() for future in futures} <= EXPECTED
            calm(net)
            until(lambda: not in_between(net), lambda: f"all to end, {in_between(net)}")
            saved = net.until_right()
            active = net.active()
            assert {placed.line.name: placed.line for placed in saved.placed} == active
            if active:
                assert net.ledger() == reserved(net.topology, saved)
            silent = [spec for name, (_, spec) in net.states().items() if name not in active]
            net.check_frames(active.values(), silent=silent)
            assert all(state in ("ACTIVE", "FAILED") for state, _ in net.states().values())


def act(net, dice, request_id):
    """A change of one line, to be made later."""
    name = dice.choice(NAMES)
    vlan = 100 + NAMES.index(name)
    avoid = dice.choice([(), ("p-n",), ("p-s",)])
    wanted = line(name, f"a1.{vlan}", f"z1.{vlan}", mbps=dice.randint(1, 9), avoid=avoid)
    leave = dice.random() < 0.25

    def change():
        client = net.another_client()
        try:
            (client.delete if leave else client.apply)(wanted, request_id=request_id)
        except RemoteError as error:
            return error.reason
        finally:
            client.hang_up()
        return None

    return change


def trouble(net, dice):
    """Something goes wrong somewhere, or everywhere."""
    node = dice.choice(net.topology.nodes).name
    match dice.choice(["fault", "fault", "restart", "away", "frozen", "kill"]):
        case "fault":
            net.switches.order_fault(node, dice.choice(FAULTS), after=dice.randint(0, 6), count=dice.randint(1, 3))
        case "restart":
            net.switches.set_switch(node, restart=True)
        case "away":
            net.switches.set_switch(node, connected=False)
        case "frozen":
            net.switches.set_switch(node, frozen=True)
        case "kill":
            net.restart(limits={"answer_s": 1.0})


def calm(net):
    for node in net.topology.node:
        net.switches.set_switch(node, clear_faults=True, frozen=False, connected=True)


def in_between(net):
    return {name: state for name, (state, _) in net.states().items() if state in ("APPLYING", "DELETING")}
