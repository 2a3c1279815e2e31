"""What is told of the rules on devices stays true when a change is finished late."""

from __future__ import annotations

import pytest
from memory_controller import TOPOLOGY, controller

from controller.domain.intents import Attachment, PrivateLine
from controller.domain.topology import PerDirection
from controller.service.outcomes import Wanted
from controller.store.database import StoreError

LINE = PrivateLine(
    tenant="acme",
    name="bj-gz",
    a=Attachment(site="dc-bj-1"),
    z=Attachment(site="dc-gz-1"),
    cir_bps=PerDirection.both(4_000_000),
)


async def test_a_change_that_is_finished_after_its_disk_was_full_counts_too(tmp_path, monkeypatch):
    async with controller(tmp_path / "state.db") as here:
        here.connect(*TOPOLOGY.node)
        await here.until(lambda: all(map(here.devices.in_step, TOPOLOGY.node)))

        async def full(*_, **__):
            raise StoreError("the disk is full")

        with monkeypatch.context() as patched:
            patched.setattr(here.store, "end", full)
            with pytest.raises(StoreError):
                await here.intents.apply([Wanted(intent=LINE)])
        await here.intents.recover()
        stands = (await here.status.status()).devices
        assert any(device.desired_rules for device in stands)
        assert [(one.device, one.observed_rules) for one in stands] == [
            (one.device, one.desired_rules) for one in stands
        ]
