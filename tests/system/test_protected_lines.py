"""Lines with 1:1 protection: what is placed and told, that it outlives restarts, and how the head ends change over."""

from __future__ import annotations

from running.lines import MBPS, line, ways

GOLD = line("gold", "a1.100", "z1.200", protected=True)
PLAIN = line("plain", "a1.101", "z1.201")
NORTH, SOUTH = ["a-n", "n-z"], ["a-s", "s-z"]


def arrivals(net, *lines):
    """(line, entry) of each way by which frames come through as they should, with the nodes they cross."""
    sent = list(ways(lines))
    outcomes = net.switches.send([(site, data) for _, site, data, _, _ in sent])
    return {
        (one.name, site): arrived.nodes
        for (one, site, _, far_site, far_data), outcome in zip(sent, outcomes, strict=True)
        for arrived in outcome.arrivals
        if (arrived.place.site, arrived.frame) == (far_site, far_data)
    }


def cut(net, *links):
    for name in net.topology.link:
        net.switches.set_link(name, up=name not in links)


def test_both_routes_are_told_and_reserved(net):
    (verdict,) = net.plan(GOLD).intents
    net.apply(GOLD)
    status = net.intents()["gold"].status
    for paths in (verdict.paths, status.paths):
        assert [(path.role, list(path.links)) for path in paths] == [("working", NORTH), ("protect", SOUTH)]
    assert {link for link, _ in net.ledger()} == {*NORTH, *SOUTH}
    assert set(net.ledger().values()) == {4 * MBPS}


def test_it_outlives_a_restart_and_a_switch_that_lost_everything(net):
    net.apply(GOLD, PLAIN)
    saved, tables = net.until_right(), net.tables()
    written = net.changes_written()
    net.restart()
    net.apply(line("other", "a2", "z2"))
    assert net.saved().pairs == saved.pairs
    net.delete(line("other", "a2", "z2"))
    net.until_switches_hold(tables)
    assert written["p-s"] == net.changes_written()["p-s"]  # nothing of the other line is there
    net.switches.set_switch("pe-a", restart=True)
    net.until_switches_hold(tables)
    net.check_frames([GOLD, PLAIN])


def test_each_head_end_changes_over_when_its_own_first_link_is_down(net):
    net.apply(GOLD, PLAIN)
    whole = arrivals(net, GOLD, PLAIN)
    north, south = ("pe-a", "p-n", "pe-z"), ("pe-a", "p-s", "pe-z")
    assert whole[("gold", "a1")] == whole[("plain", "a1")] == north
    # The node between them is gone: both ends see it.
    cut(net, *NORTH)
    assert arrivals(net, GOLD, PLAIN) == {("gold", "a1"): south, ("gold", "z1"): south[::-1]}
    # One link is gone, which only one end sees: the other goes on sending into the cut.
    cut(net, "a-n")
    assert arrivals(net, GOLD, PLAIN) == {("gold", "a1"): south}
    cut(net, *SOUTH)
    assert arrivals(net, GOLD, PLAIN) == whole
    cut(net)
    assert arrivals(net, GOLD, PLAIN) == whole


def test_protection_is_given_and_taken_while_frames_pass(net):
    plain = line("gold", "a1.100", "z1.200")
    fresh = net.tables()
    net.apply(plain)
    unprotected = net.tables()
    net.apply(GOLD)
    net.check_frames([GOLD])
    assert net.tables() != unprotected
    net.apply(plain)
    net.check_frames([GOLD])
    saved = net.until_right()
    assert saved.pairs == ()
    assert {link for link, _ in net.ledger()} == set(NORTH)
    net.delete(GOLD)
    assert net.tables() == fresh
    assert net.ledger() == {}


def test_when_all_lines_are_deleted_no_trace_is_left(net):
    fresh = net.tables()
    second = line("second", "a2", "z2", avoid=["p-s"])
    third = line("third", "a1.103", "z1.203", protected=True, mbps=2)
    net.apply(GOLD, PLAIN, second)
    net.apply(third)
    assert len(net.until_right().pairs) == 2  # one for each direction, for both protected lines
    net.delete(GOLD)
    net.check_frames([PLAIN, second, third], silent=[GOLD])
    net.delete(third, PLAIN, second)
    assert net.tables() == fresh
    saved = net.until_right()
    assert (saved.placed, saved.trunks, saved.pairs) == ((), (), ())
