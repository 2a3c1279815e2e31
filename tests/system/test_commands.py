"""The commands against a server: what they do, what they print in each format, how they end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys

import pytest
import yaml
from running.command import EPL, EVPL, INFEASIBLE, LAB_SMALL, ROOT, line, trunkline, write
from running.lines import line as ring_line
from running.processes import until
from running.simulated import simulated
from running.terminal import on_a_terminal, plain

ALL = ["acme/bj-gz", "acme/sh-cd", "acme/xa-sh", "harbor/cd-gz", "harbor/sh-gz", "harbor/xa-bj"]
ALL += ["nimbus/bj-cd", "nimbus/bj-gz", "nimbus/bj-sh"]


@pytest.fixture(scope="module")
def server(processes):
    with simulated(processes, LAB_SMALL) as made:
        made.start()
        yield made


@pytest.fixture(autouse=True)
def here(server, monkeypatch):
    """Each test begins with a server that has no intents, and speaks with it."""
    monkeypatch.setenv("TRUNKLINE_SERVER", server.server)
    there = names(trunkline("get", "-o", "json"))
    if there:
        assert trunkline("delete", *there).code == 0
    return server


@pytest.fixture
def applied(here):
    done = trunkline("apply", "-f", EPL, "-f", EVPL)
    assert (done.code, done.err) == (0, "")
    return here


def names(answer):
    metadata = [intent["metadata"] for intent in json.loads(answer.out)["intents"]]
    return [f"{one['tenant']}/{one['name']}" for one in metadata]


def shown(*arguments):
    answer = trunkline(*arguments, "-o", "json")
    assert (answer.code, answer.err) == (0, ""), answer
    return json.loads(answer.out)


def program(*arguments, **options):
    """The command as a process of its own, which holds back nothing of what it prints, and which Ctrl-C reaches even if
    whoever started these tests in the background keeps it from them."""
    return subprocess.Popen(
        ["env", "--default-signal=INT", sys.executable, "-m", "controller", *map(str, arguments)],
        cwd=ROOT,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


# apply, get, describe


def test_apply_says_what_it_did_and_doing_it_again_does_nothing(here):
    first = trunkline("apply", "-f", EPL)
    assert (first.code, first.err) == (0, "")
    rows = [text.split() for text in first.out.splitlines()]
    assert [row[0] for row in rows[1:4]] == ["acme/bj-gz", "acme/sh-cd", "acme/xa-sh"]
    assert {row[rows[0].index("STATE") + 2] for row in rows[1:4]} == {"ACTIVE"}  # the ends are three words
    assert first.out.splitlines()[-1].endswith("rules change on 8 devices")
    written = here.changes_written()
    second = trunkline("apply", "-f", EPL)
    assert (second.code, second.out.splitlines()[-1]) == (0, "nothing changes on any device")
    assert here.changes_written() == written


def test_get_lists_all_a_tenants_and_those_named(applied):
    assert names(trunkline("get", "-o", "json")) == ALL
    assert names(trunkline("get", "--tenant", "acme", "-o", "json")) == ALL[:3]
    assert names(trunkline("get", "--tenant", "nobody", "-o", "json")) == []
    assert names(trunkline("get", "nimbus/bj-sh", "acme/bj-gz", "-o", "json")) == ["nimbus/bj-sh", "acme/bj-gz"]
    assert [text.split()[0] for text in trunkline("get").out.splitlines()[1:]] == ALL
    assert trunkline("get", "--tenant", "nobody").out == "no intents\n"


def test_what_get_writes_apply_reads_and_nothing_changes(applied, tmp_path):
    written, before = applied.changes_written(), shown("get")
    file = tmp_path / "got.yaml"
    file.write_text(trunkline("get", "-o", "yaml").out)
    assert len([*yaml.safe_load_all(file.read_text())]) == len(ALL)
    again = trunkline("apply", "-f", file)
    assert (again.code, again.out.splitlines()[-1]) == (0, "nothing changes on any device")
    assert applied.changes_written() == written
    assert shown("get") == before


def test_what_one_command_prints_another_takes_from_standard_input(applied):
    got = trunkline("get", "--tenant", "acme", "-o", "yaml").out
    with program("delete", "-f", "-", stdin=subprocess.PIPE) as deleting:
        out, err = deleting.communicate(got)
    assert (deleting.returncode, err) == (0, "")
    assert out.splitlines()[:3] == [f"deleted {name}" for name in ALL[:3]]
    assert names(trunkline("get", "-o", "json")) == ALL[3:]


def test_describe_tells_of_one(applied):
    one = shown("describe", "nimbus/bj-gz")
    assert one["kind"] == "PrivateLine"
    assert one["spec"]["a"] == {"site": "dc-bj-2", "vlan": 120}
    assert one["spec"]["avoid"]["nodes"] == ["p-zz"]
    assert one["spec"]["maxDelayUs"] == 20_000
    assert one["status"]["state"] == "ACTIVE"
    (path,) = one["status"]["paths"]
    assert path["links"] == ["bj-nj", "wh-nj", "wh-gz"]
    assert path["delayUs"] == {"aToZ": 14_400.0, "zToA": 14_400.0}
    assert yaml.safe_load(trunkline("describe", "nimbus/bj-gz", "-o", "yaml").out) == one
    words = trunkline("describe", "tenants/nimbus/privateLines/bj-gz").out  # a resource name does as well
    assert "working     pe-bj p-nj p-wh pe-gz\n" in words
    assert "max delay   20ms\n" in words


@pytest.mark.parametrize("command", ["get", "describe", "delete"])
def test_what_is_not_there_is_named(here, command):
    answer = trunkline(command, "acme/nobody")
    assert (answer.code, answer.out) == (1, "")
    assert answer.err == "error: there is no PrivateLine acme/nobody [REFERENCE_NOT_FOUND]\n"


# plan


def test_a_plan_against_a_server_counts_what_is_there(applied, tmp_path):
    offline = json.loads(trunkline("plan", "-t", LAB_SMALL, "-f", EPL, "-f", EVPL, "-o", "json").out)
    there = shown("plan", "-f", EPL, "-f", EVPL)
    assert there["links"] == offline["links"]
    assert there["intents"] == offline["intents"]
    assert there["devices"] == []
    wide = write(tmp_path / "wide.yaml", line("wide", ("dc-bj-3", 7), ("dc-sh-3", 7), "75Mbps", maxDelay="9ms"))
    assert trunkline("plan", "-t", LAB_SMALL, "-f", wide).code == 0  # there it would be alone
    refused = trunkline("plan", "-f", wide, "-o", "json")
    assert refused.code == 2
    (verdict,) = json.loads(refused.out)["intents"]
    assert verdict["reasons"][0]["reason"] == "NO_BANDWIDTH"


def test_a_changed_line_is_planned_as_adds_modifications_and_deletions(applied, tmp_path):
    faster = write(tmp_path / "faster.yaml", EVPL.read_text().split("---")[0].replace("8Mbps", "9Mbps"))
    ops = {change["op"] for device in shown("plan", "-f", faster)["devices"] for change in device["changes"]}
    assert ops == {"add", "modify", "delete"}


# What is wrong, told with file and line though the server found it


def test_faults_found_by_the_server_have_file_and_line(applied, tmp_path):
    taken = write(
        tmp_path / "taken.yaml",
        line("fine", ("dc-bj-3", 7), ("dc-sh-3", 7), "1Mbps"),
        line("taken", ("dc-bj-2", 100), ("dc-sh-9", 8), "1Mbps"),
    )
    site = 1 + taken.read_text().splitlines().index("    site: dc-sh-9")
    for command in ("plan", "apply"):
        answer = trunkline(command, "-f", taken)
        assert (answer.code, answer.out) == (1, "")
        assert answer.err.startswith(f"{taken}:{site}: spec.z.site: there is no site 'dc-sh-9'")
        assert answer.err.endswith("[REFERENCE_NOT_FOUND]\n")
    taken.write_text(taken.read_text().replace("dc-sh-9", "dc-sh-3"))
    vlan = 1 + taken.read_text().splitlines().index("    vlan: 100")
    answer = trunkline("apply", "-f", taken)
    assert answer.code == 1
    assert answer.err.startswith(f"{taken}:{vlan}: spec.a.vlan: VLAN 100 of site")
    assert answer.err.endswith("[VLAN_IN_USE]\n")


# Infeasible, partial


def test_apply_of_what_is_impossible_changes_nothing_and_says_why(here):
    answer = trunkline("apply", "-f", EPL, "-f", INFEASIBLE)
    assert (answer.code, answer.out) == (1, "")
    lines = answer.err.splitlines()
    assert lines[0].startswith("acme/bj-cd-too-fast: ")
    assert lines[0].endswith("[DELAY_BOUND_UNREACHABLE]")
    assert lines[1] == "    binds: delay, the least is 11.1ms one way"
    assert lines[2] == "    would do: spec.maxDelay: 11.1ms"
    assert lines[-1] == "error: nothing was changed; --partial applies what is feasible"
    assert names(trunkline("get", "-o", "json")) == []


def test_partial_applies_the_rest(here):
    answer = trunkline("apply", "-f", EPL, "-f", INFEASIBLE, "--partial", "-o", "json")
    assert answer.code == 2
    assert names(answer) == ALL[:3]
    assert "2 of 5 intents were left out" in answer.err
    assert names(trunkline("get", "-o", "json")) == ALL[:3]


# Etags and request ids


def test_an_etag_guards_against_a_change_unseen(applied, tmp_path):
    etag = shown("describe", "nimbus/bj-sh")["metadata"]["etag"]
    document = EVPL.read_text().split("---")[0]
    faster = write(tmp_path / "faster.yaml", document.replace("8Mbps", "9Mbps"))
    assert trunkline("apply", "-f", faster, "--etag", etag).code == 0
    for stale in (("apply", "-f", faster), ("delete", "nimbus/bj-sh")):
        answer = trunkline(*stale, "--etag", etag)
        assert (answer.code, answer.out) == (1, "")
        assert answer.err.endswith("[ETAG_MISMATCH]\n")
    now = shown("describe", "nimbus/bj-sh")["metadata"]["etag"]
    assert trunkline("delete", "nimbus/bj-sh", "--etag", now).code == 0


def test_a_request_id_makes_a_repetition_harmless(here):
    first = trunkline("apply", "-f", EPL, "--request-id", "monday")
    assert first.code == 0
    assert trunkline("delete", "acme/sh-cd", "--request-id", "tuesday").code == 0
    again = trunkline("apply", "-f", EPL, "--request-id", "monday")
    assert (again.code, again.out.splitlines()[-1]) == (0, "this request had been carried out before")
    assert names(trunkline("get", "-o", "json")) == ["acme/bj-gz", "acme/xa-sh"]
    gone = trunkline("delete", "acme/sh-cd", "--request-id", "tuesday")
    assert (gone.code, gone.out) == (0, "deleted acme/sh-cd\nthis request had been carried out before\n")
    other = trunkline("apply", "-f", EVPL, "--request-id", "monday")
    assert other.code == 1
    assert "request id 'monday' was used for another request" in other.err


# delete


def test_delete_takes_names_and_files_all_or_none(applied):
    answer = trunkline("delete", "-f", EPL, "nimbus/bj-sh", "acme/nobody")
    assert answer.code == 1
    assert names(trunkline("get", "-o", "json")) == ALL
    done = trunkline("delete", "-f", EPL, "nimbus/bj-sh", "acme/bj-gz", "-o", "json")  # bj-gz is in the file, too
    assert done.code == 0
    assert json.loads(done.out)["deleted"] == ["nimbus/bj-sh", *ALL[:3]]
    assert names(trunkline("get", "-o", "json")) == [name for name in ALL[3:] if name != "nimbus/bj-sh"]
    trunkline("delete", *names(trunkline("get", "-o", "json")))
    assert applied.tables() == {node: [] for node in applied.topology.node}


# status, watch


def test_status_counts(applied):
    said = shown("status")
    assert said["health"] == "SERVING"
    assert said["intents"] == {"ACTIVE": len(ALL)}
    assert f"is SERVING; revision {said['revision']}; intents: 9 ACTIVE" in trunkline("status").out


@pytest.mark.parametrize("output", ["table", "json", "yaml"])
def test_watch_follows_until_interrupted(here, output):
    revision = shown("status")["revision"]
    assert trunkline("apply", "-f", EPL).code == 0
    with program("watch", "--from-revision", revision, "-o", output) as watching:
        heard = [watching.stdout.readline()]  # from now on it misses nothing
        assert trunkline("delete", "acme/sh-cd").code == 0
        while "DELETED" not in heard[-1]:
            heard.append(watching.stdout.readline())
            assert heard[-1], watching.stderr.read()
        watching.send_signal(signal.SIGINT)
        rest, err = watching.communicate()
    assert (watching.returncode, err.strip()) == (130, "")
    said = "".join(heard) + rest
    if output == "table":
        assert "  ACTIVE    acme/sh-cd\n" in said
        assert "  DELETED   acme/sh-cd\n" in said
        return
    parsed = [json.loads(text) for text in said.splitlines()] if output == "json" else [*yaml.safe_load_all(said)]
    events = [event for event in parsed if "intent" in event]
    last = {event["intent"]["metadata"]["name"]: event["intent"]["status"]["state"] for event in events}
    assert last == {"bj-gz": "ACTIVE", "xa-sh": "ACTIVE", "sh-cd": "DELETED"}
    assert [event["revision"] for event in events] == sorted({event["revision"] for event in events})
    progress = [event["progress"] for event in parsed if "progress" in event]
    assert {frozenset(step) for step in progress} == {frozenset(("requestId", "phase", "devicesDone", "devicesTotal"))}
    assert {step["phase"] for step in progress} == {"flip", "remove"}


def test_watch_ends_with_its_server(processes):
    with simulated(processes) as made:
        made.start()
        made.apply(ring_line("one", "a1", "z1"))
        with program("watch", "--server", made.server) as watching:
            assert watching.stdout.readline().endswith("  ACTIVE    acme/one\n")
            assert made.end(signal.SIGTERM) == 0
            out, err = watching.communicate()
    assert (watching.returncode, out) == (1, "")
    assert err.endswith("[SERVER_STOPPING]\n")


# An answer that does not come


def test_an_interrupted_apply_says_how_to_learn_how_it_ended(here):
    here.switches.set_switch("p-wh", frozen=True)
    try:
        with program("apply", "-f", EPL, "--request-id", "mine") as applying:
            until(lambda: any(state == "APPLYING" for state, _ in here.states().values()), "the change to begin")
            applying.send_signal(signal.SIGINT)
            out, err = applying.communicate()
    finally:
        here.switches.set_switch("p-wh", frozen=False)
    assert (applying.returncode, out) == (130, "")
    assert "repeat the command with --request-id mine to learn how it ended" in err
    again = trunkline("apply", "-f", EPL, "--request-id", "mine")
    assert again.code == 0
    assert names(trunkline("get", "-o", "json")) == ALL[:3]


def test_an_apply_whose_server_is_killed_says_so(processes):
    with simulated(processes, LAB_SMALL) as made:
        made.start()
        assert trunkline("apply", "-f", EVPL, "--server", made.server).code == 0
        made.switches.set_switch("p-wh", frozen=True)
        with program("apply", "-f", EPL, "--server", made.server) as applying:
            until(lambda: any(state == "APPLYING" for state, _ in made.states().values()), "the change to begin")
            made.end()
            out, err = applying.communicate()
    assert (applying.returncode, out) == (1, "")
    assert err.startswith("the answer was lost; repeat the command with --request-id ")


# A terminal


def test_on_a_terminal_there_is_progress_and_then_only_the_result(here):
    code, said = on_a_terminal("apply", "-f", EPL)
    assert code == 0
    progress, _, result = said.rpartition("\x1b[2K")  # the last line of progress is erased
    assert "planning" in progress
    lines = plain(result).splitlines()
    assert max(map(len, lines)) <= 80
    assert [text.split()[0] for text in lines[1:4]] == ALL[:3]
    assert lines[-1].endswith("rules change on 8 devices")
