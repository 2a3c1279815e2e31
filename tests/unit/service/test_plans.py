"""Plans that the server keeps: how many, and what becomes of a hold for which there is no room after a restart."""

from __future__ import annotations

from dataclasses import replace

import pytest
from memory_controller import controller

from controller.domain.errors import TrunklineError
from controller.domain.intents import Attachment, PrivateLine
from controller.domain.placement import Reservation
from controller.domain.topology import Direction, PerDirection
from controller.paths.network import ReservationError
from controller.service import plans
from controller.store.database import StoreError

LINE = PrivateLine(
    tenant="acme",
    name="one",
    a=Attachment(site="dc-bj-1", vlan=1),
    z=Attachment(site="dc-gz-1", vlan=1),
    cir_bps=PerDirection.both(1_000_000),
)
OTHER = replace(LINE, name="other", a=Attachment(site="dc-bj-1", vlan=2), z=Attachment(site="dc-gz-1", vlan=2))


async def kept(here, line, **more):
    return (await here.intents.plan([line], save=True, **more)).saved


async def ids(here):
    return {plan.plan_id for plan in here.intents.plans.all()}, {
        plan.plan_id for plan in (await here.store.load()).plans
    }


async def test_plans_that_were_carried_out_make_room_for_others_and_no_others_do(tmp_path, monkeypatch):
    monkeypatch.setattr(plans, "MOST_PLANS", 2)
    async with controller(tmp_path / "state.db") as here:
        here.connect(*here.memory)
        await here.until(lambda: all(map(here.devices.in_step, here.memory)))
        done, waiting = await kept(here, LINE), await kept(here, OTHER)
        with pytest.raises(TrunklineError, match="2 plans are kept already"):
            await kept(here, OTHER)
        await here.intents.apply_plan(done.plan_id)
        another = await kept(here, OTHER)
        left = {waiting.plan_id, another.plan_id}
        assert await ids(here) == (left, left)
        with pytest.raises(TrunklineError, match="2 plans are kept already"):
            await kept(here, OTHER)
        assert await ids(here) == (left, left)


async def test_a_hold_without_room_after_a_restart_is_given_up_and_the_numbers_stay_kept(tmp_path):
    async with controller(tmp_path / "state.db") as here:
        held = await kept(here, LINE, hold_s=600.0)
    taken = tuple(
        Reservation(link=link, direction=direction, bps=50_000_000)
        for link in held.movement.lines_in[0].working.route.links
        for direction in Direction
    )
    async with controller(tmp_path / "state.db") as here:
        # All but half of a line's rate, as on smaller links.
        await here.planner.run(
            lambda planner: planner._network.reserve(
                "others",
                [
                    replace(one, bps=planner.topology.link[one.link].capacity_bps[one.direction] - 500_000)
                    for one in taken
                ],
            )
        )
        saved = (await here.store.load()).plans
        await here.intents.plans.restore(saved)
        (plan,) = here.intents.plans.all()
        assert plan.held_until is None
        assert (await here.store.load()).plans[0].held_until is None
        await here.planner.run(lambda planner: planner._network.release("others"))
        labels = set(held.movement.lines_in[0].service_label)
        (verdict,) = (await here.intents.plan([OTHER])).plan.verdicts
        assert labels.isdisjoint(verdict.placed.service_label)
        (again,) = (await here.intents.plans.decide(plan.plan_id, force=False)).plan.movement.lines_in
        assert set(again.service_label) == labels


async def test_a_plan_that_cannot_be_written_down_holds_nothing(tmp_path, monkeypatch):
    async with controller(tmp_path / "state.db") as here:

        async def full(plan):
            raise StoreError("no space left")

        before = await here.planner.run(lambda planner: planner.link_use())
        monkeypatch.setattr(here.store, "save_plan", full)
        with pytest.raises(StoreError):
            await kept(here, LINE, hold_s=600.0)
        assert await ids(here) == (set(), set())
        assert await here.planner.run(lambda planner: planner.link_use()) == before
        monkeypatch.undo()
        assert (await kept(here, LINE, hold_s=600.0)).held_until is not None  # its customer ports are free, too


async def test_a_plan_for_which_there_is_no_room_after_all_is_not_written_down(tmp_path, monkeypatch):
    """Others may take into use what a device tells of while the plan is made."""
    async with controller(tmp_path / "state.db") as here:

        def taken(plan_id, movement, *, hold):
            raise ReservationError("taken meanwhile")

        kept_plans = await here.planner.run(lambda planner: planner.kept)
        monkeypatch.setattr(kept_plans, "keep", taken)
        with pytest.raises(ReservationError):
            await kept(here, LINE, hold_s=600.0)
        assert await ids(here) == (set(), set())
