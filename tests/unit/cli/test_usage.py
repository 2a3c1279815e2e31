"""The command as a person meets it: help, completion, tables on a narrow terminal, a server that is not there."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import tomllib

import click
import pytest
from rich.console import Console
from running.command import EPL, EVPL, LAB_SMALL, ROOT, trunkline

from controller.cli.app import trunkline as group
from controller.cli.words import description, intents_table, plan_table
from controller.compiler.planner import Planner
from controller.documents import load_intents, load_topology
from controller.domain.lifecycle import IntentState
from controller.service.outcomes import IntentView
from controller.store.records import IntentRecord
from controller.wire.intents import view_to_wire
from controller.wire.plans import plan_to_wire

CONTEXT = click.Context(group)
COMMANDS = sorted(set(group.list_commands(CONTEXT)) - {"lab"})  # that one hands over to another program


def test_the_command_alone_shows_what_there_is():
    answer = trunkline()
    assert (answer.code, answer.err) == (0, "")
    for command in COMMANDS:
        assert f"\n  {command} " in answer.out


@pytest.mark.parametrize("arguments", [(), *((command,) for command in COMMANDS)], ids=" ".join)
def test_help_fits_a_narrow_terminal_and_leaves_nothing_unexplained(arguments):
    answer = trunkline(*arguments, "--help")
    assert (answer.code, answer.err) == (0, "")
    assert max(map(len, answer.out.splitlines())) <= 80
    assert "..." not in answer.out.partition("Commands:")[2]  # no summary is cut short
    command = group.get_command(CONTEXT, arguments[0]) if arguments else group
    assert all(getattr(parameter, "help", "") for parameter in command.params if parameter.param_type_name == "option")


def test_the_version_is_the_distributions():
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert trunkline("--version").out.split()[-1] == version


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_completion_script_for_each_shell(shell):
    answer = trunkline("completion", shell)
    assert answer.code == 0
    assert "_TRUNKLINE_COMPLETE" in answer.out


@pytest.mark.parametrize(("words", "offered"), [("trunkline de", ["delete", "describe"]), ("trunkline plan -o ", None)])
def test_what_the_shell_then_asks_is_answered(monkeypatch, words, offered):
    monkeypatch.setenv("_TRUNKLINE_COMPLETE", "bash_complete")
    monkeypatch.setenv("COMP_WORDS", words)
    monkeypatch.setenv("COMP_CWORD", str(words.count(" ")))
    answer = trunkline()
    completions = [text.partition(",")[2] for text in answer.out.splitlines()]
    assert completions == (offered or ["table", "json", "yaml"])


@pytest.mark.parametrize(
    "arguments",
    [("plan", "-f", EPL), ("apply", "-f", EPL), ("get",), ("describe", "a/b"), ("delete", "a/b"), ("watch",)],
)
def test_a_server_that_is_not_there(tmp_path, arguments):
    nowhere = f"unix:{tmp_path}/api"
    answer = trunkline(*arguments, "--server", nowhere)
    assert (answer.code, answer.out) == (1, "")
    assert f"no Trunkline server answers at {nowhere}" in answer.err
    assert ("plan offline with -t" in answer.err) == (arguments[0] == "plan")


def test_the_server_may_come_from_the_environment(tmp_path, monkeypatch):
    monkeypatch.setenv("TRUNKLINE_SERVER", f"unix:{tmp_path}/elsewhere")
    assert f"{tmp_path}/elsewhere" in trunkline("status").err


def test_planning_offline_loads_nothing_that_only_a_server_needs():
    heavy = ("os_ken", "ncclient", "sqlite3", "controller.service.intents", "controller.simulation", "lab", "mininet")
    program = (
        "import sys; sys.argv[0] = 'trunkline'; from controller.__main__ import main; main(); "
        f"print([name for name in {heavy} if name in sys.modules], file=sys.stderr)"
    )
    command = [sys.executable, "-c", program, "plan", "-t", LAB_SMALL, "-f", EPL]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"


def test_a_reader_that_has_seen_enough_is_no_error_to_shout_about():
    read, write = os.pipe()
    os.close(read)
    command = [sys.executable, "-m", "controller", "plan", "-t", LAB_SMALL, "-f", EPL, "-o", "json"]
    try:
        done = subprocess.run(command, cwd=ROOT, stdout=write, stderr=subprocess.PIPE, text=True)
    finally:
        os.close(write)
    assert (done.returncode, done.stderr) == (1, "")


# Tables


@pytest.fixture(scope="module")
def planned():
    topology = load_topology(LAB_SMALL)
    lines = [one.intent for one in load_intents([EPL, EVPL])]
    return topology, Planner(topology).plan(lines)


@pytest.fixture(scope="module")
def intents(planned):
    """The intents of a server that has applied the plan, the last of which then failed."""
    _, plan = planned
    records = [
        IntentRecord(
            intent=verdict.placed.line,
            state=IntentState.ACTIVE,
            generation=1,
            created_revision=1,
            revision=number,
            created_at=0.0,
            updated_at=0.0,
        )
        for number, verdict in enumerate(plan.verdicts, 1)
    ]
    views = [
        IntentView(record=record, paths=verdict.placed.paths)
        for record, verdict in zip(records, plan.verdicts, strict=True)
    ]
    return [view_to_wire(view) for view in views]


def printed(show, width):
    console = Console(width=width, file=io.StringIO(), highlight=False, markup=False)
    show(console)
    return console.file.getvalue().splitlines()


@pytest.mark.parametrize("width", [80, 120])
def test_tables_fit_the_terminal_one_row_an_intent(planned, intents, width):
    topology, plan = planned
    for show, extra in ((intents_table(intents), 1), (plan_table(plan_to_wire(plan, topology)), None)):
        lines = printed(show, width)
        assert max(map(len, lines)) <= width
        for intent in intents:
            name = f"{intent.private_line.metadata.tenant}/{intent.private_line.metadata.name}"
            assert len([text for text in lines if text.split()[:1] == [name]]) == 1
        assert extra is None or len(lines) == len(intents) + extra


def test_routes_are_shown_where_there_is_room(intents):
    assert "pe-bj p-zz p-wh pe-gz" in "\n".join(printed(intents_table(intents), 120))
    assert "ROUTE" not in printed(intents_table(intents), 80)[0]


def test_what_went_wrong_stands_below_the_table(intents):
    failed = intents[0].__class__()
    failed.CopyFrom(intents[0])
    failed.private_line.status.reason = "TABLE_FULL"
    failed.private_line.status.message = "pe-bj: the table is full"
    assert printed(intents_table([failed, intents[1]]), 80)[-1] == "acme/bj-gz: pe-bj: the table is full [TABLE_FULL]"


def test_a_description_tells_everything(intents):
    rows = dict(description(intents[5]))
    assert rows["intent"] == "PrivateLine nimbus/bj-gz"
    assert rows["ends"] == "dc-bj-2.120 - dc-gz-2.220"
    assert rows["max delay"] == "20ms"
    assert rows["avoid"] == "nodes p-zz"
    assert rows["working"] == "pe-bj p-nj p-wh pe-gz"
    assert rows["  links"] == "bj-nj wh-nj wh-gz"
    assert rows["  reserves"] == "3Mbps"


def test_output_that_cannot_be_written_is_an_error_of_one_line():
    command = [sys.executable, "-m", "controller", "plan", "-t", LAB_SMALL, "-f", EPL, "-o", "json"]
    with open("/dev/full", "w") as full:
        ended = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, cwd=ROOT, check=False)
    assert (ended.returncode, ended.stderr) == (1, "error: [Errno 28] No space left on device\n")


def test_pings_that_would_be_stale_before_the_next_reading_are_refused(tmp_path):
    answer = trunkline(
        "serve",
        *("-t", str(ROOT / "topologies" / "lab-egress.yaml"), "--state", str(tmp_path / "state.db")),
        *("--data-plane", "simulated", "--probe-every", "60s"),
    )
    assert answer.code == 1
    assert "7 ways abroad are measured every 600 s" in " ".join(answer.err.split())
    assert "counts for 600 s (--measured-fresh)" in " ".join(answer.err.split())
    assert not (tmp_path / "state.db").exists()
