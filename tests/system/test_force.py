"""No intent is ever stuck: a forced delete ends whatever devices do, and a forced change leaves dead devices behind."""

from __future__ import annotations

import pytest
from running.command import trunkline
from running.controllers import called, reserved
from running.lines import line
from running.processes import until
from running.simulated import simulated

from controller.wire.errors import RemoteError
from controller.wire.gen.trunkline.v1 import intent_pb2 as pb
from controller.wire.intents import line_to_wire
from controller.wire.names import intent_name

KEPT = line("kept", "a1.100", "z1.200")
GONE = line("gone", "a1.101", "z1.201", avoid=["p-n"])
NORTH = line("gone", "a1.101", "z1.201", avoid=["p-s"])


def delete(net, one, **more):
    return called(net.stub.Delete, pb.DeleteRequest(names=[intent_name(one.key)], force=True, **more))


def leave(net, device):
    net.switches.set_switch(device, connected=False)
    until(lambda: device not in net.connected(), "the switch to leave")


@pytest.mark.parametrize("devices", [("p-s",), ("pe-a",), ("pe-a", "p-s", "pe-z")])
def test_a_line_over_devices_that_are_gone_is_deleted_and_they_are_cleaned_when_they_return(net, devices):
    net.apply(KEPT, GONE)
    for device in devices:
        leave(net, device)
    with pytest.raises(RemoteError, match="DEVICE_UNREACHABLE"):
        net.delete(GONE)
    delete(net, GONE, request_id="d")
    assert net.states() == {"kept": ("ACTIVE", KEPT)}
    saved = net.saved()
    assert {left.device for left in saved.leftovers} == set(devices)
    assert net.ledger() == reserved(net.topology, saved)
    delete(net, GONE, request_id="d")  # asked again
    for device in devices:
        net.switches.set_switch(device, connected=True)
    net.until_right()
    net.check_frames([KEPT], silent=[GONE])


def test_what_is_left_on_devices_is_known_also_to_the_next_controller(net):
    net.apply(KEPT, GONE)
    leave(net, "pe-z")
    delete(net, GONE)
    net.restart()
    net.switches.set_switch("pe-z", connected=True)
    net.until_right()
    net.check_frames([KEPT], silent=[GONE])


@pytest.mark.parametrize("device", ["pe-a", "p-s"])
def test_a_device_that_hangs_holds_up_no_forced_delete(processes, device):
    with simulated(processes) as net:
        net.start(limits={"answer_s": 0.5})
        net.apply(KEPT, GONE)
        net.until_right()
        net.switches.set_switch(device, frozen=True)
        delete(net, GONE)
        assert net.states() == {"kept": ("ACTIVE", KEPT)}
        assert net.ledger() == reserved(net.topology, net.saved())
        net.switches.set_switch(device, frozen=False)
        net.until_right()
        net.check_frames([KEPT], silent=[GONE])


@pytest.mark.parametrize("fault", [{"kind": "refuse", "error": "BAD_MATCH"}, {"kind": "ignore"}, {"kind": "hang-up"}])
def test_a_device_that_refuses_or_lies_holds_up_no_forced_delete(net, fault):
    net.apply(KEPT, GONE)
    net.until_right()
    net.switches.order_fault("pe-a", **fault)
    delete(net, GONE)
    assert net.states() == {"kept": ("ACTIVE", KEPT)}
    net.until_right()
    net.check_frames([KEPT], silent=[GONE])


def test_a_failed_intent_is_deleted_without_its_devices(net):
    net.until_all_take_part()
    net.switches.order_fault("p-s", "leave")
    with pytest.raises(RemoteError, match="DEVICE_UNREACHABLE"):
        net.apply(GONE)
    assert net.states()["gone"][0] == "FAILED"
    net.delete(GONE)
    assert net.states() == {}
    net.switches.set_switch("p-s", connected=True)
    net.until_right()


def test_a_line_is_moved_off_a_device_that_is_gone(net):
    net.apply(KEPT, GONE)
    leave(net, "p-s")
    with pytest.raises(RemoteError, match="DEVICE_UNREACHABLE"):
        net.apply(NORTH)
    called(net.stub.Apply, pb.ApplyRequest(intents=[line_to_wire(NORTH)], force=True))
    assert net.states()["gone"] == ("ACTIVE", NORTH)
    net.check_frames([KEPT, NORTH])
    leave(net, "pe-z")
    with pytest.raises(RemoteError, match="DEVICE_UNREACHABLE"):  # what is to carry something must be there
        called(net.stub.Apply, pb.ApplyRequest(intents=[line_to_wire(line("new", "a2", "z2"))], force=True))
    for device in ("p-s", "pe-z"):
        net.switches.set_switch(device, connected=True)
    net.until_right()
    net.check_frames([KEPT, NORTH])


def test_a_frozen_controller_deletes_by_force(net):
    net.apply(KEPT, GONE)
    assert trunkline("freeze", "--server", net.server).code == 0
    leave(net, "pe-z")
    answer = trunkline("delete", "--force", "acme/gone", "--server", net.server)
    assert (answer.code, answer.err) == (0, "")
    net.switches.set_switch("pe-z", connected=True)
    assert trunkline("freeze", "--off", "--server", net.server).code == 0
    net.until_right()
    net.check_frames([KEPT], silent=[GONE])
