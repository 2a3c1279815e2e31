"""Two layers under one controller: real Open vSwitches and real NETCONF servers; for lab tests, in namespaces.

What an OTN node holds is read over a NETCONF session of the test's own, and understood without any code of the
controller. NETCONF servers forward no frames, so light is a wire here: client port k of one end is joined
to client port k of the other.
"""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

from otn_config import cross_connects, in_config
from plain_session import PlainSession, Refused

from lab.otn import OtnNode
from lab.places import YANG
from running.controllers import reserved
from running.lines import line
from running.on_ovs import OvsRing

TWO_LAYERS = Path(__file__).parent / "two_layers.yaml"
CLIENT_PORTS = (1, 2, 3, 4)
LINE_PORT = 101
OTN_NODES = ("o-a", "o-z")


def otn_nodes(number):
    """The nodes of one such network, to be run by ``NetconfNodes`` together with those of others."""
    return [
        OtnNode(name=_node(number, name), client_ports=CLIENT_PORTS, line_ports={LINE_PORT: 80}) for name in OTN_NODES
    ]


def _node(number, name):
    return f"n{number}-{name}"


def with_endpoints(text, nodes, names):
    """The topology's text with the ports that the servers of the nodes have here, and the files for them."""
    for port, name in zip((18310, 18311), OTN_NODES, strict=True):
        text = text.replace(f"port: {port}", f"port: {nodes.endpoint(names[name]).port}")
    return text.replace("keyFile: client-key", f"keyFile: {nodes.key_file}, knownHosts: {nodes.known_hosts}")


class TwoLayers(OvsRing):
    """``sessions``: by OTN node, a session that is not the controller's."""

    TEMPLATE = TWO_LAYERS

    def __init__(self, processes, ovs, number, nodes):
        self.number = number
        self.nodes = nodes
        self._open = ExitStack()
        self.sessions = {}
        for name in OTN_NODES:
            self.open_session(name)
        super().__init__(processes, ovs, number)

    def open_session(self, name):
        """Have a session with a node that is running (again)."""
        self.sessions[name] = self._open.enter_context(PlainSession(self.nodes.endpoint(self.node(name))))

    def node(self, name):
        """What an OTN node of the topology is called in ``nodes``."""
        return _node(self.number, name)

    def close(self):
        super().close()
        self._open.close()

    def topology_text(self):
        return with_endpoints(super().topology_text(), self.nodes, {name: self.node(name) for name in OTN_NODES})

    def wire(self):
        super().wire()
        for port in CLIENT_PORTS:
            self.ovs.connect(self.bridge["pe-a"], 30 + port, self.bridge["pe-z"], 30 + port)

    def launch(self, *more, **options):
        super().launch("--yang", YANG, *more, **options)

    def until_all_take_part(self):
        probes = self.probes()
        self.apply(*probes)
        self.delete(*probes)

    def probes(self):
        return (line("probe", "a1.4001", "z1.4001"), line("probe-light", "a1.4002", "z1.4002", mbps=1, layer="otn"))

    # What is true

    def switches_hold(self, planner):
        return self.otn_holds(planner) and super().switches_hold(planner)

    def otn_holds(self, planner):
        """Whether each OTN node's running configuration has the cross-connects that it should and nothing more, and
        none of its servers is in the middle of something."""
        return all(
            cross_connects(self.running(name)) == in_config(planner.desired[name].values()) and self.at_rest(name)
            for name in OTN_NODES
        )

    def running(self, name):
        """The configuration of an OTN node, as text."""
        return self.sessions[name].config("running")

    def at_rest(self, name):
        """No lock, no pending confirmed commit (netconfd refuses a lock then, too), nothing left in the candidate."""
        session = self.sessions[name]
        try:
            session.lock()
        except Refused:
            return False
        try:
            return session.config("candidate") == session.config("running")
        finally:
            session.unlock()

    def ledger(self):
        """bps by (link, direction), and slots by link in the optical layer."""
        links = self.plan(*self.active().values()).links if self.active() else ()
        held = {(use.link, use.direction): use.reserved_bps for use in links if use.reserved_bps}
        return held | {use.link: use.slots_used for use in links if use.slots_used}

    def reserved(self, saved):
        slots = {}
        for placed in saved.placed:
            for circuit in placed.circuits:
                for use in circuit.slots:
                    slots[use.link] = slots.get(use.link, 0) + len(use.slots)
        return reserved(self.topology, saved) | slots
