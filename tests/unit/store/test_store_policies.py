"""Policies on disk: in force from the commit point on, in what was asked for in each generation, and out again."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace

import pytest
from running.policies import COAST, GBPS, policy
from test_store import Change

from controller.compiler.planner import Planner
from controller.documents import load_topology
from controller.domain.errors import Reason, Refusal
from controller.domain.lifecycle import IntentState
from controller.store.store import Store

A, B = policy("a"), policy("b", source="shanghai")
BIGGER = replace(A, demand_bps=20 * GBPS)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "state.db"


@pytest.fixture
def store(path):
    opened = Store(path)
    yield opened
    opened.close()


@pytest.fixture
def planner():
    return Planner(load_topology(COAST))


async def test_policies_are_in_force_from_the_commit_point_on(store, planner):
    change = Change(store, planner, [B, A])
    await change.begin()
    saved = await store.load()
    assert (saved.policies, saved.unfinished[0].movement.policies_in) == ((), (B, A))
    assert {record.state for record in saved.intents} == {IntentState.APPLYING}
    await change.commit()
    assert (await store.load()).policies == (A, B)
    await change.end()
    saved = await store.load()
    assert [(record.intent, record.state) for record in saved.intents] == [
        (A, IntentState.ACTIVE),
        (B, IntentState.ACTIVE),
    ]
    assert dict(planner.policies) == {one.key: one for one in saved.policies}


async def test_a_change_that_is_undone_leaves_what_was_in_force(store, planner):
    await Change(store, planner, [A]).run()
    change = Change(store, planner, [BIGGER], txn="t2")
    await change.begin()
    assert (await store.get(A.key)).intent == A
    await change.end(reason=Reason.DEVICE_UNREACHABLE, message="away")
    record = await store.get(A.key)
    assert (record.intent, record.state, record.reason) == (A, IntentState.ACTIVE, "DEVICE_UNREACHABLE")
    assert (await store.load()).policies == (A,)


async def test_generations_and_what_was_asked_for_in_each_stay_known(store, planner):
    await Change(store, planner, [A]).run()
    await Change(store, planner, [BIGGER], txn="t2").run()
    await Change(store, planner, unwanted=[A.key], txn="t3").run()
    assert await store.get(A.key) is None
    assert [await store.spec_of(A.key, number) for number in await store.generations(A.key)] == [A, BIGGER]
    assert [entry.spec for entry in await store.history(A.key)] == [A, A, A, BIGGER, BIGGER, BIGGER]
    assert (await store.load()).policies == ()


async def test_a_policy_that_loses_its_meaning_fails_and_is_not_in_force(store, planner):
    await Change(store, planner, [A, B]).run()
    plan = planner.plan([], [A.key])
    why = Refusal(reason=Reason.REFERENCE_NOT_FOUND, message="gone")
    await store.strand([(A.key, why)], plan.movement, (), 30.0)
    saved = await store.load()
    assert saved.policies == (B,)
    assert [(record.state, record.message) for record in saved.intents] == [
        (IntentState.FAILED, "gone"),
        (IntentState.ACTIVE, ""),
    ]


async def test_the_rows_say_what_kind_they_are_of(store, planner, path):
    await Change(store, planner, [A]).run()
    store.close()
    with closing(sqlite3.connect(path)) as connection:
        for table in ("intents", "placements", "specs", "history"):
            rows = connection.execute(f"SELECT DISTINCT kind, tenant, name FROM {table}").fetchall()
            assert rows == [("EgressPolicy", "backbone", "a")]
