"""Every check passes what is right, and fails each thing that it is there to find."""

from dataclasses import replace

import pytest
from measured_lab import PORT, VLAN, arrival, exchange, ideal, probes_of

from controller.domain.topology import Direction
from lab.measure import checks
from lab.measure.dataplane import Flooded, RoundTrip
from lab.measure.probes import Purpose

A_TO_Z, Z_TO_A = Direction
MS = 1_000_000


def first(probes, direction=A_TO_Z, purpose=Purpose.CARRIED):
    return next(probe for probe in probes if probe.direction is direction and probe.purpose is purpose)


@pytest.mark.parametrize("name", ["acme/port", "acme/vlan"])
@pytest.mark.parametrize("direction", Direction)
def test_frames_that_arrive_as_they_should_are_carried(name, direction):
    probes = probes_of(name)
    check = checks.carried(direction, probes, exchange(ideal(probes)))
    assert check.passed
    assert check.message == ""


def spoiled(probe):
    at_far = arrival(probe)
    return {
        "did not arrive at s2": [],
        "arrived 2 times": [at_far, at_far],
        "arrived altered": [replace(at_far, frame=probe.arrival[:-1] + b"\xee")],
        "60 bytes instead of": [replace(at_far, frame=probe.arrival[:60])],
        "80 bytes instead of 78": [replace(at_far, frame=probe.arrival + b"\0\0")],
    }


@pytest.mark.parametrize("fault", spoiled(first(probes_of("acme/port"))))
def test_a_spoiled_frame_fails_its_direction_and_is_described(fault):
    probes = probes_of("acme/port")
    victim = first(probes)
    arrivals = [found for found in ideal(probes) if found.mark != victim.mark] + spoiled(victim)[fault]
    check = checks.carried(A_TO_Z, probes, exchange(arrivals))
    assert not check.passed
    assert check.message.startswith(victim.kind)
    assert fault in check.message
    assert checks.carried(Z_TO_A, probes, exchange(arrivals)).passed


def test_a_frame_at_a_wrong_site_is_not_carried():
    probes = probes_of("acme/port")
    victim = first(probes)
    arrivals = [replace(found, site="s5") if found.mark == victim.mark else found for found in ideal(probes)]
    assert not checks.carried(A_TO_Z, probes, exchange(arrivals)).passed


def test_a_frame_that_could_not_be_sent_is_not_carried():
    probes = probes_of("acme/port")
    victim = first(probes)
    arrivals = [found for found in ideal(probes) if found.mark != victim.mark]
    check = checks.carried(A_TO_Z, probes, exchange(arrivals, {victim.mark: "Network is down"}))
    assert not check.passed
    assert "could not be sent at s1: Network is down" in check.message


def test_nothing_is_proved_without_probes_or_by_a_prober_that_lost_frames():
    probes = probes_of("acme/vlan")
    lossy = exchange(ideal(probes), lost_by_prober=3)
    assert not checks.carried(A_TO_Z, [], exchange([])).passed
    assert not checks.blocked([], exchange([])).passed
    assert not checks.carried(A_TO_Z, probes, lossy).passed
    assert not checks.isolated(VLAN, probes, lossy, {}).passed
    assert "lost 3 frames" in checks.blocked(probes, lossy).message


def test_many_faults_are_summed_up():
    probes = probes_of("acme/port")
    message = checks.carried(A_TO_Z, probes, exchange([])).message
    assert message.count("did not arrive") == 4
    assert message.endswith("and 13 more")


def test_what_is_blocked_everywhere_is_blocked():
    probes = probes_of("acme/vlan")
    assert checks.blocked(probes, exchange(ideal(probes))).passed


@pytest.mark.parametrize("site", ["s4", "s5", "s3"])
def test_a_foreign_frame_that_comes_out_anywhere_fails_blocked_alone(site):
    probes = probes_of("acme/vlan")
    foreign = first(probes, purpose=Purpose.BLOCKED)
    found = exchange([*ideal(probes), arrival(foreign, site=site)])
    check = checks.blocked(probes, found)
    assert not check.passed
    assert f"{foreign.kind} entered at s3 and came out at {site}" in check.message
    assert checks.isolated(VLAN, probes, found, {}).passed


def test_a_foreign_frame_that_could_not_be_sent_proves_nothing():
    probes = probes_of("acme/vlan")
    foreign = first(probes, purpose=Purpose.BLOCKED)
    assert not checks.blocked(probes, exchange(ideal(probes), {foreign.mark: "Network is down"})).passed


@pytest.mark.parametrize("site", ["s5", "s1"])
def test_a_frame_at_a_third_site_or_back_at_its_own_fails_isolation(site):
    probes = probes_of("acme/port")
    stray = first(probes)
    found = exchange([*ideal(probes), arrival(stray, site=site)])
    check = checks.isolated(PORT, probes, found, {})
    assert not check.passed
    assert f"came out at {site}" in check.message
    assert checks.carried(A_TO_Z, probes, found).passed


def test_load_at_a_third_site_fails_isolation():
    probes = probes_of("acme/port")
    floods = {A_TO_Z: flooded(10, 10, received={"s2": 1, "s5": 1514}), Z_TO_A: flooded(6, 4, received={"s1": 1})}
    check = checks.isolated(PORT, probes, exchange(ideal(probes)), floods)
    assert not check.passed
    assert "1514 bytes of load from s1 came out at s5" in check.message


def trips(total_ms, count=20, lost=0):
    good = [RoundTrip(out_ns=int(total_ms * MS) - 20 * MS, back_ns=20 * MS)] * (count - lost)
    return [*good, *[None] * lost]


@pytest.mark.parametrize("total_ms", [49.81, 50.0, 52.49])
def test_a_round_trip_within_tolerance_passes(total_ms):
    assert checks.round_trip(PORT, trips(total_ms)).passed


@pytest.mark.parametrize(("total_ms", "words"), [(49.79, "less than planned"), (52.51, "longer"), (60.0, "longer")])
def test_a_round_trip_out_of_tolerance_fails(total_ms, words):
    check = checks.round_trip(PORT, trips(total_ms))
    assert not check.passed
    assert words in check.message


@pytest.mark.parametrize(("late_ms", "passed"), [(1.99, True), (2.01, False)])
def test_a_short_line_may_be_two_milliseconds_late(late_ms, passed):
    short = replace(PORT, delay_ns=replace(PORT.delay_ns, a_to_z=3 * MS, z_to_a=3 * MS))
    late = [RoundTrip(out_ns=3 * MS, back_ns=int((3 + late_ms) * MS))] * 20
    assert checks.round_trip(short, late).passed is passed


def test_outliers_do_not_move_the_median_but_losses_count():
    assert checks.round_trip(PORT, trips(50, 11) + trips(90, 9)).passed
    assert checks.round_trip(PORT, trips(50, lost=2)).passed
    assert not checks.round_trip(PORT, trips(50, lost=3)).passed
    assert not checks.round_trip(PORT, trips(50, lost=20)).passed
    assert not checks.round_trip(PORT, []).passed


def flooded(offered_mbps, delivered_mbps, seconds=10, received=None, **changes):
    counted = {"s2": round(delivered_mbps * 1e6 * seconds / 8)} if received is None else received
    return Flooded(
        sent_bytes=round(offered_mbps * 1e6 * seconds / 8),
        elapsed_ns=seconds * 10**9,
        received_bytes=counted,
        **changes,
    )


# The CIR is 10 Mbps and the burst 5 Mbit: over 10 s from 9.5 to 10.3 + 0.5 Mbps, over 2 s up to 10.3 + 2.5.
@pytest.mark.parametrize(
    ("delivered_mbps", "seconds", "passed"),
    [(9.49, 10, False), (9.51, 10, True), (10.79, 10, True), (10.81, 10, False), (12.79, 2, True), (12.81, 2, False)],
)
def test_the_rate_delivered_must_be_the_cir(delivered_mbps, seconds, passed):
    assert checks.rate(PORT, A_TO_Z, flooded(15, delivered_mbps, seconds)).passed is passed


def test_each_direction_has_its_own_cir():
    back = flooded(6, 4, received={"s1": 5_000_000})
    assert checks.rate(PORT, Z_TO_A, back).passed
    assert not checks.rate(PORT, A_TO_Z, flooded(15, 4)).passed


def test_what_arrives_at_a_wrong_site_is_not_delivered():
    assert not checks.rate(PORT, A_TO_Z, flooded(15, 10, received={"s5": 12_500_000})).passed


@pytest.mark.parametrize(
    ("found", "words", "conclusive"),
    [
        (flooded(12.9, 10), "too little to tell", False),
        (flooded(15, 10, lost_by_prober=1), "prober lost 1 frames", False),
        (flooded(1, 1, refused="Network is down"), "Network is down", True),
    ],
)
def test_a_flood_that_was_not_what_it_should_be_passes_nothing(found, words, conclusive):
    check = checks.rate(PORT, A_TO_Z, found)
    assert not check.passed
    assert words in check.message
    assert checks.is_conclusive(PORT.cir_bps.a_to_z, found) is conclusive


def test_a_good_flood_is_conclusive_even_if_the_line_fails():
    assert checks.is_conclusive(PORT.cir_bps.a_to_z, flooded(15, 0))


def test_observations_tell_what_became_of_frames_without_a_promise():
    probes = probes_of("acme/vlan")
    seen = first(probes, purpose=Purpose.OBSERVED)
    outcomes = {
        (told.kind, told.direction): told.outcome for told in checks.observations(probes, exchange([arrival(seen)]))
    }
    assert outcomes.pop((seen.kind, A_TO_Z)) == "carried unchanged"
    assert set(outcomes.values()) == {"did not arrive at s3", "did not arrive at s4"}
