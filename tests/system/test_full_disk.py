"""The disk is full before, during and after a change: nothing is lost, nothing half done, and it mends itself.

"Full" is a limit on the size of files that the kernel sets on the running controller from outside.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
from running.full_disk import no_room
from running.lines import line
from running.processes import until

from controller.wire.errors import RemoteError

A = line("one", "a1.100", "z1.200")
B = line("two", "a1.101", "z1.201")


@pytest.fixture
def quiet(net):
    """A controller with a line, whose switches all take part."""
    net.apply(A)
    net.until_all_take_part()
    return net


def test_a_change_that_cannot_be_written_down_is_not_begun(quiet):
    written = quiet.changes_written()
    with no_room(quiet):
        for request in (lambda: quiet.apply(B), lambda: quiet.delete(A)):
            with pytest.raises(RemoteError) as refused:
                request()
            assert (refused.value.code.name, refused.value.reason) == ("UNAVAILABLE", "STATE_UNAVAILABLE")
        assert quiet.states() == {"one": ("ACTIVE", A)}  # what is there can still be read
        assert quiet.changes_written() == written
    quiet.apply(B)
    assert quiet.states() == {"one": ("ACTIVE", A), "two": ("ACTIVE", B)}
    quiet.until_right()


@contextmanager
def held_up(net, device, state, request, name):
    """A change that waits for a switch in the middle: yields its future."""
    net.switches.set_switch(device, frozen=True)
    try:
        with ThreadPoolExecutor(1) as pool:
            future = pool.submit(request)
            until(lambda: net.states().get(name, ("",))[0] == state, "the change to begin")
            yield future
    finally:
        net.switches.set_switch(device, frozen=False)


def test_a_change_cut_off_before_its_commit_point_is_undone_when_there_is_room_again(quiet):
    with held_up(quiet, "pe-z", "APPLYING", lambda: quiet.apply(B, request_id="r"), "two") as future:
        with no_room(quiet):
            quiet.switches.set_switch("pe-z", frozen=False)
            assert future.exception().reason == "STATE_UNAVAILABLE"
            assert quiet.states()["two"][0] == "APPLYING"
            quiet.check_frames([A])
        until(lambda: quiet.states()["two"][0] == "FAILED", "the change to be undone")
    saved = quiet.until_right()
    assert [placed.line for placed in saved.placed] == [A]
    with pytest.raises(RemoteError, match="INTERRUPTED"):
        quiet.apply(B, request_id="r")
    quiet.apply(B)
    quiet.until_right()
    quiet.check_frames([A, B])


def test_a_change_cut_off_behind_its_commit_point_is_finished_when_there_is_room_again(quiet):
    with held_up(quiet, "p-n", "DELETING", lambda: quiet.delete(A, request_id="r"), "one") as future:
        until(lambda: quiet.saved().placed == (), "the commit point")
        with no_room(quiet):
            quiet.switches.set_switch("p-n", frozen=False)
            assert future.exception().reason == "STATE_UNAVAILABLE"
        until(lambda: quiet.states() == {}, "the change to be finished")
    quiet.delete(A, request_id="r")
    assert quiet.until_right().placed == ()
    quiet.apply(A)
    quiet.until_right()
    quiet.check_frames([A])


def test_a_controller_killed_with_a_full_disk_recovers(quiet):
    with held_up(quiet, "pe-z", "APPLYING", lambda: quiet.apply(B), "two") as future, no_room(quiet):
        quiet.switches.set_switch("pe-z", frozen=False)
        assert future.exception().reason == "STATE_UNAVAILABLE"
    quiet.restart()
    assert quiet.states()["two"][0] == "FAILED"
    assert [placed.line for placed in quiet.until_right().placed] == [A]
