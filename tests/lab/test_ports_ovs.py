"""Which links and gateways are down, as Open vSwitch tells by its ports."""

from __future__ import annotations

import pytest
from attached_switches import attached
from private_ovs import PrivateOvs

from controller.domain.topology import Gateway, Link, Node, PerDirection, Role, Topology
from controller.service.port_states import Outages, PortStates

pytestmark = pytest.mark.lab

TOPOLOGY = Topology(
    name="pair",
    nodes=tuple(Node(name=name, role=Role.PE) for name in ("west", "east")),
    links=(
        Link(
            name="over",
            a="west",
            z="east",
            a_port=1,
            z_port=1,
            capacity_bps=PerDirection.both(10**9),
            delay_ns=PerDirection.both(10**6),
        ),
    ),
    gateways=(Gateway(name="igw", node="east", port=21, capacity_bps=10**9),),
)
CUT = Outages(links=frozenset({"over"}))
LOST = Outages(gateways=frozenset({"igw"}))


async def test_what_is_cut_is_known_and_found_again_after_a_restart():
    ovs = PrivateOvs()
    states = PortStates(TOPOLOGY, lambda before, after: None)
    waiting = []

    def listed(device, ports):
        states.listed(device, ports)
        for here in waiting:
            here.wake()

    async with attached(ovs, {1: "west", 2: "east"}, on_ports=listed) as here:
        waiting.append(here)

        async def until(down):
            def holds():
                while here.ports:
                    device, status = here.ports.pop(0)
                    states.changed(device, status.port, status.up)
                return states.down == down and not states.silent

            await here.until(holds)

        # Neither link nor gateway is plugged in yet: what a switch has no port for is down.
        ovs.connect("west", 1, "east", 1)
        outside = ovs.add_customer_port("east", 21)
        await until(Outages())
        ovs.set_link("west-1", up=False)
        await until(CUT)
        ovs.set_link("west-1", up=True)
        await until(Outages())
        ovs.set_link(outside, up=False)
        await until(LOST)
        for name in ("west", "east"):
            states.gone(name)
        ovs.restart_switch()
        await until(LOST)
        ovs.set_link(outside, up=True)
        await until(Outages())
