"""A drained gateway stays so over restarts, and whoever steers traffic is told."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager

import pytest

from controller.domain.errors import InvalidInput, Reason
from controller.domain.topology import Gateway, Node, Role, Topology
from controller.service.egress.drains import Drains
from controller.store.database import StoreError
from controller.store.records import Drained
from controller.store.store import Store

TOPOLOGY = Topology(
    name="two",
    nodes=(Node(name="p-sh", role=Role.PE),),
    links=(),
    gateways=tuple(
        Gateway(name=name, node="p-sh", port=port, capacity_bps=1) for port, name in ((1, "igw-sh"), (2, "igw-gz"))
    ),
)


@asynccontextmanager
async def drains(path, topology=TOPOLOGY):
    store = Store(path / "state.db")
    made = Drains(topology, store, (await store.load()).drained, lambda: 100.0)
    told = []
    made.on_change(told.append)
    try:
        yield made, told
    finally:
        store.close()


async def test_none_is_drained_at_first(tmp_path):
    async with drains(tmp_path) as (here, _):
        assert (here.gateways, here.all, here.get("igw-sh")) == (frozenset(), (), None)


async def test_it_lasts_over_a_restart_until_it_is_undrained(tmp_path):
    async with drains(tmp_path) as (here, told):
        assert await here.drain("igw-sh", "new line card") == Drained(reason="new line card", since=100.0)
        await here.drain("igw-gz", "")
        await here.undrain("igw-gz")
        assert told == [
            "gateway igw-sh is drained",
            "gateway igw-gz is drained",
            "gateway igw-gz is not drained any more",
        ]
    async with drains(tmp_path) as (here, told):
        assert here.all == (("igw-sh", Drained(reason="new line card", since=100.0)),)
        await here.undrain("igw-sh")
        assert (here.gateways, told) == (frozenset(), ["gateway igw-sh is not drained any more"])


async def test_drained_again_it_keeps_its_time_and_whoever_steers_is_not_told(tmp_path):
    async with drains(tmp_path) as (here, told):
        await here.drain("igw-sh", "new line card")
        assert (await here.drain("igw-sh", "")).reason == "new line card"
        assert await here.drain("igw-sh", "and fibre") == Drained(reason="and fibre", since=100.0)
        await here.undrain("igw-gz")
        assert told == ["gateway igw-sh is drained"]


@pytest.mark.parametrize("verb", ["drain", "undrain"])
async def test_a_gateway_that_there_is_not_is_refused_with_the_name_that_was_meant(tmp_path, verb):
    async with drains(tmp_path) as (here, _):
        with pytest.raises(InvalidInput, match="igw-sh") as caught:
            await (here.drain("igw-shh", "") if verb == "drain" else here.undrain("igw-shh"))
        (fault,) = caught.value.faults
        assert (fault.reason, fault.field) == (Reason.REFERENCE_NOT_FOUND, "gateway")


async def test_a_gateway_that_the_topology_has_no_more_is_passed_over(tmp_path):
    async with drains(tmp_path) as (here, _):
        await here.drain("igw-sh", "")
    smaller = Topology(name="one", nodes=TOPOLOGY.nodes, links=(), gateways=TOPOLOGY.gateways[1:])
    async with drains(tmp_path, smaller) as (here, _):
        assert here.gateways == frozenset()


async def test_who_comes_last_decides_in_memory_as_on_disk(tmp_path):
    async with drains(tmp_path) as (here, _):
        await asyncio.gather(here.drain("igw-sh", "a"), here.undrain("igw-sh"), here.drain("igw-sh", "b"))
        assert here.get("igw-sh") == Drained(reason="b", since=100.0)
    async with drains(tmp_path) as (here, _):
        assert here.get("igw-sh") == Drained(reason="b", since=100.0)


class Full:
    async def set_drained(self, gateway, drained):
        raise StoreError("the disk is full")


async def test_what_cannot_be_written_is_not_done():
    here = Drains(TOPOLOGY, Full(), {}, lambda: 100.0)
    told = []
    here.on_change(told.append)
    with pytest.raises(StoreError):
        await here.drain("igw-sh", "")
    assert (here.gateways, told) == (frozenset(), [])
