"""A line that is changed while frames pass over it, on real switches: none is lost, none comes twice."""

from __future__ import annotations

from dataclasses import replace

import pytest
from private_ovs import PrivateOvs
from running.lines import line
from running.on_ovs import OvsRing
from running.processes import Processes, until
from streaming import streaming

from controller.domain.intents import Attachment, Objective

LINE = line("line", "a1.100", "z1.200")
SOUTH = {"avoid": ["p-n"]}
BESIDE = line("beside", "a1.101", "z1.201", mbps=40, protected=True)
TAKING = line("taking", "a2.102", "z2.202", mbps=50)

# What becomes of LINE, one change after the other, and whether its route is another one then.
STEPS = {
    "rate up": (line("line", "a1.100", "z1.200", mbps=55), False),
    "rate down": (LINE, False),
    "bound": (replace(LINE, max_delay_ns=10**8), False),
    "cost": (replace(LINE, objective=Objective.COST), False),
    "moved south": (line("line", "a1.100", "z1.200", **SOUTH), True),
    "moved back, and wider": (line("line", "a1.100", "z1.200", mbps=9), True),
    "via south": (replace(LINE, via=("p-s",)), True),
    "protected": (line("line", "a1.100", "z1.200", protected=True), True),
    "protected, and wider": (line("line", "a1.100", "z1.200", protected=True, mbps=9), False),
    "protection taken": (LINE, False),
    "protected again": (line("line", "a1.100", "z1.200", protected=True), False),
    "unprotected, moved south": (line("line", "a1.100", "z1.200", **SOUTH), True),
}


@pytest.fixture
def ring():
    ovs = PrivateOvs()
    with Processes() as processes:
        made = OvsRing(processes, ovs, 0)
        made.start()
        yield made
        made.close()


@pytest.mark.lab
def test_no_frame_is_lost_or_doubled_while_a_line_is_changed(ring):
    ring.apply(LINE, BESIDE)
    ends = [("line", "a1", 100), ("line", "z1", 200), ("beside", "a1", 101), ("beside", "z1", 201)]
    for name, (changed, moves) in STEPS.items():
        with streaming(ring.ports, ends) as stream:
            stream.go_on()
            ring.apply(changed)
            stream.go_on()
        for way in stream.ways.values():
            assert (way.lost, way.doubled) == (0, 0), f"{name}: {way}"
            assert len(way.came_out) == 1, f"{name}: {way}"
            if way.line == "beside" or not moves:
                assert way.overtaken == 0, f"{name}: {way}"
        ring.until_right()


@pytest.mark.lab
def test_the_stream_sees_a_hole(ring):
    """What the others rely on: a line that is taken away and made anew loses frames, and they are counted."""
    ring.apply(LINE)
    with streaming(ring.ports, [("line", "a1", 100), ("line", "z1", 200)]) as stream:
        stream.go_on()
        ring.delete(LINE)
        stream.go_on()
        ring.apply(LINE)
        stream.go_on()
    assert all(way.lost >= 100 for way in stream.ways.values()), [*map(str, stream.ways.values())]


@pytest.mark.lab
def test_no_frame_is_lost_while_one_line_takes_the_room_of_another(ring):
    """The northern way has room for one of the two: their head ends flip one after the other."""
    mover = line("line", "a1.100", "z1.200", mbps=55)
    ring.apply(mover)
    assert [path.links for path in ring.intents()["line"].status.paths] == [["a-n", "n-z"]]
    with streaming(ring.ports, [("line", "a1", 100), ("line", "z1", 200)]) as stream:
        stream.go_on()
        ring.apply(line("line", "a1.100", "z1.200", mbps=55, **SOUTH), TAKING)
        stream.go_on()
    for way in stream.ways.values():
        assert (way.lost, way.doubled) == (0, 0), str(way)
    assert [path.links for path in ring.intents()["taking"].status.paths] == [["a-n", "n-z"]]
    ring.check_frames([mover, TAKING])


@pytest.mark.lab
def test_an_end_that_moves_takes_its_frames_along(ring):
    """What enters at the end that stays comes out at the old place or at the new one, all of it."""
    moved = replace(LINE, z=Attachment(site="z2", vlan=300))
    ring.apply(LINE)
    for changed in (moved, LINE):
        with streaming(ring.ports, [("line", "a1", 100)]) as stream:
            stream.go_on()
            ring.apply(changed)
            stream.go_on()
        (way,) = stream.ways.values()
        assert (way.lost, way.doubled) == (0, 0), str(way)
        assert way.came_out == {("z1", 200), ("z2", 300)}
        ring.check_frames([changed])


@pytest.mark.lab
def test_the_head_ends_change_over_when_their_first_links_are_down(ring):
    """The node between them is lost, so that both see it; of one link between a head end and others, only that end."""
    gold = line("gold", "a1.100", "z1.200", protected=True)
    plain = line("plain", "a1.101", "z1.201")
    ring.apply(gold, plain)
    ring.check_frames([gold, plain])
    ring.set_link("a-n", up=False)
    ring.set_link("n-z", up=False)
    until(lambda: ring.carries([gold]), "both ends to change over")
    ring.check_frames([gold], silent=[plain])
    ring.set_link("n-z", up=True)
    with streaming(ring.ports, [("gold", "a1", 100)]) as stream:
        stream.go_on()
    (way,) = stream.ways.values()
    assert (way.lost, way.doubled) == (0, 0), str(way)
    ring.set_link("a-n", up=True)
    until(lambda: ring.carries([gold, plain]), "both ends to change back")
    ring.delete(gold, plain)
    assert ring.until_right().pairs == ()
    assert ring.held() == []
