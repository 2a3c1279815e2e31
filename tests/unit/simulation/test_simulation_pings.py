"""Gateways pinged over simulated switches on real connections: what is measured is how far regions are."""

import asyncio
import contextlib
import secrets
import time
from collections import Counter
from dataclasses import replace

import pytest
from simulated_lab import bench
from steered_pair import TOPOLOGY, rules

from controller.compiler.steering.probes import PROBE_KBPS, probes_of
from controller.compiler.steering.rules import VIRTUAL_MAC
from controller.domain.gateway_quality import Origin
from controller.domain.rules import Change
from controller.forwarding.echo import Echo, reply_frame, request_frame
from controller.service.egress.probing import PingOutcome, Probing

MS = 1_000_000
EUROPE, JAPAN = "europe", "japan"
DECLARED = {("far", EUROPE): 20, ("near", EUROPE): 10, ("near", JAPAN): 30}
ADDRESSES = {EUROPE: "203.0.113.1", JAPAN: "2001:db8:ff::1"}
NETWORK = replace(
    TOPOLOGY,
    gateways=tuple(
        replace(
            gateway,
            delays_ns=tuple((region, ms * MS) for (name, region), ms in DECLARED.items() if name == gateway.name),
            probes=tuple((region, ADDRESSES[region]) for name, region in DECLARED if name == gateway.name),
        )
        for gateway in TOPOLOGY.gateways
    ),
)
RULES = tuple(rules("near", topology=NETWORK))


def forged_answer():
    (probe,) = (one for one in probes_of(NETWORK) if (one.gateway, one.region) == ("near", EUROPE))
    asked = Echo(source=probe.source, destination=probe.destination, identifier=77, sequence=1, payload=bytes(16))
    return reply_frame(request_frame(asked, VIRTUAL_MAC, probe.next_hop))


class Pinging:
    """``readings`` are the newest of each way, ``outcomes`` how many of a kind there were."""

    def __init__(self, lab, **more):
        self.lab = lab
        self.readings = {}
        self.outcomes = Counter()
        self.standing = {gateway.name: 0 for gateway in NETWORK.gateways}
        self.changed = asyncio.Event()
        self.probing = Probing(
            probes_of(NETWORK),
            {node.name: lab.southbound.driver(node.name) for node in NETWORK.nodes},
            standing=lambda probe: self.standing[probe.gateway],
            report=self.report,
            now=time.time,
            token=lambda: secrets.token_bytes(16),
            identifier=77,
            every_s=0.03,
            counted=self.count,
            **more,
        )

    def report(self, measurements):
        assert all(one.origin is Origin.PROBES for one in measurements)
        self.readings |= {one.way: one for one in measurements}
        self.changed.set()

    def count(self, way, outcome):
        self.outcomes[way, outcome] += 1
        self.changed.set()

    async def until(self, holds):
        async with asyncio.timeout(30):
            while not holds():
                self.changed.clear()
                await self.changed.wait()

    async def until_pinged(self, way, outcome, times=3):
        seen = self.outcomes[way, outcome]
        await self.until(lambda: self.outcomes[way, outcome] >= seen + times)


async def install(lab):
    by_device = {}
    for device, rule in RULES:
        by_device.setdefault(device, []).append(Change(before=None, after=rule))
    await lab.install([{device: tuple(changes) for device, changes in by_device.items()}])


@contextlib.asynccontextmanager
async def pinging(path, *, installed=True, **more):
    told = []
    async with bench(NETWORK, path, on_frame=lambda *frame: told[0].probing.heard(*frame)) as lab:
        here = Pinging(lab, **more)
        told.append(here)
        if installed:
            await install(lab)
        task = asyncio.create_task(here.probing.run())
        try:
            yield here
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task


@pytest.fixture
def path(tmp_path):
    return str(tmp_path / "openflow.sock")


async def test_delays_of_every_way_are_measured_over_both_ip_versions(path):
    async with pinging(path) as here:
        await here.until(lambda: here.readings.keys() == DECLARED.keys())
        for way, ms in DECLARED.items():
            # Never less than what it is; more by what a busy machine adds.
            assert ms * MS * 0.9 <= here.readings[way].delay_ns <= (ms + 60) * MS
            assert here.readings[way].loss_ppm == 0
        here.lab.simulator.abroad.set_way("near", EUROPE, 80 * MS, None)
        await here.until(lambda: here.readings["near", EUROPE].delay_ns >= 0.9 * 80 * MS)
        assert here.readings["far", EUROPE].delay_ns < 80 * MS


async def test_lost_pings_are_counted_where_they_are_lost(path):
    async with pinging(path, answer_within_s=0.3) as here:
        await here.until(lambda: here.readings.keys() == DECLARED.keys())
        here.lab.simulator.abroad.set_way("far", EUROPE, None, 1.0)
        await here.until(lambda: here.readings["far", EUROPE].loss_ppm > 100_000)
        await here.until(lambda: here.readings["far", EUROPE].delay_ns is None)
        assert here.readings["near", EUROPE].loss_ppm < 100_000


async def test_nothing_is_lost_where_nobody_ever_answered(path):
    async with pinging(path, installed=False, answer_within_s=0.1) as here:
        for way in DECLARED:
            await here.until_pinged(way, PingOutcome.UNKNOWN)
        assert here.readings == {}
        assert {outcome for _, outcome in here.outcomes} == {PingOutcome.UNKNOWN}


async def test_pings_that_went_out_before_answers_could_come_in_are_not_lost(path):
    """As after each start on new switches: their rules come while pings are under way already."""
    async with pinging(path, installed=False, answer_within_s=0.5) as here:
        for way in DECLARED:
            await here.until_pinged(way, PingOutcome.UNKNOWN)
        await install(here.lab)
        before = here.outcomes.copy()
        for way in DECLARED:
            await here.until_pinged(way, PingOutcome.ANSWERED, 30)
        for way in DECLARED:
            assert here.outcomes[way, PingOutcome.UNKNOWN] > before[way, PingOutcome.UNKNOWN], "none was under way"
            assert not here.outcomes[way, PingOutcome.LOST]


async def test_what_happens_to_a_switch_is_no_loss_abroad(path):
    async with pinging(path, answer_within_s=0.3) as here:
        await here.until(lambda: here.readings.keys() == DECLARED.keys())
        here.lab.simulator.diallers["west"].stay_away()
        await here.lab.until(lambda: "west" not in here.lab.connected)
        here.standing["near"] = 1  # what a server says of a switch that has gone
        await here.until_pinged(("near", JAPAN), PingOutcome.UNKNOWN)
        assert not here.outcomes[("near", JAPAN), PingOutcome.LOST]
        here.lab.simulator.diallers["west"].come_back()
        await here.lab.until(lambda: "west" in here.lab.connected)
        await here.until_pinged(("near", JAPAN), PingOutcome.ANSWERED)


async def test_a_way_that_cannot_be_pinged_now_is_left_alone(path):
    async with pinging(path) as here:
        await here.until(lambda: here.readings.keys() == DECLARED.keys())
        here.standing["far"] = None
        del here.readings["far", EUROPE]
        await here.until_pinged(("near", EUROPE), PingOutcome.ANSWERED, 30)
        assert ("far", EUROPE) not in here.readings
        here.standing["far"] = 1
        await here.until(lambda: ("far", EUROPE) in here.readings)
        assert here.readings["far", EUROPE].loss_ppm == 0


async def test_what_was_asked_before_a_way_was_cut_off_is_not_lost_after_it(path):
    """A gateway's port goes and comes within the time that an answer may take."""
    async with pinging(path, answer_within_s=1.0) as here:
        await here.until(lambda: here.readings.keys() == DECLARED.keys())
        here.lab.simulator.abroad.set_way("far", EUROPE, None, 1.0)
        await here.until_pinged(("near", EUROPE), PingOutcome.ANSWERED, 10)
        here.standing["far"] = None
        await here.until_pinged(("near", EUROPE), PingOutcome.ANSWERED, 3)
        here.lab.simulator.abroad.set_way("far", EUROPE, None, 0.0)
        here.standing["far"] = 0
        await here.until_pinged(("far", EUROPE), PingOutcome.UNKNOWN, 5)
        await here.until_pinged(("far", EUROPE), PingOutcome.ANSWERED, 40)
        assert not here.outcomes[("far", EUROPE), PingOutcome.LOST]


async def test_forged_answers_are_not_believed_and_cost_little(path):
    """Somebody abroad who knows both addresses sends answers to pings: without our token none counts, and the switch
    passes few of them on."""
    async with pinging(path) as here:
        await here.until(lambda: here.readings.keys() == DECLARED.keys())
        west = here.lab.simulator.network.datapaths["west"]
        told, begun_s = west.counters["packet-ins"], time.monotonic()
        forged = forged_answer()
        for _ in range(5_000):
            here.lab.simulator.network.come_in("west", 21, forged)
        passed_bits = 1000 * PROBE_KBPS * (1 + time.monotonic() - begun_s)  # a burst of a second, and what has filled
        assert west.counters["packet-ins"] - told <= passed_bits / (8 * len(forged))
        await here.until_pinged(("far", EUROPE), PingOutcome.ANSWERED, 10)
        assert here.readings["near", EUROPE].delay_ns >= 0.9 * 10 * MS
