"""What TAB offers where a command of egress asks for a name: from the topology file, or from what a server steers.

Whatever goes wrong, nothing is offered: a shell that waits for TAB has no place for messages.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import click
import grpc

from controller.cli.app import DEFAULT_SERVER
from controller.cli.client import connected
from controller.documents import load_topology
from controller.domain.errors import TrunklineError
from controller.wire.gen.trunkline.v1 import egress_pb2 as pb

PATIENCE_S = 2.0
"""Longer nobody waits for TAB."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Names:
    sources: frozenset[str] = frozenset()
    destinations: frozenset[str] = frozenset()
    elements: frozenset[str] = frozenset()


def source_names(context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[str]:
    """Nodes and regions that traffic comes from."""
    return _beginning(_names(context).sources, incomplete)


def destination_names(context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[str]:
    """Regions abroad."""
    return _beginning(_names(context).destinations, incomplete)


def element_names(context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[str]:
    """Gateways, and of a topology file links, nodes and SRLGs: what can fail."""
    return _beginning(_names(context).elements, incomplete)


def gateway_names(context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[str]:
    """Of a server."""
    return _beginning(_served(context).elements, incomplete)


def _names(context: click.Context) -> _Names:
    return _served(context) if context.params.get("topology_file") is None else _written(context)


def _written(context: click.Context) -> _Names:
    with _silently():
        topology = load_topology(context.params["topology_file"])
        abroad = {region for gateway in topology.gateways for region, _ in gateway.delays_ns}
        gateways = {gateway.name for gateway in topology.gateways}
        return _Names(
            sources=frozenset({*topology.node, *topology.regions}),
            destinations=frozenset(abroad),
            elements=frozenset({*gateways, *topology.link, *topology.node, *topology.srlgs}),
        )
    return _Names()


def _served(context: click.Context) -> _Names:
    server = context.params.get("server")
    with _silently(), connected(DEFAULT_SERVER if server is None else server) as client:
        found = client.egress.GetAssignments(pb.GetAssignmentsRequest(), timeout=PATIENCE_S)
        return _Names(
            sources=frozenset(one.flow.source for one in found.flows),
            destinations=frozenset(one.flow.destination for one in found.flows),
            elements=frozenset(one.gateway for one in found.steered),
        )
    return _Names()


@contextmanager
def _silently() -> Iterator[None]:
    try:
        yield
    except (TrunklineError, OSError, grpc.RpcError):
        return


def _beginning(names: frozenset[str], incomplete: str) -> list[str]:
    return sorted(name for name in names if name.startswith(incomplete))
