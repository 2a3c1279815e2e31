"""Whatever is ordered of whatever network: no packet is lost, doubled or led astray while the network changes.

Frames are sent as bytes through the rules that devices hold, after every single change, in any order of devices.
"""

from __future__ import annotations

import random
from collections import Counter
from unittest.mock import patch

from hypothesis import event, given
from hypothesis import strategies as st
from installation import Installation, delivered, holders, interleaved, probes, promised, restarted
from strategies import histories, resolve, topologies

from controller.compiler.planner import Planner

seeds = st.integers(0, 2**32 - 1)


def specifications(planner):
    return {key: placed.line for key, placed in planner.lines.items()}


def check_frames(installed, before, after, trials):
    """Each frame goes as it went before or as it will go after: the whole frame, once, and nowhere else. Only at an end
    that passes from one line to another may it be dropped, while the one has closed and the other not opened yet."""
    for site, frames in trials:
        for sent in frames:
            seen = delivered(installed, site, sent)
            was = promised(installed.topology, before, site, sent)
            will = promised(installed.topology, after, site, sent)
            if not seen and holders(before, site, sent) != holders(after, site, sent):
                continue
            assert seen in (was, will), (site, sent.hex(), seen, was, will)


def sample(trials, rng):
    """One frame a site: enough after each of many changes."""
    return [(site, [rng.choice(frames)]) for site, frames in trials]


def planned(planner, batch):
    """The next plan for this batch, and the lines and trunks there are before and after it."""
    before, trunks = list(planner.lines.values()), dict(planner.trunks)
    wanted, unwanted = resolve(batch, specifications(planner), planner.topology)
    plan = planner.plan(wanted, unwanted)
    planner.adopt(plan)
    after = list(planner.lines.values())
    for part in plan.rounds:
        event(f"round {part.kind}")
    for verdict in plan.verdicts:
        event("placed" if verdict.feasible else verdict.refusals[0].reason)
    return plan, before, after, probes(planner.topology, [*before, *after], trunks | planner.trunks)


@given(topologies(), histories, seeds)
def test_frames_go_the_old_way_or_the_new_one_after_every_change(topology, orders, seed):
    rng = random.Random(seed)
    planner, installed = Planner(topology), Installation(topology)
    for batch in orders:
        plan, before, after, trials = planned(planner, batch)
        check_frames(installed, before, before, trials)
        for _ in installed.install(plan, rng):
            check_frames(installed, before, after, sample(trials, rng))
        check_frames(installed, after, after, trials)
        assert installed.tables() == planner.desired


@given(topologies(), histories, seeds)
def test_numbers_that_come_round_again_mix_up_nothing(topology, orders, seed):
    """With so few numbers that each plan meets those which the one before it gave back, and some meet none."""
    rng = random.Random(seed)
    few = {
        "METER_IDS": (1, 4),
        "GROUP_IDS": (1, 5),
        "SERVICE_LABELS": (600_000, 600_023),
        "TRUNK_LABELS": (2_000, 2_011),
    }
    with patch.multiple("controller.compiler.inventory", **few):
        planner, installed = Planner(topology), Installation(topology)
    for batch in orders:
        plan, before, after, trials = planned(planner, batch)
        for _ in installed.install(plan, rng):
            check_frames(installed, before, after, sample(trials, rng))
        assert installed.tables() == planner.desired


@given(topologies(), histories, seeds)
def test_a_plan_can_be_taken_back_from_wherever_it_stands(topology, orders, seed):
    rng = random.Random(seed)
    planner, installed = Planner(topology), Installation(topology)
    for batch in orders:
        plan, before, after, trials = planned(planner, batch)
        tables = installed.tables()
        done = []
        cut = rng.randint(0, sum(len(changes) for part in plan.rounds for _, changes in part.changes))
        for part in plan.rounds:
            of_round = {device: [] for device, _ in part.changes}
            done.append(of_round)
            for device, change in interleaved(part.changes, rng):
                if cut == 0:
                    break
                cut -= 1
                installed.apply(device, change)
                of_round[device].append(change)
        for of_round in reversed(done):
            back = [
                (device, [change.inverse for change in reversed(made)]) for device, made in of_round.items() if made
            ]
            for device, change in interleaved(back, rng):
                installed.apply(device, change)
                check_frames(installed, before, after, sample(trials, rng))
        check_frames(installed, before, before, sample(trials, rng))
        assert installed.tables() == tables
        for _ in installed.install(plan, rng):
            pass


@given(topologies(), histories)
def test_what_devices_should_hold_follows_from_lines_and_trunks_alone(topology, orders):
    planner = Planner(topology)
    for batch in orders:
        planned(planner, batch)
        assert restarted(planner).desired == planner.desired
        assert planner.trunks.keys() == {label for placed in planner.lines.values() for label in placed.trunks_ridden}


@given(topologies(), histories)
def test_links_hold_what_the_lines_on_them_reserve_and_never_more_than_they_have(topology, orders):
    planner = Planner(topology)
    for batch in orders:
        plan, _, after, _ = planned(planner, batch)
        held = Counter()
        for placed in after:
            there, back = map(topology.reservation_bps, placed.line.cir_bps)
            for route in placed.routes:
                for node, name in zip(route.nodes, route.links, strict=False):
                    onward = topology.link[name].direction_from(node)
                    held[name, onward] += there
                    held[name, onward.reverse] += back
        assert {(use.link, use.direction): use.reserved_bps for use in plan.links if use.reserved_bps} == +held
        assert all(use.reserved_bps <= use.capacity_bps for use in plan.links)
        assert planner.plan(()).links == plan.links


@given(topologies(), histories, seeds)
def test_nothing_is_left_when_all_lines_are_gone(topology, orders, seed):
    rng = random.Random(seed)
    planner, installed = Planner(topology), Installation(topology)
    plans = [planned(planner, batch)[0] for batch in orders]
    plans.append(planner.plan((), list(planner.lines)))
    planner.adopt(plans[-1])
    for plan in plans:
        for _ in installed.install(plan, rng):
            pass
    assert not any(installed.tables().values())
    assert not planner.lines
    assert not planner.trunks
    assert not planner.pairs
    assert not any(use.reserved_bps for use in plans[-1].links)
