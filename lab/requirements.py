"""Can this machine run a lab? Each answer is one line that says what to do."""

from __future__ import annotations

import importlib.util
import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from controller.domain.topology import Role, Topology
from lab.errors import LabUnavailable
from lab.init import SBIN

_PROGRAMS = {
    "chrt": "util-linux",
    "unshare": "util-linux",
    "nsenter": "util-linux",
    "ip": "iproute2",
    "mnexec": "mininet",
    "ifconfig": "net-tools",
    "ethtool": "ethtool",
    "ovsdb-tool": "openvswitch-common",
    "ovsdb-server": "openvswitch-switch",
    "ovs-vswitchd": "openvswitch-switch",
    "ovs-vsctl": "openvswitch-switch",
}
"""What a lab runs, with the Debian package that has it."""

_NETCONF_PROGRAMS = {
    "netconfd": "netconfd",
    "netconf-subsystem": "netconfd",
    "sshd": "openssh-server",
    "ssh-keygen": "openssh-client",
}
"""The same for OTN nodes; these need neither root nor the rest."""


def check(topology: Topology | None = None) -> None:
    """Return when a lab, and a lab of this topology, can run here; raise ``LabUnavailable`` otherwise."""
    if os.geteuid() != 0:
        raise LabUnavailable("a lab needs root for its network namespaces: run the command with sudo")
    _check_programs(_PROGRAMS)
    if importlib.util.find_spec("mininet") is None:
        raise LabUnavailable("the Python package mininet cannot be imported: apt-get install mininet, then make setup")
    if not Path("/dev/net/tun").exists():
        raise LabUnavailable("/dev/net/tun does not exist: modprobe tun, or give the container that device")
    if topology is not None and any(node.role is Role.OTN for node in topology.nodes):
        check_netconf()


def check_netconf() -> None:
    """Return when OTN nodes can run here; raise ``LabUnavailable`` otherwise."""
    _check_programs(_NETCONF_PROGRAMS)


def _check_programs(programs: Mapping[str, str]) -> None:
    search = f"{os.environ.get('PATH', os.defpath)}:{SBIN}"
    for program, package in programs.items():
        if shutil.which(program, path=search) is None:
            raise LabUnavailable(f"{program} is not installed: apt-get install {package}")
