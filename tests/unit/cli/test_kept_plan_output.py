"""What plan shows of rounds and reservations, and wrong uses of the commands around kept plans, without a server."""

from __future__ import annotations

import json

import pytest
from running.command import EPL, LAB_SMALL, plan, trunkline


def test_a_plan_shows_what_is_reserved_and_the_rounds():
    shown = plan(LAB_SMALL, EPL, output="table").out
    data = json.loads(plan(LAB_SMALL, EPL).out)
    assert "plan" not in data  # it is kept nowhere
    for part in data["rounds"]:
        (row,) = (line for line in shown.splitlines() if line.startswith(f"{part['round']} "))
        assert row.split() == [part["round"], str(part["changes"]), *part["devices"]]
    assert sum(part["changes"] for part in data["rounds"]) == sum(len(device["changes"]) for device in data["devices"])
    ridden = {link for intent in data["intents"] for path in intent["paths"] for link in path["links"]}
    rows = [line.split() for line in shown.splitlines()]
    start = rows.index(["LINK", "DIRECTION", "THESE", "RESERVED", "IN", "ALL"])
    of_links = rows[start + 1 : start + 1 + 2 * len(ridden)]
    assert {row[0] for row in of_links} == ridden
    assert all(row[2] == row[3] for row in of_links)  # nobody else has anything there


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("plan", "-t", LAB_SMALL, "-f", EPL, "--save"), "--save and --hold keep a plan on a server: leave -t out"),
        (("plan", "-t", LAB_SMALL, "-f", EPL, "--hold", "10m"), "leave -t out"),
        (("plan", "-f", EPL, "--hold", "10"), "is not a duration: write a number and one of s, m, h"),
        (("plan", "-f", EPL, "--hold", "1.5h"), "is not a duration"),
        (("apply",), "give a file of intents (-f FILE) or a plan that is kept (--plan ID), one of them"),
        (("apply", "-f", EPL, "--plan", "x"), "one of them"),
        (("apply", "--plan", "x", "--partial"), "leave --partial and --etag out"),
        (("apply", "--plan", ""), "--plan is empty"),
        (("delete", "plan"), "name the plans to forget: delete plan ID..."),
        (("delete", "plan", "x", "--force"), "name the plans to forget"),
        (("get", "plans", "--tenant", "acme"), "leave --tenant out"),
        (("rollback", "acme"), "does not name an intent"),
        (("rollback", "acme/x", "--to-generation", "0"), "0 is not in the range"),
    ],
)
def test_a_wrong_use_says_what_would_be_right(arguments, words):
    answer = trunkline(*arguments)
    assert (answer.code, answer.out) == (1, "")
    assert words in " ".join(answer.err.split())


@pytest.mark.parametrize("arguments", [("apply", "--plan", "x"), ("get", "plans"), ("delete", "plan", "x")])
@pytest.mark.parametrize("command", ["rollback", "history", None])
def test_a_server_that_is_not_there(tmp_path, arguments, command):
    words = arguments if command is None else (command, "acme/x")
    answer = trunkline(*words, "--server", f"unix:{tmp_path}/api")
    assert (answer.code, answer.out) == (1, "")
    assert "no Trunkline server answers" in answer.err
