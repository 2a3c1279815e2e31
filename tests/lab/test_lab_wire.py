"""Wires between two network namespaces, measured with frames."""

import json
import os
import statistics
import subprocess
import time
from contextlib import ExitStack

import pytest
from raw_frames import RawEnd, frame, one_way_ms
from waiting import wait_until

from controller.domain.topology import Direction, PerDirection
from lab.errors import LabError
from lab.wire import Impairment
from lab.wires import Plug, Wires

pytestmark = pytest.mark.lab(alone=True)

MS = 1_000_000
MTU = 1600
MPLS = bytes.fromhex("0200000000020200000000018847")


@pytest.fixture
def netns():
    """Two processes, each in a network namespace of its own."""
    processes = [subprocess.Popen(["unshare", "--net", "sleep", "infinity"]) for _ in range(2)]
    ours = os.readlink("/proc/self/ns/net")
    for process in processes:
        wait_until(lambda pid=process.pid: os.readlink(f"/proc/{pid}/ns/net") != ours, "a network namespace")
    yield [process.pid for process in processes]
    for process in processes:
        process.kill()
        process.wait()


@pytest.fixture
def wires():
    with Wires() as wires:
        yield wires


@pytest.fixture
def lay(netns, wires):
    """Lays a wire and returns its two ends."""
    ends = ExitStack()

    def lay(name="wire", a_to_z=None, z_to_a=None):
        to_z = Impairment() if a_to_z is None else a_to_z
        plugs = [Plug(netns_pid=pid, interface=f"{name}", mtu_bytes=MTU) for pid in netns]
        wires.add(name, *plugs, PerDirection(to_z, to_z if z_to_a is None else z_to_a))
        return [ends.enter_context(RawEnd(pid, name)) for pid in netns]

    with ends:
        yield lay


def carrier(pid, interface):
    shown = subprocess.check_output(["nsenter", f"--target={pid}", "--net", "ip", "-j", "link", "show", interface])
    return "NO-CARRIER" not in json.loads(shown)[0]["flags"]


@pytest.mark.parametrize("asked_ms", [0, 1, 20, 150])
def test_delay_is_what_was_asked(lay, asked_ms):
    a, z = lay(a_to_z=Impairment(delay_ns=asked_ms * MS))
    for sender, receiver in ((a, z), (z, a)):
        assert asked_ms <= statistics.median(one_way_ms(sender, receiver)) <= asked_ms + 3


def test_each_direction_has_its_own_delay_and_may_change(lay, wires):
    a, z = lay(a_to_z=Impairment(delay_ns=30 * MS), z_to_a=Impairment(delay_ns=5 * MS))
    assert 30 <= statistics.median(one_way_ms(a, z)) <= 33
    assert 5 <= statistics.median(one_way_ms(z, a)) <= 8
    wires.set("wire", Direction.A_TO_Z, Impairment(delay_ns=10 * MS))
    assert 10 <= statistics.median(one_way_ms(a, z)) <= 13
    assert 5 <= statistics.median(one_way_ms(z, a)) <= 8


def test_rate_spaces_frames_and_the_queue_drops_its_tail(lay, wires):
    a, z = lay(a_to_z=Impairment(rate_bps=10_000_000))
    # 1,250 bytes take 1 ms at 10 Mbps; the queue holds 100 ms.
    sent = [frame(number, size=1250) for number in range(300)]
    for each in sent:
        a.send(each)
    first, started = z.receive(), time.monotonic()
    rest = z.receive_all()
    spacing_ms = (time.monotonic() - 0.3 - started) * 1000 / len(rest)
    arrived = [first, *rest]
    assert arrived == sent[: len(arrived)] or set(arrived) < set(sent), "frames came altered"
    assert arrived == sorted(arrived, key=sent.index), "frames overtook each other"
    assert 100 <= len(arrived) < 300
    assert spacing_ms >= 0.9
    counters = wires.counters()["wire"][Direction.A_TO_Z]
    assert (counters.entered, counters.overflowed) == (300, 300 - len(arrived))


def test_a_flood_of_what_can_wait_takes_nothing_from_what_is_urgent(lay, wires):
    a, z = lay(a_to_z=Impairment(rate_bps=10_000_000))
    bulk = [labelled(0, number, 1250) for number in range(400)]
    urgent = [labelled(5, number, 1250) for number in range(40)]
    for number, each in enumerate(bulk):
        a.send(each)
        if number % 10 == 9:
            a.send(urgent[number // 10])
    arrived = z.receive_all()
    assert [each for each in arrived if each in set(urgent)] == urgent
    passed = [each for each in arrived if each in set(bulk)]
    assert passed == sorted(passed, key=bulk.index)
    counters = wires.counters_by_class()["wire"][Direction.A_TO_Z]
    assert (counters[5].entered, counters[5].overflowed) == (40, 0)
    assert (counters[0].entered, counters[0].overflowed) == (400, 400 - len(passed))
    assert len(passed) < 400


def labelled(tc, number, size):
    """An MPLS frame of a traffic class."""
    return MPLS + (1024 << 12 | tc << 9 | 64).to_bytes(4, "big") + number.to_bytes(4, "big") + bytes(size - 22)


def test_loss(lay, wires):
    a, z = lay(a_to_z=Impairment(loss=0.25))
    sent = [frame(number) for number in range(2000)]
    for number, each in enumerate(sent):
        a.send(each)
        if number % 200 == 199:  # no more at once than the plug's own queue holds
            wait_until(lambda upto=number: wires.counters()["wire"][Direction.A_TO_Z].entered > upto, "frames read")
    arrived = z.receive_all()
    assert len(arrived) == pytest.approx(1500, abs=100)  # five standard deviations
    wires.set("wire", Direction.A_TO_Z, Impairment(loss=1.0))
    a.send(frame(1))
    assert z.receive_all() == []
    wires.set("wire", Direction.A_TO_Z, Impairment())
    a.send(frame(2))
    assert z.receive_all() == [frame(2)]


def test_a_cut_takes_the_carrier_and_what_is_under_way(lay, netns, wires):
    a, z = lay(a_to_z=Impairment(delay_ns=300 * MS))
    assert all(carrier(pid, "wire") for pid in netns)
    a.send(frame(1))
    wait_until(lambda: wires.counters()["wire"][Direction.A_TO_Z].entered == 1, "the frame under way")
    wires.cut("wire")
    assert not any(carrier(pid, "wire") for pid in netns)
    wires.restore("wire")
    assert all(carrier(pid, "wire") for pid in netns)
    a.send(frame(2))
    assert z.receive_all(silence_s=1) == [frame(2)]


def test_swapped_wires_end_at_each_others_plug(lay, wires):
    a1, z1 = lay("one")
    a2, z2 = lay("two")
    wires.swap("one", "two")
    for near, far in ((a1, z2), (a2, z1)):
        near.send(frame(1))
        assert far.receive() == frame(1)
        far.send(frame(2))
        assert near.receive() == frame(2)
    wires.swap("two", "one")
    a1.send(frame(3))
    assert z1.receive() == frame(3)


@pytest.mark.parametrize("tags", [b"", bytes.fromhex("8100a064"), bytes.fromhex("88a8e0648100a00a")])
def test_full_frames_pass_whole(lay, tags):
    a, z = lay()
    # Linux allows one 0x8100 tag beyond the MTU; every other tag counts as payload.
    beyond = 4 if tags[:2] == bytes.fromhex("8100") else 0
    full = frame(7, size=MTU + 14 + beyond - len(tags), tags=tags)
    a.send(full)
    assert z.receive() == full
    with pytest.raises(OSError, match="Message too long"):
        a.send(full + b"+")


def test_nothing_crosses_that_nobody_sent(lay, wires):
    a, z = lay()
    a.send(frame(1))
    assert z.receive_all(silence_s=2) == [frame(1)]
    assert [counters.entered for counters in wires.counters()["wire"].values()] == [1, 0]


def test_what_does_not_exist_is_refused(lay, wires):
    lay()
    with pytest.raises(LabError, match="no wire nope; there are wire"):
        wires.cut("nope")
    with pytest.raises(LabError, match="a wire wire already"):
        lay()
