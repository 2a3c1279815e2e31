"""How a server starts, and how it says why it does not; how it ends."""

from __future__ import annotations

import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path

import pytest
from running.command import EPL, INFEASIBLE, LAB_SMALL, ROOT, trunkline
from running.controllers import RING
from running.processes import until

from controller.store.database import StoreError
from controller.store.schema import SCHEMA_VERSION
from controller.store.store import Store


@pytest.fixture
def place():
    """A directory with a short path: those of sockets may have 107 characters."""
    with tempfile.TemporaryDirectory(prefix="trunk-") as directory:
        yield Path(directory)


def serve(place, *more, topology=RING, state="state.db", listen="api"):
    """A start that comes to nothing, in this process: what it says."""
    listen = f"unix:{place / listen}" if ":" not in listen else listen
    answer = trunkline("serve", "-t", topology, "--state", place / state, "--listen", listen, *more)
    assert (answer.code, answer.out) == (1, "")
    return answer.err


@contextmanager
def server(place, *more, listen="api", state="state.db", topology=RING):
    """The command as a process of its own, with simulated switches, once it serves."""
    arguments = ("-t", topology, "--state", place / state, "--listen", f"unix:{place / listen}", *more)
    log = place / "log"
    with (
        log.open("a") as out,
        subprocess.Popen(
            [sys.executable, "-m", "controller", "serve", *map(str, arguments), "--data-plane", "simulated"],
            cwd=ROOT,
            stdout=out,
            stderr=out,
        ) as process,
    ):
        try:
            until(lambda: process.poll() is not None or serving(place, listen), "the server to serve")
            assert process.poll() is None, log.read_text()
            yield process
        finally:
            if process.poll() is None:
                process.kill()


def serving(place, listen="api"):
    answer = trunkline("status", "--server", f"unix:{place / listen}")
    return answer.code == 0 and " SERVING;" in answer.out


# Starts that come to nothing


@pytest.mark.parametrize("topology", [EPL, "/nowhere.yaml", "/dev/null", "/proc"])
def test_a_topology_that_is_none(place, topology):
    told = serve(place, topology=topology)
    assert re.fullmatch(r"\S+: .* \[[A-Z_]+\]\n", told)
    assert [*place.iterdir()] == []  # no state file for a network that does not exist


def garbage(path):
    path.write_bytes(os.urandom(20_000))


def words(path):
    path.write_text("dear diary\n")


def of_another_program(path):
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE songs (title TEXT)")
    connection.close()


def of_another_version(path):
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (garbage, "file is not a database"),
        (words, "file is not a database"),
        (of_another_program, "is a database of another program"),
        (of_another_version, f"was written by another version of Trunkline (schema 99, this one has {SCHEMA_VERSION})"),
        (Path.mkdir, "unable to open database file"),
    ],
)
def test_a_state_file_that_is_none(place, make, says):
    path = place / "state.db"
    make(path)
    before = path.read_bytes() if path.is_file() else b""
    assert serve(place) == f"error: state file {path}: {says}\n"
    assert (path.read_bytes() if path.is_file() else b"") == before


@pytest.mark.parametrize("state", ["/nowhere/state.db", "/proc/state.db", "/proc/version"])
def test_a_state_file_that_cannot_be_written(place, state):
    assert serve(place, state=state) == f"error: state file {state}: unable to open database file\n"


@pytest.mark.parametrize(
    ("listen", "says"),
    [
        ("unix:/nowhere/api", "there is no directory /nowhere"),
        ("unix:/proc/api", "No such file or directory"),
        (f"unix:{RING}", "there is a file of this name that is no socket"),
        ("no-such-host.invalid:50051", ""),
        ("192.0.2.1:50051", "Cannot assign requested address"),  # RFC 5737: nobody's
    ],
)
def test_an_address_where_nobody_can_listen(place, listen, says):
    for told in (serve(place, listen=listen), serve(place, "--openflow", openflow(listen))):
        assert told.splitlines()[-1].startswith(f"error: cannot listen on {listen}: ")
        assert says in told
        assert "Traceback" not in told


def openflow(listen):
    return listen if listen.startswith("unix:") else f"tcp:{listen}"


def test_a_port_that_is_taken(place):
    with socket.create_server(("127.0.0.1", 0)) as other:
        address = f"127.0.0.1:{other.getsockname()[1]}"
        for told in (serve(place, listen=address), serve(place, "--openflow", f"tcp:{address}")):
            assert told.splitlines()[-1] == f"error: cannot listen on {address}: Address already in use"


def test_a_simulation_that_cannot_start_ends_its_server(place):
    told = serve(place, "--data-plane", "simulated", "--simulation-control", "unix:/nowhere/control")
    assert told.splitlines()[-1] == "error: the simulated data plane ended with exit code 1"


# Beside a server that runs


@pytest.fixture(scope="module")
def running():
    with tempfile.TemporaryDirectory(prefix="trunk-") as directory:
        place = Path(directory)
        with server(place):
            yield place


def test_a_second_server_on_the_same_state_file(running):
    told = serve(running, listen="other")
    assert told == f"error: state file {running}/state.db: another server uses it\n"
    assert serving(running)


def test_a_second_server_on_the_same_socket_does_not_take_it_away(running):
    told = serve(running, state="other.db")
    assert told == f"error: cannot listen on unix:{running}/api: a server listens there already\n"
    assert serving(running)


def test_the_state_file_of_a_running_server_is_nobody_elses(running):
    with pytest.raises(StoreError, match="another server uses it"):
        Store(running / "state.db")


# The end


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_server_that_is_told_to_stop_ends_well_and_leaves_no_process_behind(place, number):
    with server(place, "--simulation-control", f"unix:{place}/control") as process:
        assert trunkline("apply", "-f", INFEASIBLE, "--server", f"unix:{place}/api").code == 1
        (simulation,) = children(process.pid)
        process.send_signal(number)
        assert process.wait(30) == 0
    assert not Path(f"/proc/{simulation}").exists()
    assert not (place / "control").exists()
    assert "Traceback" not in (place / "log").read_text()


def test_after_a_kill_the_next_server_takes_over_socket_and_state(place):
    with server(place, topology=LAB_SMALL) as process:
        assert trunkline("apply", "-f", EPL, "--server", f"unix:{place}/api").code == 0
        (simulation,) = children(process.pid)
        process.kill()
        process.wait()
    assert (place / "api").exists()  # left behind
    until(lambda: not Path(f"/proc/{simulation}").exists(), "the simulation to end with its server")
    with server(place, topology=LAB_SMALL):
        answer = trunkline("get", "--server", f"unix:{place}/api")
        assert answer.out.count(" ACTIVE ") == 3


def children(pid):
    tasks = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(child) for task in tasks for child in task.read_text().split()]
