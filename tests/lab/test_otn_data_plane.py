"""Frames between client ports of OTN nodes: carried while cross-connects on the devices make a circuit, else not."""

import asyncio
import json
import statistics
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest
from netconf_rig import by_hand, otn_config
from raw_frames import RawEnd, frame, one_way_ms
from test_lab_wire import carrier
from waiting import wait_until

from controller.documents import load_topology
from controller.domain.otn import OduType
from controller.domain.rules import Change, ClientEnd, CrossConnect, LineEnd, Owner, cookie
from controller.domain.topology import Direction
from controller.southbound.netconf.southbound import NetconfSouthbound
from lab.acts import Acts
from lab.errors import LabError
from lab.netconf import NetconfNodes
from lab.network import Lab
from lab.otn import otn_nodes
from lab.otn_watch import OtnWatch
from lab.places import YANG

pytestmark = pytest.mark.lab(netconf=True, alone=True)

TOPOLOGY = Path(__file__).parents[2] / "topologies/lab-otn.yaml"
SLOTS = {"otn-bj-jn": (7, 8), "otn-jn-nj": (1, 80), "otn-nj-sh": (5, 6)}
"""Of a circuit from Beijing to Shanghai."""


class Optical:
    """A lab with OTN nodes, and a controller's sessions with these."""

    def __init__(self, directory):
        self.topology = load_topology(TOPOLOGY)
        self.stack = ExitStack()
        self.directory = directory

    def __enter__(self):
        self.nodes = self.stack.enter_context(NetconfNodes(otn_nodes(self.topology), self.directory))
        self.lab = self.stack.enter_context(Lab(self.topology))
        self.stack.enter_context(OtnWatch(self.nodes.devices, self.lab.optical.hold))
        self.acts = Acts(self.lab, self.nodes)
        return self

    def __exit__(self, *_):
        self.stack.close()

    def end(self, client):
        """At the PE's port of a client link; kept open until the end."""
        link = self.topology.link[client]
        return self.stack.enter_context(RawEnd(self.lab.switches[link.a].pid, f"eth{link.a_port}"))

    def carrier(self, client):
        link = self.topology.link[client]
        return carrier(self.lab.switches[link.a].pid, f"eth{link.a_port}")

    def tell(self, changes):
        """One transaction on all devices, as the controller does it."""
        asyncio.run(self._tell(changes))

    async def _tell(self, changes):
        connected = {device: asyncio.Event() for device in self.nodes.nodes}
        southbound = NetconfSouthbound(
            self.nodes.devices, YANG, lambda device, up: connected[device].set() if up else None, lambda device: None
        )
        southbound.start()
        try:
            for device, change in changes:
                await connected[device].wait()
                driver = southbound.driver(device)
                await driver.stage("txn", 1, (change,))
                await driver.commit("txn", 1)
                await driver.verify("txn")
                await driver.confirm("txn")
        finally:
            await southbound.close()

    def circuits(self):
        return [(one["nodes"], one["links"]) for one in self.acts.describe()["circuits"]]


def circuit(**other_slots):
    """The cross-connects of an ODU1 from Beijing to Shanghai, by device; all over the same tributary port."""
    jn, nj, sh = ({**SLOTS, **other_slots}[name] for name in SLOTS)
    ends = (
        ("otn-bj", ClientEnd(port=1), LineEnd(port=101, tributary_port=3, slots=SLOTS["otn-bj-jn"])),
        ("otn-jn", LineEnd(port=101, tributary_port=3, slots=jn), LineEnd(port=102, tributary_port=3, slots=nj)),
        ("otn-nj", LineEnd(port=101, tributary_port=3, slots=nj), LineEnd(port=102, tributary_port=3, slots=sh)),
        ("otn-sh", LineEnd(port=101, tributary_port=3, slots=sh), ClientEnd(port=2)),
    )
    return {
        device: CrossConnect(cookie=cookie(Owner.LINE, 1), number=1, odu=OduType.ODU1, a=a, z=z)
        for device, a, z in ends
    }


def adding(rules):
    return [(device, Change(before=None, after=rule)) for device, rule in rules.items()]


ROUTE = (
    ("otn-bj", "otn-jn", "otn-nj", "otn-sh"),
    ("client-bj-1", "otn-bj-jn", "otn-jn-nj", "otn-nj-sh", "client-sh-2"),
)


@pytest.fixture
def optical(tmp_path):
    with Optical(tmp_path) as optical:
        yield optical


def test_a_circuit_carries_frames_as_long_as_every_node_holds_its_part(optical):
    a, z = optical.end("client-bj-1"), optical.end("client-sh-2")
    assert not optical.carrier("client-bj-1")
    assert optical.circuits() == []
    optical.tell(adding(circuit()))
    wait_until(lambda: optical.circuits() == [ROUTE], "the circuit")
    assert optical.carrier("client-bj-1")
    assert optical.carrier("client-sh-2")
    assert not optical.carrier("client-bj-2")

    # 0.1 + 2.4 + 3.5 + 1.8 + 0.1 ms of fibre, 4 nodes of 20 us.
    (described,) = optical.acts.describe()["circuits"]
    assert {described[direction.value]["delay_ns"] for direction in Direction} == {7_980_000}
    assert {described[direction.value]["rate_bps"] for direction in Direction} == {10**9}
    for one, other in ((a, z), (z, a)):
        assert 7.98 <= statistics.median(one_way_ms(one, other)) <= 11
    sizes = (60, 1000, 1600)
    for number, size in enumerate(sizes):
        a.send(frame(number, size))
    assert a.receive_all(0.1) == []
    assert z.receive_all() == [frame(number, size) for number, size in enumerate(sizes)]

    # Somebody takes the connection through Nanjing away by hand: the clients at both ends lose their carrier.
    with by_hand(optical.nodes, "otn-nj") as session:
        edit(
            session,
            '<odu-connection nc:operation="delete"><connection-name>trunkline-1</connection-name></odu-connection>',
        )
    wait_until(lambda: optical.circuits() == [], "no circuit")
    assert not optical.carrier("client-bj-1")
    assert not optical.carrier("client-sh-2")
    assert z.receive_all(0.1) == []


def edit(session, inner):
    session.edit_config(target="candidate", config=otn_config(inner))
    session.commit()


def test_slots_that_differ_at_the_two_ends_of_a_link_are_no_circuit(optical):
    rules = circuit()
    wrong = CrossConnect(
        cookie=cookie(Owner.LINE, 1),
        number=1,
        odu=OduType.ODU1,
        a=LineEnd(port=101, tributary_port=3, slots=(5, 7)),
        z=ClientEnd(port=2),
    )
    optical.tell(adding({**rules, "otn-sh": wrong}))
    wait_until(lambda: optical.lab.optical.held("otn-sh"), "the cross-connect in Shanghai")
    assert optical.circuits() == []
    optical.tell([("otn-sh", Change(before=wrong, after=rules["otn-sh"]))])
    wait_until(lambda: optical.circuits() == [ROUTE], "the circuit")


def test_harm_to_links_and_nodes(optical):
    optical.tell(adding(circuit()))
    wait_until(lambda: optical.circuits() == [ROUTE], "the circuit")
    a, z = optical.end("client-bj-1"), optical.end("client-sh-2")

    # A node that is not managed goes on carrying.
    optical.acts.perform("off", {"node": "otn-jn"})
    assert not optical.acts.describe()["nodes"]["otn-jn"]["running"]
    assert one_way_ms(a, z)
    optical.acts.perform("on", {"node": "otn-jn"})
    assert optical.acts.describe()["nodes"]["otn-jn"]["running"]
    with pytest.raises(LabError, match="otn-jn is running"):
        optical.acts.perform("on", {"node": "otn-jn"})

    optical.acts.perform("cut", {"name": "otn-jn-nj"})
    assert optical.circuits() == []
    assert not optical.carrier("client-bj-1")
    optical.acts.perform("restore", {"name": "otn-jn-nj"})
    assert optical.circuits() == [ROUTE]
    assert one_way_ms(a, z)

    optical.acts.perform("delay", {"name": "otn-jn-nj", "delay_ns": 23_500_000, "direction": "zToA"})
    assert 27.98 <= statistics.median(one_way_ms(z, a)) <= 31
    assert 7.98 <= statistics.median(one_way_ms(a, z)) <= 11
    optical.acts.perform("loss", {"name": "client-sh-2", "loss": 1.0, "direction": "aToZ"})
    z.send(frame())
    assert a.receive_all(0.1) == []

    optical.acts.perform("swap", {"name": "otn-jn-nj", "other": "otn-bj-nj"})
    assert optical.circuits() == []
    optical.acts.perform("swap", {"name": "otn-jn-nj", "other": "otn-bj-nj"})
    assert optical.circuits() == [ROUTE]
    with pytest.raises(LabError, match="client links cannot be swapped"):
        optical.acts.perform("swap", {"name": "otn-jn-nj", "other": "client-bj-1"})
    with pytest.raises(LabError, match="one belongs to the optical layer"):
        optical.acts.perform("swap", {"name": "otn-jn-nj", "other": "bj-xa"})
    json.dumps(optical.acts.describe())


def test_an_unconfirmed_commit_that_is_cancelled_takes_the_circuit_back(optical):
    """The lab sees what the devices hold, not what somebody meant them to."""
    rules = circuit()
    optical.tell(adding({device: rule for device, rule in rules.items() if device != "otn-sh"}))

    async def try_and_undo():
        connected = asyncio.Event()
        southbound = NetconfSouthbound(
            {"otn-sh": optical.nodes.devices["otn-sh"]}, YANG, lambda *_: connected.set(), lambda device: None
        )
        southbound.start()
        try:
            await connected.wait()
            driver = southbound.driver("otn-sh")
            await driver.stage("txn", 1, (Change(before=None, after=rules["otn-sh"]),))
            await driver.commit("txn", 1)
            await asyncio.to_thread(wait_until, lambda: optical.circuits() == [ROUTE], "the circuit")
            await driver.undo("txn")
        finally:
            await southbound.close()

    asyncio.run(try_and_undo())
    wait_until(lambda: optical.circuits() == [], "no circuit")


def lab(*words, code=0):
    command = [sys.executable, "-m", "lab", *words]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stdout + done.stderr
    return done


def test_lab_up_starts_a_server_for_each_node_where_the_topology_says(tmp_path):
    lab("up", "-t", str(TOPOLOGY))
    nodes = json.loads(lab("status").stdout)["nodes"]
    addresses = {name: about["management"] for name, about in nodes.items() if name.startswith("otn")}
    assert addresses == {
        f"otn-{city}": f"ssh://127.0.0.1:{18310 + n}" for n, city in enumerate(("bj", "jn", "nj", "sh"))
    }
    keys = "/run/trunkline/keys"  # as seen inside
    # The session ends at once, for its input does; that it came about proves both keys.
    lab(
        *("exec", "--", "ssh", "-i", f"{keys}/id", "-p", "18312", "-o", f"UserKnownHostsFile={keys}/known_hosts"),
        *("-o", "StrictHostKeyChecking=yes", "-o", "BatchMode=yes", "-s", "127.0.0.1", "netconf"),
    )
    refused = lab("exec", "--node", "otn-bj", "--", "true", code=1)
    assert "otn-bj is an OTN node" in refused.stderr
    lab("down")
    other = tmp_path / "other.yaml"
    other.write_text(TOPOLOGY.read_text().replace("username: root", "username: trunkline"))
    assert "username trunkline cannot log in: the lab runs as root" in lab("up", "-t", str(other), code=1).stderr
