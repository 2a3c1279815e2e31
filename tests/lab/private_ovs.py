"""One Open vSwitch with as many bridges as a test wants, for lab tests, which run in namespaces of their own."""

import os
import select
import signal
import subprocess
from pathlib import Path

RUN = Path("/run/rig")
SCHEMA = "/usr/share/openvswitch/vswitch.ovsschema"
LIMIT_S = 20


class PrivateOvs:
    """ovsdb-server and ovs-vswitchd with everything that they write in ``RUN``; the end of the namespace ends both."""

    def __init__(self):
        RUN.mkdir(exist_ok=True)
        self._environment = {
            **os.environ,
            **{f"OVS_{kind}": str(RUN) for kind in ("RUNDIR", "LOGDIR", "DBDIR", "SYSCONFDIR")},
        }
        self._run("ovsdb-tool", "create", f"{RUN}/conf.db", SCHEMA)
        self._run("ovsdb-server", f"{RUN}/conf.db", f"--remote=punix:{RUN}/db.sock", *_as_daemon("ovsdb-server"))
        # Two tags: the outer one is matched, the inner one must survive.
        self.vsctl("--no-wait", "set", "Open_vSwitch", ".", "other_config:vlan-limit=2")
        self._start_switch()

    def _start_switch(self):
        self._run("ovs-vswitchd", f"unix:{RUN}/db.sock", *_as_daemon("ovs-vswitchd"))

    def _switch_pid(self):
        return int((RUN / "ovs-vswitchd.pid").read_text())

    def add_bridge(self, name, datapath_id, controller=None):
        """``controller``: the name of a Unix socket in ``RUN`` (Open vSwitch connects to no other place)."""
        settings = ["datapath_type=netdev", "fail_mode=secure", "protocols=OpenFlow13"]
        settings.append(f"other_config:datapath-id={datapath_id:016x}")
        self.vsctl("add-br", name, "--", "set", "Bridge", name, *settings)
        if controller is not None:
            self.vsctl("set-controller", name, f"unix:{RUN}/{controller}")
            self.vsctl("set", "Controller", name, "max_backoff=1000", "connection_mode=out-of-band")

    def add_customer_port(self, bridge, number, mtu=1500):
        """A pair of interfaces: the switch has one end as port ``number``; returns the name of the customer's end."""
        inside, outside = f"{bridge}-{number}", f"{bridge}-{number}-c"
        self._run("ip", "link", "add", inside, "type", "veth", "peer", "name", outside)
        for end in (inside, outside):
            self._run("sysctl", "-qw", f"net.ipv6.conf.{end}.disable_ipv6=1")  # or the kernel itself sends frames
            self._run("ip", "link", "set", end, "mtu", str(mtu), "up")
            self._run("ethtool", "-K", end, "tx", "off")
        self.vsctl("add-port", bridge, inside, "--", "set", "Interface", inside, f"ofport_request={number}")
        return outside

    def connect(self, a, a_port, z, z_port, mtu=1600):
        """A link between two bridges, as wide as a core link."""
        a_end, z_end = f"{a}-{a_port}", f"{z}-{z_port}"
        self._run("ip", "link", "add", a_end, "type", "veth", "peer", "name", z_end)
        for bridge, end, number in ((a, a_end, a_port), (z, z_end, z_port)):
            self._run("sysctl", "-qw", f"net.ipv6.conf.{end}.disable_ipv6=1")
            self._run("ip", "link", "set", end, "mtu", str(mtu), "up")
            self.vsctl("add-port", bridge, end, "--", "set", "Interface", end, f"ofport_request={number}")

    def set_link(self, interface, *, up):
        self._run("ip", "link", "set", interface, "up" if up else "down")

    def pause_switch(self):
        os.kill(self._switch_pid(), signal.SIGSTOP)

    def resume_switch(self):
        os.kill(self._switch_pid(), signal.SIGCONT)

    def restart_switch(self):
        """All bridges lose their rules and connections; the configuration stays."""
        ended = os.pidfd_open(self._switch_pid())
        signal.pidfd_send_signal(ended, signal.SIGKILL)
        # As long as it is ending it has its pid file locked, and another would not start.
        assert select.select([ended], [], [], LIMIT_S)[0], "ovs-vswitchd does not end"
        os.close(ended)
        self._start_switch()

    def vsctl(self, *words):
        return self._run("ovs-vsctl", f"--db=unix:{RUN}/db.sock", f"--timeout={LIMIT_S}", *words)

    def appctl(self, *words):
        return self._run("ovs-appctl", *words)

    def ofctl(self, command, bridge, *words):
        return self._run("ovs-ofctl", "-O", "OpenFlow13", command, f"unix:{RUN}/{bridge}.mgmt", *words)

    def _run(self, *command):
        done = subprocess.run(
            command, env=self._environment, capture_output=True, text=True, check=False, timeout=LIMIT_S
        )
        assert done.returncode == 0, f"{' '.join(command)}: {done.stderr}"
        return done.stdout


def _as_daemon(name):
    return "--detach", "--no-chdir", f"--pidfile={RUN}/{name}.pid", f"--log-file={RUN}/{name}.log", "-vconsole:off"
