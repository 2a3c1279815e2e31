"""What is away: what ports say, what is drained, and what was down when nobody can tell any more."""

from __future__ import annotations

import pytest
from steering_in_memory import TOPOLOGY

from controller.service.devices import Devices
from controller.service.egress.away import Away, outage_words
from controller.service.egress.drains import Drains
from controller.service.port_states import Outages, PortStates


class Device:
    connected = True


class MemoryStore:
    async def set_drained(self, gateway, drained):
        pass


class Here:
    def __init__(self, telling=None):
        self.changes = []
        self.ports = PortStates(TOPOLOGY, lambda before, after: self.changes.append(outage_words(before, after)))
        self.drains = Drains(TOPOLOGY, MemoryStore(), {}, lambda: 0.0)
        self.devices = Devices({node.name: Device() for node in TOPOLOGY.nodes})
        self.away = Away(TOPOLOGY, self.ports, self.drains, self.devices)
        for name in [node.name for node in TOPOLOGY.nodes] if telling is None else telling:
            self.come(name)

    def come(self, device, down=()):
        self.devices.put_right(device, self.devices.incidents(device))
        self.ports.listed(device, {port: port not in down for port in (0, 1, 10, 11)})


@pytest.fixture
def here():
    return Here()


def test_nothing_is_away_when_all_ports_are_up_and_all_devices_in_step(here):
    assert here.away.now() == type(here.away.now())()


async def test_a_gateway_is_away_when_it_is_down_or_drained(here):
    here.ports.changed("p-gw", 10, False)
    assert here.away.now().gateways == {"igw-gz"}
    await here.drains.drain("igw-sh", "")
    assert here.away.now().gateways == {"igw-gz", "igw-sh"}
    here.ports.changed("p-gw", 10, True)
    await here.drains.undrain("igw-sh")
    assert here.away.now().gateways == frozenset()
    assert here.changes == ["gateway igw-gz down", "gateway igw-gz not down any more"]


async def test_a_drained_gateway_is_down_only_if_its_port_is(here):
    await here.drains.drain("igw-gz", "")
    assert here.away.down() == Outages()
    here.ports.changed("p-gw", 10, False)
    assert here.away.down() == Outages(gateways=frozenset({"igw-gz"}))


def test_what_is_down_stays_so_while_its_device_is_gone(here):
    here.ports.changed("p-gw", 10, False)
    here.ports.changed("p-gw", 0, False)
    assert here.changes[-1] == "link pe-bj-gw down"
    here.away.now()
    here.devices.suspect("p-gw")
    here.ports.gone("p-gw")
    losses = here.away.now()
    assert (losses.gateways, losses.links, losses.unreachable) == ({"igw-gz"}, {"pe-bj-gw"}, {"p-gw"})
    here.come("p-gw", down=[10])
    assert here.away.now().gateways == {"igw-gz"}
    assert here.away.now().links == frozenset()


def test_a_link_to_a_node_that_never_tells_of_ports_comes_back_by_the_word_of_the_other_end():
    here = Here(telling=["p-gw"])
    here.ports.changed("p-gw", 0, False)
    assert here.away.now().links == {"pe-bj-gw"}
    here.ports.changed("p-gw", 0, True)
    assert here.away.now().links == frozenset()


def test_a_device_that_is_not_in_step_takes_nothing_down(here):
    here.devices.suspect("pe-bj")
    losses = here.away.now()
    assert (losses.unreachable, losses.links, losses.gateways) == ({"pe-bj"}, frozenset(), frozenset())


def test_only_links_and_gateways_are_told_of():
    assert outage_words(Outages(), Outages(sites=frozenset(["dc-1"]))) == ""
    both = Outages(links=frozenset(["b", "a"]), gateways=frozenset(["x"]))
    assert outage_words(Outages(), both) == "gateway x down; link a, b down"


def test_a_device_that_came_settles_until_it_is_put_right_or_cannot_be(here):
    here.devices.suspect("p-gw")
    assert here.away.now().settling == here.away.now().unreachable == {"p-gw"}
    here.devices.failed("p-gw", "table full")
    assert not here.away.now().settling
    here.devices.suspect("p-gw")  # the next change that goes on without it
    assert not here.away.now().settling
    here.devices.drivers["p-gw"].connected = False
    here.devices.suspect("p-gw")
    here.devices.failed("p-gw", "the connection was lost")
    assert (here.away.now().settling, here.away.now().unreachable) == (frozenset(), {"p-gw"})
    here.devices.drivers["p-gw"].connected = True
    here.devices.suspect("p-gw")
    assert here.away.now().settling == {"p-gw"}
    here.come("p-gw")
    assert here.away.now() == type(here.away.now())()
