"""Where a device is reached, as whom, and how it is known to be itself."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import paramiko


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """``host_key`` is the device's public key in base64, as in ``known_hosts``: no other is talked to."""

    host: str
    port: int
    username: str
    key_file: str
    host_key: str

    @property
    def address(self) -> str:
        return f"{self.host}:{self.port}"


def known_host_key(known_hosts: Path, host: str, port: int) -> str:
    """The key that an OpenSSH ``known_hosts`` file has for a host: Ed25519 if it has several. ``ValueError`` when it
    has none, ``OSError`` when the file cannot be read."""
    keys = paramiko.HostKeys(str(known_hosts)).lookup(f"[{host}]:{port}" if port != 22 else host)
    if not keys:
        raise ValueError(
            f"{known_hosts} has no key of [{host}]:{port}: ssh-keyscan -p {port} {host} shows what it offers"
        )
    name = "ssh-ed25519" if "ssh-ed25519" in keys else min(keys)
    return str(keys[name].get_base64())
