"""Where simulated OTN nodes listen, and the keys by which they and the controller know each other: a directory.

Made once, before the simulation begins, so that the controller knows where to go; read by both. The keys are good for
this directory's nodes alone, which listen on the loopback.
"""

from __future__ import annotations

import json
import os
import random
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import paramiko

from controller.southbound.netconf.endpoint import Endpoint, known_host_key

HOST: Final = "127.0.0.1"
USER: Final = "trunkline"
_PORTS: Final = range(20_000, 32_768)
"""Below those that Linux gives to whoever asks for any, so that nobody takes one between choice and use by chance."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NetconfAccess:
    """``ports`` by node."""

    directory: Path
    ports: dict[str, int]

    @property
    def host_key_file(self) -> Path:
        return self.directory / "host-key"

    @property
    def key_file(self) -> Path:
        return self.directory / "client-key"

    @property
    def known_hosts(self) -> Path:
        return self.directory / "known_hosts"

    def endpoint(self, node: str) -> Endpoint:
        """How the controller reaches a node. ``KeyError`` when it is not simulated."""
        port = self.ports[node]
        return Endpoint(
            host=HOST,
            port=port,
            username=USER,
            key_file=str(self.key_file),
            host_key=known_host_key(self.known_hosts, HOST, port),
        )


def prepare(directory: Path, nodes: Iterable[str]) -> NetconfAccess:
    """Choose a port for each node, and make the keys."""
    names = list(nodes)
    access = NetconfAccess(directory=directory, ports=dict(zip(names, _free_ports(len(names)), strict=True)))
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    keys = {file: paramiko.ECDSAKey.generate() for file in (access.host_key_file, access.key_file)}
    for file, key in keys.items():
        key.write_private_key_file(str(file))
    host_key = keys[access.host_key_file]
    known = (f"[{HOST}]:{port} {host_key.get_name()} {host_key.get_base64()}\n" for port in access.ports.values())
    access.known_hosts.write_text("".join(known), encoding="ascii")
    unfinished = directory / ".ports.json"
    unfinished.write_text(json.dumps(access.ports), encoding="utf-8")
    os.replace(unfinished, _ports_file(directory))  # last: where it is, all is
    return access


def prepared(directory: Path) -> NetconfAccess | None:
    """What ``prepare`` made there; ``None`` when nothing is."""
    try:
        ports = json.loads(_ports_file(directory).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    return NetconfAccess(directory=directory, ports=ports)


def _ports_file(directory: Path) -> Path:
    return directory / "ports.json"


def _free_ports(count: int) -> list[int]:
    found: list[int] = []
    for port in random.sample(_PORTS, len(_PORTS)):
        if len(found) == count:
            return found
        with socket.socket() as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                trial.bind((HOST, port))
            except OSError:
                continue
        found.append(port)
    raise OSError(f"the loopback has not {count} free ports in {_PORTS.start}-{_PORTS.stop - 1}")
