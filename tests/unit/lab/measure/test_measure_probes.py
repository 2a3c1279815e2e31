import pytest
from measured_lab import LAB, line, probes_of

from controller.domain.intents import Attachment
from controller.domain.topology import PerDirection
from lab.measure.expectation import ExpectedLab
from lab.measure.frames import mark_of
from lab.measure.probes import Marks, Purpose, lab_probes


def of(purpose, probes):
    return [probe for probe in probes if probe.purpose is purpose]


def test_every_probe_has_a_mark_of_its_own_in_its_frame():
    probes = lab_probes(LAB, Marks(7))
    assert len({probe.mark for probe in probes}) == len(probes)
    assert all(mark_of(probe.frame) == probe.mark and probe.mark >> 32 == 7 for probe in probes)


def test_an_epl_carries_everything_and_blocks_nothing():
    probes = probes_of("acme/port")
    assert {probe.kind for probe in probes if probe.purpose is not Purpose.CARRIED} == {"drop-eligible tag"}
    assert all(probe.frame == probe.arrival for probe in probes)
    outer = {probe.frame[12:14].hex() for probe in probes}
    assert outer >= {"0800", "86dd", "0806", "88cc", "88b5", "8847", "8100", "88a8"}
    assert {len(probe.frame) for probe in probes} >= {60, 1514, 1518}


def test_an_evpl_carries_its_vid_and_translates_it():
    probes = of(Purpose.CARRIED, probes_of("acme/vlan"))
    for probe in probes:
        near, far = (100, 200) if probe.site == "s3" else (200, 100)
        assert probe.frame[12:14] == probe.arrival[12:14] == b"\x81\x00"
        sent, arrives = (int.from_bytes(frame[14:16], "big") for frame in (probe.frame, probe.arrival))
        assert (sent & 0xFFF, arrives & 0xFFF) == (near, far)
        assert sent & 0xF000 == arrives & 0xF000
        assert probe.frame[16:] == probe.arrival[16:]
    assert {probe.frame[14] >> 5 for probe in probes} >= {0, 5, 7}
    assert {probe.frame[16:18].hex() for probe in probes} >= {"0800", "8100", "88a8", "88cc"}


def test_an_evpl_blocks_untagged_frames_and_vids_that_nobody_takes():
    probes = of(Purpose.BLOCKED, probes_of("acme/vlan"))
    vids = {int.from_bytes(probe.frame[14:16], "big") & 0xFFF for probe in probes if probe.frame[12:14] == b"\x81\x00"}
    assert vids
    assert not vids & {100, 200}
    assert {0, 1, 99, 4094} <= vids
    assert any(probe.frame[12:14] == b"\x08\x00" for probe in probes)


def test_vids_of_other_lines_at_the_same_site_are_not_expected_to_be_blocked():
    others = tuple(
        line(name=f"n{vid}", a=Attachment(site="s3", vlan=vid), z=Attachment(site="s5", vlan=vid)) for vid in (1, 99)
    )
    lab = ExpectedLab(sites=LAB.sites, lines=(*LAB.lines, *others))
    probes = of(Purpose.BLOCKED, [probe for probe in probes_of("acme/vlan", lab) if probe.site == "s3"])
    vids = {int.from_bytes(probe.frame[14:16], "big") & 0xFFF for probe in probes if probe.frame[12:14] == b"\x81\x00"}
    assert not vids & {1, 99, 100}


def test_an_outer_s_tag_is_observed_only():
    kinds = {probe.kind for probe in of(Purpose.OBSERVED, probes_of("acme/vlan"))}
    assert "outer tag 0x88a8" in kinds


def test_an_idle_site_is_tried_with_every_vid_in_use():
    probes = [probe for probe in lab_probes(LAB, Marks(1)) if not probe.line]
    assert {probe.site for probe in probes} == {"s5"}
    assert {"VID 100", "VID 200", "IPv4", "LLDP"} <= {probe.kind for probe in probes}


def test_an_expectation_that_contradicts_itself_is_refused():
    with pytest.raises(ValueError, match="both ends"):
        line(z=Attachment(site="s2", vlan=7))
    with pytest.raises(ValueError, match="no site s9"):
        ExpectedLab(sites=("s1",), lines=(line(z=Attachment(site="s9")),))
    with pytest.raises(ValueError, match="CIR"):
        line(cir_bps=PerDirection(0, 1))
