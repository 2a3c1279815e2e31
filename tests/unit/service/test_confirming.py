"""Which changes are asked for twice."""

from __future__ import annotations

import pytest
from memory_controller import TOPOLOGY, controller

from controller.domain.errors import ConfirmationRequired
from controller.domain.intents import Attachment, PrivateLine
from controller.domain.topology import PerDirection
from controller.service.confirming import ConfirmAbove
from controller.service.outcomes import Wanted

LINES = [
    PrivateLine(
        tenant="acme",
        name=f"line-{vlan}",
        a=Attachment(site="dc-bj-1", vlan=vlan),
        z=Attachment(site="dc-gz-1", vlan=vlan),
        cir_bps=PerDirection.both(1_000_000),
    )
    for vlan in range(100, 104)
]


@pytest.mark.parametrize(
    ("above", "lines", "devices", "given", "passes"),
    [
        (ConfirmAbove(), 500, 400, None, True),
        (ConfirmAbove(), 501, 4, None, False),
        (ConfirmAbove(), 501, 4, 501, True),
        (ConfirmAbove(), 501, 4, 500, False),
        (ConfirmAbove(lines=10, devices=3), 1, 4, None, False),
        (ConfirmAbove(lines=10, devices=3), 1, 4, 1, True),
        (ConfirmAbove(lines=None, devices=None), 10_000, 350, None, True),
        (ConfirmAbove(lines=0), 0, 0, None, True),  # nothing changes: nothing to confirm
        (ConfirmAbove(), 3, 4, 2, False),  # whoever says a number must be right
        (ConfirmAbove(), 3, 4, 3, True),
    ],
)
def test_when_a_change_is_asked_for_twice(above, lines, devices, given, passes):
    if passes:
        above.check("delete", lines, devices, given)
        return
    with pytest.raises(ConfirmationRequired, match=f"--confirm {lines}$") as refused:
        above.check("delete", lines, devices, given)
    assert (refused.value.lines, refused.value.devices) == (lines, devices)


async def test_only_lines_that_change_count_and_a_refusal_leaves_no_trace(tmp_path):
    async with controller(tmp_path / "state.db", confirm_above=ConfirmAbove(lines=2)) as here:
        here.connect(*TOPOLOGY.node)
        await here.intents.apply([Wanted(intent=line) for line in LINES[:2]])
        await here.intents.apply([Wanted(intent=line) for line in LINES], request_id="r")  # two of the four are there
        before = await here.store.load()
        with pytest.raises(ConfirmationRequired, match="touches 4 lines on 4 devices"):
            await here.intents.delete([line.key for line in LINES], request_id="d")
        with pytest.raises(ConfirmationRequired, match="touches 4 lines on 4 devices, not 3"):
            await here.intents.delete([line.key for line in LINES], request_id="d", confirm=3)
        assert await here.store.load() == before
        await here.intents.delete([line.key for line in LINES], request_id="d", confirm=4)
        assert (await here.store.load()).intents == ()
        # The same request again finds its answer and needs no number: it changes nothing more.
        await here.intents.delete([line.key for line in LINES], request_id="d")
