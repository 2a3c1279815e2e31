"""Rules as entries of a device's lists and back: whatever the model, and whatever somebody did to them meanwhile."""

import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st
from netconf_rules import LINE_PORT, PROFILES, cross_connect, cross_connects, holding

from controller.domain.foreign import ForeignRule, SlotsInUse
from controller.domain.otn import OduType
from controller.domain.rules import Change, ClientEnd, FlowRule, Match, Opaque, Table
from controller.southbound.netconf.edits import applied, edits
from controller.southbound.netconf.encoding import decode, encode
from controller.southbound.netconf.pattern import Pattern
from controller.southbound.netconf.profile import profile, read_profile

OTN = "trunkline-otn-node:otn-node"


@pytest.mark.parametrize("name", PROFILES)
@given(rules=st.lists(cross_connects, max_size=4, unique_by=lambda rule: rule.number))
def test_what_was_written_is_read_after_the_library_has_spelled_it(name, rules):
    seen = decode(profile(name), holding(name, rules))
    assert seen.rules == tuple(sorted(rules, key=lambda rule: rule.number))
    assert seen.foreign == ()


@pytest.mark.parametrize("name", PROFILES)
@given(before=cross_connects, after=cross_connects)
def test_every_change_leads_to_what_it_says_and_its_inverse_back(name, before, after):
    kind = profile(name)
    for change in (
        Change(before=None, after=after),
        Change(before=before, after=None),
        Change(before=before, after=cross_connect(before.number)),
    ):
        start = holding(name, [] if change.before is None else [change.before])
        end = applied(start, edits(kind, [change]))
        assert decode(kind, end).rules == (() if change.after is None else (change.after,))
        assert applied(end, edits(kind, [change])) == end
        assert decode(kind, applied(end, edits(kind, [change.inverse]))) == decode(kind, start)


def test_a_leaf_changed_by_hand_makes_another_rule():
    for leaf, value, words in (
        ("administrative-state", "maintenance", "administrative-state is maintenance instead of inService"),
        ("description", "do not touch", "description is do not touch, which is not ours"),
    ):
        config = copy.deepcopy(holding("otn-node", [cross_connect()]))
        config[OTN]["interface"][0][leaf] = value
        (rule,) = decode(profile("otn-node"), config).rules
        assert rule != cross_connect()
        assert rule.extra == (f"/{OTN}/interface[name='trunkline-1-a']/{words}",)
        with pytest.raises(ValueError, match="cannot be sent"):
            encode(profile("otn-node"), rule)


def test_a_leaf_taken_away_by_hand_is_missed():
    config = holding("otn-node", [cross_connect()])
    del config[OTN]["interface"][1]["odu"]["tributary-port"]
    (rule,) = decode(profile("otn-node"), config).rules
    assert rule.z == Opaque("port 100, tributary port None, slots [1]")


@pytest.mark.parametrize("lost", [0, 1])
def test_an_end_taken_away_by_hand_is_missed(lost):
    config = holding("otn-node", [cross_connect()])
    del config[OTN]["interface"][lost]
    (rule,) = decode(profile("otn-node"), config).rules
    assert (rule.a, rule.z)[lost] == Opaque("no port")
    assert rule.number == 1
    # It can be taken away all the same.
    gone = applied(config, edits(profile("otn-node"), [Change(before=rule, after=None)]))
    assert decode(profile("otn-node"), gone).rules == ()


def test_what_bears_another_name_or_no_owner_of_ours_is_foreign():
    config = holding("otn-node", [cross_connect(1), cross_connect(2, slots=(2,))])
    node = config[OTN]
    for entry in (*node["interface"][:2], node["odu-connection"][0]):
        entry["circuit-id"] = "somebody else"
    node["interface"].append({"name": "trunkline-007-a", "circuit-id": "trunkline/line/7", "supporting-port": 7})
    seen = decode(profile("otn-node"), config)
    assert seen.rules == (cross_connect(2, slots=(2,)),)
    assert seen.foreign[0] == ForeignRule(
        kind="interface",
        words=f"/{OTN}/interface[name='trunkline-007-a']",
        optical=(SlotsInUse(port=7),),
    )
    # What others use of ports and slots is known, so that none of it is given to a line.
    assert [use for rule in seen.foreign[1:] for use in rule.optical] == [
        SlotsInUse(port=1),
        SlotsInUse(port=LINE_PORT, slots=(1,)),
    ]
    assert len(seen.foreign) == 4


def test_others_use_of_ports_and_slots_is_read_where_one_entry_has_both_ends():
    config = holding("slot-matrix", [cross_connect(1, slots=(3, 4), odu=OduType.ODU1)])
    config["trunkline-slot-matrix:matrix"]["cross-connect"][0]["owner"] = "somebody else"
    (rule,) = decode(profile("slot-matrix"), config).foreign
    assert set(rule.optical) == {SlotsInUse(port=1), SlotsInUse(port=LINE_PORT, slots=(3, 4))}


def test_an_entry_without_its_owner_stays_ours_while_another_has_it():
    config = holding("otn-node", [cross_connect()])
    del config[OTN]["interface"][0]["circuit-id"]
    (rule,) = decode(profile("otn-node"), config).rules
    assert rule.extra == (f"/{OTN}/interface[name='trunkline-1-a']/circuit-id is not there",)


def test_an_empty_device_holds_nothing():
    for name in PROFILES:
        assert decode(profile(name), {}).rules == ()


def test_what_no_otn_node_can_be_told_is_refused():
    flow = FlowRule(cookie=0, table=Table.CLASSIFY, priority=1, match=Match(in_port=1), actions=())
    with pytest.raises(ValueError, match="no other rules"):
        edits(profile("otn-node"), [Change(before=None, after=flow)])


@given(number=st.integers(0, 10**11))
def test_patterns_read_what_they_wrote_and_nothing_else(number):
    pattern = Pattern("trunkline-{number}-a")
    text = pattern.write({"number": number})
    assert pattern.read(text) == {"number": number}
    for other in (f"{text}x", f"x{text}", text.replace("-a", "-b"), f"trunkline-0{number}-a", number):
        assert pattern.read(other) is None


def test_a_profile_that_cannot_be_read_back_is_refused():
    written = """
modules = ["m"]
odu = {}
[[entry]]
list = "m:top/entry"
key = "name"
leaves = { name = "%s" }
"""
    assert read_profile("good", written % "x-{number}").entries
    for key in ("constant", "{a.port}", "{number}-{a.port}"):
        with pytest.raises(ValueError, match="must tell the number"):
            read_profile("bad", written % key)
    with pytest.raises(ValueError, match="there are otn-node, slot-matrix"):
        profile("nobody's")


def test_ends_may_both_be_clients():
    rule = cross_connect()
    both = type(rule)(cookie=rule.cookie, number=1, odu=rule.odu, a=ClientEnd(port=1), z=ClientEnd(port=2))
    for name in PROFILES:
        assert decode(profile(name), holding(name, [both])).rules == (both,)
