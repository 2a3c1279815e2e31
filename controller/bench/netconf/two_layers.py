"""What one line is ordered on: two packet PEs and four OTN nodes in a chain between them."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path

from controller.domain.intents import Attachment, LayerChoice, PrivateLine
from controller.domain.topology import PerDirection
from controller.southbound.netconf.southbound import ManagedDevice

PES = {"pe-a": 1, "pe-z": 2}
"""The PEs with their datapath ids."""
OTN_NODES = 4
UNI_PORT, CLIENT_PORT, PE_PORT = 11, 1, 31
WEST, EAST = 101, 102
"""The line ports of an OTN node."""
CIR_BPS = 8_000_000_000
"""An ODU2: eight of the eighty tributary slots of an ODU4."""


def document(devices: Mapping[str, ManagedDevice], known_hosts: Path) -> str:
    """The topology as YAML, with the OTN nodes at the addresses where they are."""
    lines = ["apiVersion: trunkline/v1", "kind: Topology", "metadata: {name: two-layers}", "spec:", "  nodes:"]
    for name, datapath_id in PES.items():
        lines.append(
            f'    - {{name: {name}, role: pe, device: {{driver: openflow, datapathId: "{datapath_id:016x}"}}}}'
        )
    for name, device in devices.items():
        end = device.endpoint
        words = f"driver: netconf, host: {end.host}, port: {end.port}, username: {end.username}"
        files = f"keyFile: {end.key_file}, knownHosts: {known_hosts}, profile: {device.profile}"
        lines.append(f"    - {{name: {name}, role: otn, device: {{{words}, {files}}}}}")
    lines.append("  links:")
    nodes = list(devices)
    for pe, node in zip(PES, (nodes[0], nodes[-1]), strict=True):
        ends = f"a: {pe}, z: {node}, aPort: {PE_PORT}, zPort: {CLIENT_PORT}"
        lines.append(f"    - {{name: client-{pe}, {ends}, capacity: 10Gbps, delay: 5us}}")
    for a, z in pairwise(nodes):
        ends = f"a: {a}, z: {z}, aPort: {EAST}, zPort: {WEST}"
        lines.append(f"    - {{name: {a}-{z}, {ends}, capacity: 100Gbps, delay: 1ms, odu: ODU4}}")
    lines.append("  sites:")
    lines += [f"    - {{name: dc-{pe}, node: {pe}, port: {UNI_PORT}}}" for pe in PES]
    return "\n".join(lines) + "\n"


def known_hosts(devices: Mapping[str, ManagedDevice]) -> str:
    """The public keys of the OTN nodes, in the form of OpenSSH."""
    ends = [device.endpoint for device in devices.values()]
    return "".join(f"[{end.host}]:{end.port} ssh-ed25519 {end.host_key}\n" for end in ends)


def line() -> PrivateLine:
    a, z = (Attachment(site=f"dc-{pe}", vlan=100) for pe in PES)
    return PrivateLine(
        tenant="bench", name="one-line", a=a, z=z, cir_bps=PerDirection.both(CIR_BPS), layer=LayerChoice.OTN
    )
