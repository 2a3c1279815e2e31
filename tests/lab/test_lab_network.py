"""Topologies as running networks: switches, hosts and wires where the topology says."""

import socket
import statistics
import threading
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from lab_topologies import LINE, LONG, link, node, ring
from raw_frames import RawEnd, frame, one_way_ms
from remains import assert_nothing_remains, snapshot
from waiting import wait_until

from controller.domain.topology import Site, Topology
from lab.errors import LabError
from lab.network import Lab
from lab.tap import inside_netns

pytestmark = pytest.mark.lab


def forward_along_the_line(lab):
    """Everything from one site to the other, both ways, over the first two links."""
    for name, one, other in ((LONG, 11, 40000), ("p", 2, 65279), ("pe-z", 1, 300)):
        switch = lab.switches[name]
        switch.ofctl("add-flow", f"in_port={one},actions=output:{other}")
        switch.ofctl("add-flow", f"in_port={other},actions=output:{one}")


@pytest.fixture
def lab():
    with Lab(LINE) as lab:
        yield lab


@contextmanager
def cables(lab):
    """The cables at the first and the second site."""
    with ExitStack() as stack:
        yield [stack.enter_context(RawEnd(host.pid, host.interface)) for host in lab.hosts.values()]


@pytest.fixture
def line(lab):
    """The two ends of a network that forwards between its two sites."""
    forward_along_the_line(lab)
    with cables(lab) as ends:
        yield ends


def test_ports_and_datapaths_are_numbered_as_the_topology_says(lab):
    assert lab.switches[LONG].port_numbers() == {"eth11": 11, "eth40000": 40000}
    assert lab.switches["p"].port_numbers() == {"eth2": 2, "eth7": 7, "eth65279": 65279}
    assert lab.switches["pe-z"].port_numbers() == {"eth1": 1, "eth3": 3, "eth300": 300}
    assert "dpid:ffffffffffffffff" in lab.switches["pe-z"].ofctl("show")


@pytest.mark.parametrize("tags", ["", "8100a064", "810020648100e00a", "88a860648100000a"])
def test_frames_cross_the_network_unchanged(line, tags):
    a, z = line
    whole = frame(1, size=1514, tags=bytes.fromhex(tags))
    a.send(whole)
    assert z.receive() == whole
    z.send(whole)
    assert a.receive() == whole


@pytest.mark.lab(alone=True)
def test_the_delay_of_a_route_is_the_sum_of_its_links(line):
    a, z = line
    assert 10 <= statistics.median(one_way_ms(a, z)) <= 15
    assert 7 <= statistics.median(one_way_ms(z, a)) <= 12


def test_without_rules_nothing_passes_and_nobody_speaks_unasked(lab):
    with cables(lab) as (a, z):
        a.send(frame(1))
        assert z.receive(2) is None
        assert a.receive(0) is None
    assert all(lane.entered == 0 for lanes in lab.wires.counters().values() for lane in lanes.values())


def test_programs_at_the_sites_speak_tcp(lab):
    """Checksums and segmentation are the hosts' own work: 2 MB arrive whole, ARP included."""
    forward_along_the_line(lab)
    client, server = lab.hosts[LONG], lab.hosts["dc-z"]
    with inside_netns(server.pid):
        listener = socket.create_server((server.ip, 5001))
    with inside_netns(client.pid):
        speaker = socket.socket()
    sent = bytes(range(256)) * 8192
    heard = []

    def listen():
        connection, _ = listener.accept()
        with connection:
            while data := connection.recv(65536):
                heard.append(data)

    with listener, speaker:
        listening = threading.Thread(target=listen)
        listening.start()
        speaker.settimeout(30)
        speaker.connect((server.ip, 5001))
        speaker.sendall(sent)
        speaker.shutdown(socket.SHUT_WR)
        listening.join()
    assert b"".join(heard) == sent


def test_the_mtu_of_a_link_binds():
    narrow = Topology(
        name="narrow",
        nodes=(node("a", 1), node("z", 2)),
        links=(link("only", "a", 1, "z", 1, mtu_bytes=1500),),
        sites=(Site(name="sa", node="a", port=11), Site(name="sz", node="z", port=11)),
    )
    with Lab(narrow) as lab:
        for switch in lab.switches.values():
            switch.ofctl("add-flow", "in_port=11,actions=output:1")
            switch.ofctl("add-flow", "in_port=1,actions=output:11")
        with cables(lab) as (a, z):
            a.send(frame(0, size=1515))

            # Open vSwitch also drops what it meant to send together with a frame that is too long.
            def one_arrives():
                a.send(frame(1, size=1514))
                return z.receive(0.1)

            assert wait_until(one_arrives, "a frame of the MTU") == frame(1, size=1514)
            assert frame(0, size=1515) not in z.receive_all()


def test_switches_seek_their_controller(tmp_path):
    path = Path("/run/trunkline/openflow.sock")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        listener.settimeout(30)
        with Lab(LINE, controller=path):
            for _ in LINE.nodes:
                connection, _ = listener.accept()
                with connection:
                    version, kind, *_ = connection.recv(8)
                    assert (version, kind) == (4, 0), "not an OpenFlow 1.3 hello"


def test_a_switch_that_lost_power_has_its_ports_but_no_rules(lab, line):
    a, z = line
    switch = lab.switches["p"]
    a.send(frame(1))
    assert z.receive() == frame(1)
    switch.power_off()
    assert not switch.running
    a.send(frame(2))
    assert z.receive(0.5) is None
    switch.power_on()
    assert switch.port_numbers() == {"eth2": 2, "eth7": 7, "eth65279": 65279}
    assert "actions" not in switch.ofctl("dump-flows")
    forward_along_the_line(lab)
    a.send(frame(3))
    assert z.receive() == frame(3)
    with pytest.raises(LabError, match="switch p is running"):
        switch.power_on()


def test_a_cut_link_is_a_port_without_link(lab):
    def state(name, port):
        lines = lab.switches[name].ofctl("dump-ports-desc").splitlines()
        at = next(number for number, line in enumerate(lines) if line.strip().startswith(f"{port}("))
        return lines[at + 2].split(":")[1].strip()

    assert state("p", 65279) == "LIVE"
    lab.wires.cut("second")
    for name, port in (("p", 65279), ("pe-z", 1)):
        wait_until(lambda name=name, port=port: state(name, port) == "LINK_DOWN", "the port down")
    lab.wires.restore("second")
    wait_until(lambda: state("p", 65279) == "LIVE", "the port up")


def test_thirty_switches_start_and_stop():
    before = snapshot()
    topology = ring(30)
    with Lab(topology) as lab:
        assert all(switch.running for switch in lab.switches.values())
        for one in topology.links:
            assert lab.switches[one.a].port_numbers()[f"eth{one.a_port}"] == one.a_port
        assert set(lab.wires.names) == {one.name for one in topology.links}
        assert set(lab.hosts) == {site.name for site in topology.sites}
    after = snapshot()
    assert {name for _, name in after["processes"] - before["processes"]} == set()
    assert_nothing_remains(before)
