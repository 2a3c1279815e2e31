"""A switch of the lab: an Open vSwitch of its own, database and daemon, in a network namespace of its own.

One daemon per switch keeps what a hop costs low (5 hops of 5 ms measured 25.5 ms; with one daemon for 30 switches 27.5)
and lets a test crash one switch. The user-space datapath needs no kernel module. All sockets of a switch are in
``/run/openvswitch/NAME``, and so ``ovs-ofctl -O OpenFlow13 dump-flows unix:/run/openvswitch/NAME/br0.mgmt`` works from
anywhere in the lab.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from lab.errors import LabError
from lab.mininet import Switch
from lab.patience import Patience
from lab.punctual import punctually

BRIDGE = "br0"
"""Every switch has one bridge, so all may share the name."""

RUN = Path("/run/openvswitch")
_SCHEMA = Path("/usr/share/openvswitch/vswitch.ovsschema")
_LIMIT_S = 30.0
_POLL_S = 0.005

# ovs-vswitchd connects to sockets in its own run directory only ("possibility for remote exploit").
_CONTROLLER = "controller.sock"


class LabSwitch(Switch):  # type: ignore[misc]
    """Port N of the switch is interface ``ethN`` of its namespace.

    ``controller``: path of the Unix socket where an OpenFlow controller listens or will listen (namespaces do not
    matter to Unix sockets), or ``None``. Until somebody installs rules, a switch drops everything
    (``fail_mode=secure``).
    """

    controlIntf = None  # noqa: N815 - Mininet asks for it; a switch in a namespace has none

    def __init__(self, name: str, *, datapath_id: int, controller: Path | None, **params: Any) -> None:
        super().__init__(name, dpid=f"{datapath_id:x}", **{**params, "inNamespace": True})
        self.run_directory = RUN / name
        self.controller = controller
        self._daemons: list[subprocess.Popen[bytes]] = []

    @property
    def management(self) -> str:
        """Where ``ovs-ofctl`` reaches the switch."""
        return f"unix:{self.run_directory}/{BRIDGE}.mgmt"

    @property
    def running(self) -> bool:
        return bool(self._daemons) and all(daemon.poll() is None for daemon in self._daemons)

    def start(self, controllers: Sequence[Any]) -> None:
        """Does nothing: Mininet calls ``batchStartup`` afterwards."""

    @classmethod
    def batchStartup(cls, switches: Iterable[LabSwitch]) -> list[LabSwitch]:  # noqa: N802 - Mininet's name
        """Start all of them at the same time; returns when each has its bridge, its ports and its port numbers."""
        started = list(switches)
        RUN.mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory() as scratch:
            empty = Path(scratch, "empty.db")
            _run(["ovsdb-tool", "create", str(empty), str(_SCHEMA)])
            for switch in started:
                switch.run_directory.mkdir()
                shutil.copy(empty, switch.run_directory / "conf.db")
                if switch.controller is not None:
                    (switch.run_directory / _CONTROLLER).symlink_to(switch.controller)
        cls._boot(started, [switch._configuration() for switch in started])
        return started

    @classmethod
    def batchShutdown(cls, switches: Iterable[LabSwitch]) -> list[LabSwitch]:  # noqa: N802 - Mininet's name
        stopped = list(switches)
        for switch in stopped:
            switch._kill()
        for switch in stopped:
            switch.power_off()
            shutil.rmtree(switch.run_directory, ignore_errors=True)
        with suppress(OSError):  # other switches may be there, or none ever started
            RUN.rmdir()
        return stopped

    def power_off(self) -> None:
        """Kill the daemons at once. Rules are lost; the configuration stays, as on a real switch."""
        self._kill()
        for daemon in self._daemons:
            daemon.wait()
        self._daemons.clear()

    def power_on(self) -> None:
        """Start again after ``power_off``: same ports, no rules."""
        if self.running:
            raise LabError(f"switch {self.name} is running")
        # Any transaction waits until the daemon has carried out the configuration.
        self._boot([self], [["set", "Open_vSwitch", ".", f"external_ids:started={time.time_ns()}"]])

    def ofctl(self, *arguments: str) -> str:
        """Run ``ovs-ofctl COMMAND SWITCH ARGUMENTS...`` and return what it prints."""
        command, *rest = arguments
        return _run(["ovs-ofctl", "-O", "OpenFlow13", command, self.management, *rest])

    def port_numbers(self) -> dict[str, int]:
        """The OpenFlow number that each interface really got."""
        table = _run([*self._vsctl, "--bare", "--format=csv", "--columns=name,ofport", "list", "Interface"])
        rows = (line.rsplit(",", 1) for line in table.split())
        return {name: int(number) for name, number in rows if name != BRIDGE}

    @classmethod
    def _boot(cls, switches: Sequence[LabSwitch], transactions: Sequence[Sequence[str]]) -> None:
        for switch in switches:
            switch._launch("ovsdb-server", f"--remote=punix:{switch._database}", str(switch.run_directory / "conf.db"))
        for switch in switches:
            # Not before its database listens: ovs-vswitchd waits a full second before it tries again.
            switch._wait_for_database()
            switch._launch("ovs-vswitchd", f"unix:{switch._database}")
        waiting = [
            subprocess.Popen(
                [*switch._vsctl, *transaction], stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
            )
            for switch, transaction in zip(switches, transactions, strict=True)
        ]
        complaints = [vsctl.communicate()[1] for vsctl in waiting]
        for switch, vsctl, complaint in zip(switches, waiting, complaints, strict=True):
            if vsctl.returncode != 0:
                raise LabError(f"switch {switch.name} does not start: {complaint.strip() or switch._last_words()}")

    def _kill(self) -> None:
        for daemon in self._daemons:
            daemon.kill()

    @property
    def _database(self) -> str:
        return str(self.run_directory / "db.sock")

    @property
    def _vsctl(self) -> list[str]:
        return ["ovs-vsctl", f"--db=unix:{self._database}", f"--timeout={_LIMIT_S:.0f}"]

    def _configuration(self) -> list[str]:
        """One transaction for the bridge, its controller and its ports."""
        words = ["set", "Open_vSwitch", ".", "other_config:vlan-limit=2"]
        words += ["other_config:n-handler-threads=1", "other_config:n-revalidator-threads=1"]
        words += ["--", "add-br", BRIDGE, "--", "set", "Bridge", BRIDGE, "datapath_type=netdev", "fail_mode=secure"]
        words += ["protocols=OpenFlow13", f"other_config:datapath-id={self.dpid}"]
        if self.controller is not None:
            words += ["--", "set-controller", BRIDGE, f"unix:{self.run_directory / _CONTROLLER}"]
            words += ["--", "set", "Controller", BRIDGE, "max_backoff=1000", "inactivity_probe=5000"]
            words += ["connection_mode=out-of-band"]
        for interface, port in self.ports.items():
            words += ["--", "add-port", BRIDGE, interface.name]
            words += ["--", "set", "Interface", interface.name, f"ofport_request={port}"]
        return words

    def _launch(self, daemon: str, *arguments: str) -> None:
        environment = {f"OVS_{kind}": str(self.run_directory) for kind in ("RUNDIR", "LOGDIR", "DBDIR", "SYSCONFDIR")}
        control = self.run_directory / f"{daemon}.ctl"
        self._daemons.append(
            self.popen(
                [
                    *punctually(),
                    daemon,
                    *arguments,
                    "-vconsole:off",
                    "-vsyslog:off",
                    "--log-file",
                    f"--unixctl={control}",
                    "--no-chdir",
                ],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env={**os.environ, **environment},
            )
        )

    def _wait_for_database(self) -> None:
        patience = Patience(_LIMIT_S, pause_s=_POLL_S)
        while True:
            with socket.socket(socket.AF_UNIX) as probe:
                if probe.connect_ex(self._database) == 0:
                    return
            if not self.running or patience.is_over:
                raise LabError(f"switch {self.name}: its database does not start: {self._last_words()}")
            patience.pause()

    def _last_words(self) -> str:
        """The end of the log of each daemon: the best explanation there is."""
        logs = sorted(self.run_directory.glob("*.log"))
        return " / ".join(log.read_text().strip().rpartition("\n")[2] for log in logs) or "no log was written"


def _run(command: Sequence[str]) -> str:
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise LabError(f"{' '.join(command[:4])}...: {done.stderr.strip()}")
    return done.stdout
