"""NETCONF servers (netconfd of yuma123), one per OTN node, behind SSH servers of our own on the loopback.

Keys are made at the start, everything lies in one directory (but for the keys that a topology has elsewhere), and every
process dies with this one, however it ends. The one thing left on the machine is netconfd's own count of transactions:
it writes that to ~/.yuma of whoever runs it, whatever ``HOME`` says. An sshd listens at no
more than 16 addresses, so larger labs have several.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

from lxml import etree

from controller.domain.topology import NetconfDevice
from controller.southbound.netconf.endpoint import Endpoint
from controller.southbound.netconf.southbound import ManagedDevice
from lab import requirements
from lab.errors import LabError
from lab.init import SBIN
from lab.otn import OtnNode
from lab.parent import ending_with_parent
from lab.patience import Patience
from lab.places import YANG

YUMA_MODULES = Path("/usr/share/yuma/modules")
_SUBSYSTEM = "/usr/sbin/netconf-subsystem"
_PORTS_PER_SSHD = 16
_START_S = 20.0
_WRITING_S = 2.0
_HOST = "127.0.0.1"


class NetconfNodes:
    """A context manager: inside it, the nodes run. ``directory`` must exist, and is theirs alone.

    A node whose ``device`` is given is reached there, with keys in the files named there (relative to ``beside``, where
    the topology's file is); others have a free port, ``key_file`` and ``known_hosts``.
    """

    def __init__(self, nodes: Sequence[OtnNode], directory: Path, *, beside: Path | None = None) -> None:
        self.nodes = {node.name: node for node in nodes}
        self.directory = directory
        self.key_file = directory / "client-key"
        self.known_hosts = directory / "known_hosts"
        self._beside = directory if beside is None else beside
        self._host_key = ""
        self._devices: dict[str, NetconfDevice] = {}
        self._servers: dict[str, subprocess.Popen[bytes]] = {}
        self._sshds: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> NetconfNodes:
        requirements.check_netconf()
        try:
            self._settle()
            self._make_keys()
            for name, node in self.nodes.items():
                (self.directory / name).mkdir()
                (self.directory / name / "startup.xml").write_text(node.startup(), encoding="utf-8")
                self.start(name)
            names = list(self.nodes)
            for first in range(0, len(names), _PORTS_PER_SSHD):
                self._start_sshd(first, names[first : first + _PORTS_PER_SSHD])
            self._wait_until_all_answer()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        processes = [*self._sshds, *self._servers.values()]
        for process in processes:
            process.kill()
        for process in processes:
            process.wait()

    @property
    def devices(self) -> dict[str, ManagedDevice]:
        """The nodes as the controller is to see them."""
        return {
            name: ManagedDevice(endpoint=self.endpoint(name), profile=node.profile) for name, node in self.nodes.items()
        }

    def endpoint(self, name: str) -> Endpoint:
        device = self._devices[name]
        return Endpoint(
            host=device.host,
            port=device.port,
            username=device.username,
            key_file=str(self._beside / device.key_file),
            host_key=self._host_key,
        )

    def start(self, name: str, *, target: str = "candidate") -> None:
        """Start the server of a node; it goes on from the configuration it had. ``target``: ``running`` for one without
        a candidate."""
        directory = self.directory / name
        socket_file = directory / "ncx.sock"
        socket_file.unlink(missing_ok=True)  # left behind by one that was killed
        self._servers[name] = _spawn(
            [
                "netconfd",
                f"--target={target}",
                f"--superuser={_user()}",
                "--access-control=off",
                f"--port={self._devices[name].port}",
                f"--ncxserver-sockname={socket_file}",
                f"--modpath={YUMA_MODULES}:{YANG}",
                f"--startup={directory / 'startup.xml'}",
                "--max-burst=0",
                "--idle-timeout=0",
                *(f"--module={module}" for module in self.nodes[name].modules),
            ],
            cwd=directory,
        )

    @property
    def running(self) -> bool:
        """Whether any process of theirs still is."""
        return any(process.poll() is None for process in (*self._sshds, *self._servers.values()))

    def serving(self, name: str) -> bool:
        """Whether the server of a node runs."""
        return self._servers[name].poll() is None

    def kill(self, name: str) -> None:
        """Kill the server of a node as a power cut would; but never while it writes its configuration down, which
        devices do in one piece and it does not: it would not start again."""
        server, startup = self._servers[name], self.directory / name / "startup.xml"
        patience = Patience(_WRITING_S, pause_s=0.001)
        while True:
            _stop(server)
            if _is_whole(startup) or patience.is_over:
                break
            server.send_signal(signal.SIGCONT)
            patience.pause()
        server.kill()
        server.wait()

    def pause(self, name: str) -> None:
        """Have it hang: it keeps its connections and answers nothing."""
        self._servers[name].send_signal(signal.SIGSTOP)

    def resume(self, name: str) -> None:
        self._servers[name].send_signal(signal.SIGCONT)

    def wait_until_answering(self, name: str) -> None:
        """``LabError`` when it does not come up, with the end of its log."""
        patience = Patience(_START_S, pause_s=0.005)
        while not self._answers(name):
            status = self._servers[name].poll()
            if status is not None or patience.is_over:
                what = f"does not answer within {_START_S:.0f} s" if status is None else f"ended with status {status}"
                raise LabError(f"netconfd of {name} {what}:\n{_tail(self.directory / name / 'log')}")
            patience.pause()

    def _settle(self) -> None:
        """Find a place for those that have none."""
        ports = iter(_free_ports(len(self.nodes)))
        self._devices = {
            name: NetconfDevice(
                host=_HOST,
                port=next(ports),
                username=_user(),
                key_file=str(self.key_file.absolute()),
                known_hosts=str(self.known_hosts.absolute()),
                profile=node.profile,
            )
            if node.device is None
            else node.device
            for name, node in self.nodes.items()
        }

    def _make_keys(self) -> None:
        """One key for all devices; ours, one in each file that is named, and the devices know all of these."""
        host_key_file = self.directory / "host-key"
        ours = dict.fromkeys(self._beside / device.key_file for device in self._devices.values())
        for file in (host_key_file, *ours):
            file.parent.mkdir(parents=True, exist_ok=True)
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "lab", "-f", file], check=True)
        self._host_key = _public(host_key_file).split()[1]
        authorized = self.directory / "authorized_keys"
        authorized.write_text("".join(map(_public, ours)), encoding="ascii")

    def _start_sshd(self, number: int, names: Sequence[str]) -> None:
        config = self.directory / f"sshd-{number}.conf"
        sockets = (f"{self._devices[name].port}@{self.directory / name / 'ncx.sock'}" for name in names)
        subsystem = " ".join((_SUBSYSTEM, *(f"--ncxserver-sockname={place}" for place in sockets)))
        config.write_text(
            "\n".join(
                (
                    *(f"ListenAddress {self.endpoint(name).address}" for name in names),
                    f"HostKey {self.directory / 'host-key'}",
                    f"AuthorizedKeysFile {self.directory / 'authorized_keys'}",
                    "PasswordAuthentication no",
                    f"UsePAM {'yes' if _password_is_locked() else 'no'}",
                    "StrictModes no",  # the directory may be below one that all may write to
                    "PidFile none",
                    "MaxStartups 1000",
                    "SetEnv SHLVL=9",  # netconf-subsystem wants one
                    f"Subsystem netconf {subsystem}",
                    "",
                )
            ),
            encoding="utf-8",
        )
        if os.geteuid() == 0:
            Path("/run/sshd").mkdir(exist_ok=True)  # sshd as root insists on its place to drop privileges in
        self._sshds.append(_spawn([str(_found("sshd")), "-D", "-e", "-f", str(config)], cwd=self.directory))

    def _wait_until_all_answer(self) -> None:
        for name, device in self._devices.items():
            self.wait_until_answering(name)
            known_hosts = self._beside / device.known_hosts
            known_hosts.parent.mkdir(parents=True, exist_ok=True)
            with known_hosts.open("a", encoding="ascii") as file:
                file.write(f"[{device.host}]:{device.port} ssh-ed25519 {self._host_key}\n")

    def _answers(self, name: str) -> bool:
        """Whether the netconfd of a node and the sshd before it listen. The SSH server says first who it is."""
        device = self._devices[name]
        with socket.socket(socket.AF_UNIX) as server:
            if server.connect_ex(str(self.directory / name / "ncx.sock")) != 0:
                return False
        try:
            with socket.create_connection((device.host, device.port), timeout=1) as connection:
                return connection.recv(4) == b"SSH-"
        except OSError:
            return False


def _stop(process: subprocess.Popen[bytes]) -> None:
    """Have it stand still; the signal alone only says that it is to."""
    process.send_signal(signal.SIGSTOP)
    state = Path(f"/proc/{process.pid}/stat")
    while process.poll() is None and state.read_text(encoding="ascii").rpartition(")")[2].split()[0] != "T":
        time.sleep(0.0005)


def _is_whole(file: Path) -> bool:
    try:
        etree.parse(file)
    except (etree.XMLSyntaxError, OSError):
        return False
    return True


def _spawn(command: list[str], cwd: Path) -> subprocess.Popen[bytes]:
    """With a home of its own: netconfd looks there for the count of transactions that it is to go on from, and does not
    start when that is one that others are just writing."""
    with (cwd / "log").open("ab") as log:
        return subprocess.Popen(
            ending_with_parent(command, "KILL"),
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env={**os.environ, "HOME": str(cwd), "PATH": f"{os.environ.get('PATH', os.defpath)}:{SBIN}"},
        )


def _free_ports(count: int) -> list[int]:
    """All taken at once, so that they are different."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            one.bind((_HOST, 0))
        return [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()


def _password_is_locked() -> bool:
    """Whether our account has a locked password, as root has on many machines: without PAM, sshd lets nobody in to such
    an account, not even by key; with PAM, it takes longer."""
    try:
        lines = Path("/etc/shadow").read_text(encoding="utf-8").splitlines()
    except OSError:
        return False
    return any(line.startswith(f"{_user()}:!") for line in lines)


def _public(key_file: Path) -> str:
    return key_file.with_name(f"{key_file.name}.pub").read_text(encoding="ascii")


def _found(program: str) -> str | None:
    return shutil.which(program, path=f"{os.environ.get('PATH', os.defpath)}:{SBIN}")


def _user() -> str:
    return pwd.getpwuid(os.geteuid()).pw_name


def _tail(file: Path) -> str:
    return "\n".join(file.read_text(encoding="utf-8", errors="replace").splitlines()[-10:]) if file.exists() else ""
