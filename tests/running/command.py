"""The command in this process, with what it prints; and small networks and orders, written as people write them."""

from __future__ import annotations

import io
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

import yaml

import controller.__main__  # noqa: F401 - registers the commands
from controller.cli.app import run

ROOT = Path(__file__).parents[2]
LAB_SMALL = ROOT / "topologies" / "lab-small.yaml"
EPL = ROOT / "intents" / "lab-small-epl.yaml"
EVPL = ROOT / "intents" / "lab-small-evpl.yaml"
INFEASIBLE = ROOT / "intents" / "infeasible.yaml"


@dataclass(frozen=True)
class Outcome:
    code: int
    out: str
    err: str


def trunkline(*arguments):
    """Run a command line; an exception that would have been a traceback comes through."""
    streams, code = [io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True) for _ in range(2)], 0
    with redirect_stdout(streams[0]), redirect_stderr(streams[1]):
        try:
            run([*map(str, arguments)])
        except SystemExit as end:
            code = end.code
    return Outcome(code, *(stream.buffer.getvalue().decode() for stream in streams))


def plan(topology, *files, output="json"):
    options = [part for file in files for part in ("-f", file)]
    return trunkline("plan", "-t", topology, *options, "-o", output)


def write(path, *documents):
    """Write documents (dictionaries, or texts as they are) as one YAML file; return its path."""
    texts = [document if isinstance(document, str) else yaml.safe_dump(document) for document in documents]
    path.write_text("\n---\n".join(texts))
    return path


def topology(name="net", **spec):
    return {"apiVersion": "trunkline/v1", "kind": "Topology", "metadata": {"name": name}, "spec": spec}


def line(name, a, z, bandwidth, tenant="acme", **spec):
    """``a`` and ``z``: a site, or (site, VLAN)."""
    return {
        "apiVersion": "trunkline/v1",
        "kind": "PrivateLine",
        "metadata": {"tenant": tenant, "name": name},
        "spec": {"a": _end(a), "z": _end(z), "bandwidth": bandwidth, **spec},
    }


def _end(end):
    return {"site": end} if isinstance(end, str) else {"site": end[0], "vlan": end[1]}
