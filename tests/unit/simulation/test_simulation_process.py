"""The simulation as the process that it is: its switches over TCP, its control socket, its end; and `verify` on it."""

import asyncio
import contextlib
import dataclasses
import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from simulated_lab import planned

from controller.compiler.rules import line_meter
from controller.documents import load_intents, load_topology
from controller.domain.intents import Protection
from controller.domain.qos import LINE_TC
from controller.domain.rules import Change, FlowRule, GroupRule, MeterRule, Output, Table, Wrap
from controller.domain.topology import Direction, PerDirection
from controller.simulation.client import SimulationClient, SimulationError, Stream
from controller.simulation.process import SimulationProcess
from controller.southbound.openflow.southbound import OpenFlowSouthbound
from lab.measure.dataplane import MeasurementFailed
from lab.measure.expectation import ExpectedLab, ExpectedLine, ProtectRoute
from lab.measure.report import exit_code, failures
from lab.measure.simulated import SimulatedDataPlane
from lab.measure.verify import Effort, verify

ROOT = Path(__file__).parents[3]
TOPOLOGY = ROOT / "topologies" / "lab-small.yaml"
EPL, EVPL = (ROOT / "intents" / f"lab-small-{kind}.yaml" for kind in ("epl", "evpl"))
MS = 1_000_000
FRAME = bytes.fromhex("020000000002 020000000001 0800") + bytes(50)


class Controller:
    """A southbound and, in ``planner`` and ``lines``, all lines of the example documents, some of them protected."""

    def __init__(self, protected=()):
        self.topology = load_topology(TOPOLOGY)
        lines = [
            dataclasses.replace(line, protection=Protection.ONE_TO_ONE, max_delay_ns=None)
            if f"{line.tenant}/{line.name}" in protected
            else line
            for line in (located.intent for located in load_intents((EPL, EVPL)))
        ]
        self.planner, self.rounds = planned(self.topology, *lines)
        names = {node.device.datapath_id: node.name for node in self.topology.nodes}
        self.southbound = OpenFlowSouthbound(names, self._note)
        self.connected = set()
        self._changed = asyncio.Event()

    def _note(self, device, connected):
        (self.connected.add if connected else self.connected.discard)(device)
        self._changed.set()

    async def until_connected(self, wanted=True):
        async with asyncio.timeout(30):
            while self.connected != (set(self.topology.node) if wanted else set()):
                self._changed.clear()
                await self._changed.wait()

    async def install(self):
        for number, part in enumerate(self.rounds):
            for device, changes in part.items():
                await self.southbound.driver(device).stage("install", number, changes)
                await self.southbound.driver(device).commit("install", number)
        for device in self.rounds[0]:
            await self.southbound.driver(device).verify("install")

    async def change(self, device, before, after):
        driver = self.southbound.driver(device)
        await driver.stage("spoil", 0, (Change(before=before, after=after),))
        await driver.commit("spoil", 0)
        await driver.confirm("spoil")

    def rule(self, device, kind, condition):
        rules = self.planner.desired[device].values()
        return next(rule for rule in rules if isinstance(rule, kind) and condition(rule))

    def expected(self):
        return ExpectedLab(
            sites=tuple(self.topology.site),
            lines=tuple(
                ExpectedLine(
                    tenant=placed.line.tenant,
                    name=placed.line.name,
                    a=placed.line.a,
                    z=placed.line.z,
                    cir_bps=placed.line.cir_bps,
                    burst_bits=PerDirection(*(line_meter(placed.line, way, 0).burst_kbits * 1000 for way in Direction)),
                    delay_ns=placed.working.delay_ns,
                    mtu_bytes=placed.line.mtu_bytes,
                    route=placed.working.route.nodes,
                    links=placed.working.route.links,
                    protect=next(map(protect_route, placed.paths[1:]), None),
                )
                for placed in self.planner.lines.values()
            ),
        )


def protect_route(path):
    return ProtectRoute(delay_ns=path.delay_ns, route=path.route.nodes, links=path.route.links)


@contextlib.asynccontextmanager
async def controller(protected=()):
    found = Controller(protected)
    address = await found.southbound.start("tcp:127.0.0.1:0")
    try:
        yield found, address
    finally:
        await found.southbound.close()


async def measured(client, expected, seconds=1.0, *, change_over=False):
    """Run `verify` in a thread: the southbound must go on answering meanwhile."""
    effort = Effort(flood_seconds=seconds, round_trips=3)
    plane = SimulatedDataPlane(client)
    wires = plane if change_over else None
    return await asyncio.to_thread(verify, plane, expected, 1, effort, wires=wires)


async def test_lines_are_verified_and_every_fault_is_found(tmp_path):
    async with controller() as (lab, address):
        with SimulationProcess(TOPOLOGY, address, tmp_path / "control") as client:
            await lab.until_connected()
            await lab.install()
            expected = lab.expected()
            report = await measured(client, expected)
            assert list(failures(report)) == []
            assert exit_code(report) == 0
            assert report.data_plane == "simulated"
            assert len(report.lines) >= 6
            assert all(line.round_trip_ns == line.line.round_trip_ns for line in report.lines)

            async def fails(line, check):
                found = await measured(client, expected)
                assert exit_code(found) != 0
                assert any(line in failure and check in failure for failure in map(str, failures(found)))
                assert [entry for entry in found.lines if entry.passed] != []

            placed = {str(line.line.key): line for line in lab.planner.lines.values()}["PrivateLine acme/bj-gz"]
            entry = lab.rule(
                "pe-bj", FlowRule, lambda rule: Wrap(placed.service_label.a_to_z, tc=LINE_TC) in rule.actions
            )
            await lab.change("pe-bj", entry, None)
            await fails("acme/bj-gz", "frames aToZ")
            await lab.change("pe-bj", None, entry)

            meter = lab.rule("pe-bj", MeterRule, lambda rule: rule.meter_id == placed.meter_id.a_to_z)
            await lab.change("pe-bj", meter, dataclasses.replace(meter, rate_kbps=meter.rate_kbps // 4))
            await fails("acme/bj-gz", "rate aToZ")
            await lab.change("pe-bj", None, meter)

            delivery = lab.rule(
                "pe-gz",
                FlowRule,
                lambda rule: rule.table is Table.DELIVER and rule.match.mpls_label == placed.service_label.a_to_z,
            )
            astray = dataclasses.replace(delivery, actions=(*delivery.actions[:-1], Output(12)))
            await lab.change("pe-gz", delivery, astray)
            await fails("acme/bj-gz", "isolation")
            await lab.change("pe-gz", astray, delivery)

            link = lab.topology.link[placed.working.route.links[0]]
            client.set_link(link.name, delay_ns=PerDirection(link.delay_ns.a_to_z + 10 * MS, link.delay_ns.z_to_a))
            await fails("acme/bj-gz", "round trip")
            client.set_link(link.name, delay_ns=link.delay_ns)

            client.set_link(link.name, loss=0.5)
            await fails("acme/bj-gz", "frames aToZ")
            client.set_link(link.name, loss=0.0)
            client.set_link(link.name, up=False)
            await fails("acme/bj-gz", "frames zToA")
            client.set_link(link.name, up=True)
            assert list(failures(await measured(client, expected))) == []


async def test_protect_routes_are_verified_and_what_is_wrong_with_them_is_found(tmp_path):
    protected = {"acme/bj-gz", "nimbus/bj-sh"}
    async with controller(protected) as (lab, address):
        with SimulationProcess(TOPOLOGY, address, tmp_path / "control") as client:
            await lab.until_connected()
            await lab.install()
            expected = lab.expected()
            report = await measured(client, expected, 0.1, change_over=True)
            assert list(failures(report)) == []
            found = {
                str(line.line): check.measured
                for line in report.lines
                for check in line.checks
                if check.name == "change-over"
            }
            assert found == {
                str(line): f"{sum(line.protect.delay_ns) / 1e6:.2f} ms" for line in expected.lines if line.protect
            }
            assert found.keys() == protected

            # A rule of the protect trunk is missing somewhere on the way: the working route goes on.
            (placed,) = (
                one for one in lab.planner.lines.values() if (one.line.tenant, one.line.name) == ("acme", "bj-gz")
            )
            label = placed.protect_label.z_to_a
            transit = placed.paths[1].route.nodes[1]
            rule = lab.rule(transit, FlowRule, lambda one: one.match.mpls_label == label)
            await lab.change(transit, rule, None)
            assert list(failures(await measured(client, expected, 0.1))) == []
            (failure,) = failures(await measured(client, expected, 0.1, change_over=True))
            assert "acme/bj-gz: change-over" in failure
            await lab.change(transit, None, rule)

            # One head end does not know of the protect trunk.
            pair = lab.planner.pairs[placed.trunk_label.a_to_z, placed.protect_label.a_to_z]
            group = lab.rule("pe-bj", GroupRule, lambda one: one.group_id == pair.group_id)
            alone = dataclasses.replace(group, buckets=group.buckets[:1])
            await lab.change("pe-bj", group, alone)
            (failure,) = failures(await measured(client, expected, 0.1, change_over=True))
            assert "acme/bj-gz: change-over" in failure


async def test_a_killed_simulation_starts_anew_with_empty_switches(tmp_path):
    async with controller() as (lab, address):
        first = SimulationProcess(TOPOLOGY, address, tmp_path / "control")
        client = first.start()
        await lab.until_connected()
        await lab.install()
        assert client.tables("pe-bj") != []
        first.kill()
        await lab.until_connected(False)
        with pytest.raises((SimulationError, OSError)):
            client.counters()
        client.close()
        with SimulationProcess(TOPOLOGY, address, tmp_path / "control") as client:
            await lab.until_connected()
            assert client.tables("pe-bj") == []
            assert (await lab.southbound.driver("pe-bj").read()).rules == ()


async def test_switches_wait_for_a_controller_and_keep_their_rules_without_one(tmp_path):
    path = tmp_path / "openflow"
    lab = Controller()
    with SimulationProcess(TOPOLOGY, f"unix:{path}", tmp_path / "control") as client:
        await lab.southbound.start(f"unix:{path}")
        await lab.until_connected()
        await lab.install()
        rules = client.tables("pe-bj")
        await lab.southbound.close()
        site = "dc-bj-1"
        assert client.send([(site, FRAME)])[0].arrivals[0].place.site == "dc-gz-1"
        again = Controller()
        path.unlink(missing_ok=True)
        await again.southbound.start(f"unix:{path}")
        await again.until_connected()
        assert client.tables("pe-bj") == rules
        await again.southbound.close()


def test_the_control_socket_tells_what_is_wrong_and_goes_on(tmp_path):
    with SimulationProcess(TOPOLOGY, "tcp:127.0.0.1:1", tmp_path / "control") as client:
        for ask in (
            lambda: client.send([("nowhere", FRAME)]),
            lambda: client.send_at("pe-bj", -1, FRAME),
            lambda: client.send_at("nowhere", 1, FRAME),
            lambda: client.flood([("dc-bj-1", FRAME, 0)], 1000),
            lambda: client.flood([("dc-bj-1", FRAME, 1)], 0),
            lambda: client.set_link("nothing", up=False),
            lambda: client.set_link("bj-zz-1", loss=2),
            lambda: client.set_switch("pe-bj", limits={"flows": "many"}),
            lambda: client.order_fault("pe-bj", "explode"),
            lambda: client.order_fault("pe-bj", "refuse", error="NONE"),
            lambda: client.tables("nowhere"),
            lambda: client.advance(-1),
        ):
            with pytest.raises(SimulationError):
                ask()
        for line in (b"{", b"[]", b'{"do": 1}', b'{"do": "dance"}', b'{"do": "send"}', b"\xff", b"[" * 100_000):
            with socket.socket(socket.AF_UNIX) as raw, raw.makefile("rb") as answers:
                raw.settimeout(30)
                raw.connect(str(tmp_path / "control"))
                raw.sendall(line + b"\n")
                assert list(json.loads(answers.readline())) == ["error"]
        assert client.counters()["switches"]["pe-bj"] == {"connected": False, "rules": 0}
        before = client.counters()["network"]["now_ns"]
        assert client.advance(5) == before + 5


def test_a_topology_or_address_that_is_no_good_is_said(tmp_path):
    log = tmp_path / "log"
    for topology, address, said in (
        (tmp_path / "none.yaml", "tcp:127.0.0.1:1", "none.yaml"),
        (TOPOLOGY, "127.0.0.1:1", "write tcp:HOST:PORT"),
    ):
        with pytest.raises(SimulationError, match=f"(?s)status 1.*{said}"):
            SimulationProcess(topology, address, tmp_path / "control", log=log).start()


def test_a_second_simulation_does_not_take_the_socket_of_the_first(tmp_path):
    with SimulationProcess(TOPOLOGY, "tcp:127.0.0.1:1", tmp_path / "control") as client:
        arguments = ["-t", str(TOPOLOGY), "--controller", "tcp:127.0.0.1:1", "--control", f"unix:{tmp_path}/control"]
        second = subprocess.run(
            [sys.executable, "-m", "controller.simulation", *arguments], capture_output=True, text=True, timeout=60
        )
        assert second.returncode == 1
        assert "in use" in second.stderr
        assert client.tables("pe-bj") == []


def ask_until_it_is_gone(client):
    while True:
        client.tables("pe-bj")


def test_it_ends_with_whoever_started_it_even_if_that_is_killed(tmp_path):
    control = tmp_path / "control"
    program = (
        "from controller.simulation.process import SimulationProcess; import sys\n"
        f"SimulationProcess({str(TOPOLOGY)!r}, 'tcp:127.0.0.1:1', {str(control)!r}).start()\n"
        "sys.stdout.write('up\\n'); sys.stdout.flush(); sys.stdin.read()"
    )
    parent = subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    with parent, SimulationClient(control) if parent.stdout.readline() == b"up\n" else None as client:
        assert client.tables("pe-bj") == []
        os.kill(parent.pid, signal.SIGKILL)
        with pytest.raises((SimulationError, OSError)):
            ask_until_it_is_gone(client)


async def test_a_simulation_that_is_gone_measures_nothing(tmp_path):
    lab = Controller()
    process = SimulationProcess(TOPOLOGY, "tcp:127.0.0.1:1", tmp_path / "control")
    with process.start() as client:
        process.kill()
        with pytest.raises(MeasurementFailed):
            verify(SimulatedDataPlane(client), lab.expected(), 1, Effort(flood_seconds=0.1))


async def test_declared_traffic_is_carried_and_counted_as_time_goes_by(tmp_path):
    async with controller() as (lab, address):
        with SimulationProcess(TOPOLOGY, address, tmp_path / "control") as client:
            await lab.until_connected()
            await lab.install()
            streams = [
                Stream(site=site, source="10.0.0.1", destination="192.0.2.1", rate_bps=4_000_000)
                for site in ("dc-bj-1", "dc-gz-1")
            ]
            client.declare_traffic(streams)
            carried = client.traffic()
            assert [stream.fault for stream in carried] == ["", ""]
            assert [{place.site: bps for place, bps in stream.out_bps.items()} for stream in carried] == [
                {"dc-gz-1": 4_000_000},
                {"dc-bj-1": 4_000_000},
            ]
            [line] = [placed for key, placed in lab.planner.lines.items() if str(key).endswith("acme/bj-gz")]
            client.set_link(line.working.route.links[0], up=False)
            assert [stream.out_bps for stream in client.traffic()] == [{}, {}]
            for wrong in ({"source": "::1"}, {"site": "nowhere"}, {"rate_bps": 0}):
                with pytest.raises(SimulationError):
                    client.declare_traffic([dataclasses.replace(streams[0], **wrong)])
