"""What is sent: checked against the model first, printed by the YANG library, and compared by value when read."""

import pytest
from lxml import etree
from netconf_rules import LINE_PORT, MODELS, PROFILES, cross_connect, holding

from controller.domain.otn import OduType
from controller.domain.rules import Change, ClientEnd, CrossConnect, LineEnd
from controller.southbound.netconf.comparing import differences
from controller.southbound.netconf.edits import applied, edits, standing
from controller.southbound.netconf.envelope import config_element, filter_element
from controller.southbound.netconf.model import Model, NotValid
from controller.southbound.netconf.profile import profile
from lab.places import YANG

NC = "urn:ietf:params:xml:ns:netconf:base:1.0"
OTN = "trunkline-otn-node:otn-node"
PORTS = {
    OTN: {
        "port": [
            *({"number": port, "usage": "client"} for port in (1, 2, 3)),
            {"number": LINE_PORT, "usage": "line", "tributary-slots": 8},
        ]
    }
}


def sent(name, *changes):
    wanted = edits(profile(name), changes)
    return etree.tostring(config_element(MODELS[name], wanted), encoding="unicode")


def test_an_addition_replaces_whatever_stands_there():
    assert sent("slot-matrix", Change(before=None, after=cross_connect(7, odu=OduType.ODU2E, slots=(1, 2)))) == (
        f'<nc:config xmlns:nc="{NC}"><matrix xmlns="urn:trunkline:slot-matrix"><cross-connect nc:operation="replace">'
        "<id>7</id><owner>trunkline/line/7</owner><signal>odu2e</signal><gigabits>10.4</gigabits>"
        "<west><interface>odu-1/0/7</interface></west>"
        "<east><interface>odu-1/0/100</interface><tributary-port>7</tributary-port><slot>1</slot><slot>2</slot></east>"
        "</cross-connect></matrix></nc:config>"
    )


def test_a_deletion_names_the_entries_and_nothing_more():
    assert sent("otn-node", Change(before=cross_connect(7), after=None)) == (
        f'<nc:config xmlns:nc="{NC}"><otn-node xmlns="urn:trunkline:otn-node">'
        '<interface nc:operation="remove"><name>trunkline-7-a</name></interface>'
        '<interface nc:operation="remove"><name>trunkline-7-z</name></interface>'
        '<odu-connection nc:operation="remove"><connection-name>trunkline-7</connection-name></odu-connection>'
        "</otn-node></nc:config>"
    )


def test_the_later_of_two_changes_of_one_rule_counts():
    first, second = cross_connect(1), cross_connect(1, slots=(2,))
    once = sent("otn-node", Change(before=None, after=second))
    assert sent("otn-node", Change(before=None, after=first), Change(before=first, after=second)) == once


@pytest.mark.parametrize("name", PROFILES)
def test_what_is_asked_for_is_all_that_entries_are_in_or_refer_to(name):
    asked = filter_element(MODELS[name], profile(name).roots)
    assert [child.tag for child in asked] == {
        "otn-node": ["{urn:trunkline:otn-node}otn-node"],
        "slot-matrix": ["{urn:trunkline:slot-matrix}interfaces", "{urn:trunkline:slot-matrix}matrix"],
    }[name]


@pytest.mark.parametrize(
    ("rule", "path", "why"),
    [
        (cross_connect(1, slots=(9,)), "interface[name='trunkline-1-z']/odu/tributary-slot", "no such tributary slot"),
        (cross_connect(1, slots=(81,)), "interface[name='trunkline-1-z']/odu/tributary-slot", "81"),
        (cross_connect(4), "interface[name='trunkline-4-a']/supporting-port", '"4"'),
        (cross_connect(2, slots=(3, 4)), "interface[name='trunkline-2-z']", "taken by another interface"),
    ],
)
def test_what_the_model_forbids_is_refused_with_its_path(rule, path, why):
    held = applied(PORTS, edits(profile("otn-node"), [Change(before=None, after=cross_connect(3, slots=(4,)))]))
    MODELS["otn-node"].check(held)
    with pytest.raises(NotValid) as caught:
        MODELS["otn-node"].check(applied(held, edits(profile("otn-node"), [Change(before=None, after=rule)])))
    assert path in str(caught.value)
    assert why in str(caught.value)


def test_a_client_port_carries_one_odu_and_no_slots():
    one = cross_connect(1)
    again = CrossConnect(
        cookie=one.cookie, number=2, odu=one.odu, a=ClientEnd(port=1), z=cross_connect(2, slots=(2,)).z
    )
    slots = CrossConnect(
        cookie=one.cookie, number=2, odu=one.odu, a=LineEnd(port=2, tributary_port=1, slots=(1,)), z=ClientEnd(port=3)
    )
    for rules, why in (((one, again), "carries one ODU"), ((slots,), "takes no tributary slots")):
        changes = [Change(before=None, after=rule) for rule in rules]
        with pytest.raises(NotValid, match=why):
            MODELS["otn-node"].check(applied(PORTS, edits(profile("otn-node"), changes)))


def test_values_are_compared_and_not_their_spelling():
    """As a device sends them: prefixes of its own, decimals with all their digits."""
    text = """<otn-node xmlns="urn:trunkline:otn-node"><interface><name>trunkline-1-a</name>
      <type xmlns:p="urn:trunkline:otn-node">p:otn-odu</type><administrative-state>inService</administrative-state>
      <circuit-id>trunkline/line/1</circuit-id><supporting-port>1</supporting-port>
      <odu><rate xmlns:q="urn:trunkline:otn-node">q:ODU0</rate><nominal-rate>01.2441600</nominal-rate></odu>
    </interface></otn-node>"""
    found = MODELS["otn-node"].from_xml([etree.fromstring(text.replace("01.2441600", "1.244160"))])
    wanted = edits(profile("otn-node"), [Change(before=None, after=cross_connect())])
    unlike = differences(wanted, standing(found, wanted))
    assert [str(one) for one in unlike] == [
        f"/{OTN}/interface[name='trunkline-1-z'] is not there",
        f"/{OTN}/odu-connection[connection-name='trunkline-1'] is not there",
    ]


def test_every_difference_is_told_with_its_path():
    wanted = edits(profile("otn-node"), [Change(before=None, after=cross_connect(slots=(1, 2)))])
    found = standing(holding("otn-node", [cross_connect(odu=OduType.ODU1, slots=(2, 3))]), wanted)
    assert [str(one) for one in differences(wanted, found)] == [
        f"/{OTN}/interface[name='trunkline-1-a']/odu/rate is ODU1 instead of ODU0",
        f"/{OTN}/interface[name='trunkline-1-a']/odu/nominal-rate is 2.498775 instead of 1.24416",
        f"/{OTN}/interface[name='trunkline-1-z']/odu/rate is ODU1 instead of ODU0",
        f"/{OTN}/interface[name='trunkline-1-z']/odu/nominal-rate is 2.498775 instead of 1.24416",
        f"/{OTN}/interface[name='trunkline-1-z']/odu/tributary-slot is 2, 3 instead of 1, 2",
    ]
    gone = edits(profile("otn-node"), [Change(before=cross_connect(), after=None)])
    assert str(differences(gone, found)[0]) == f"/{OTN}/interface[name='trunkline-1-a'] is there, which is not ours"


def test_what_is_not_of_the_model_is_refused_when_read():
    for inner, why in (
        ("<nonsense/>", "nonsense"),
        ("<interface><name>x</name><odu><rate>ODU99</rate></odu></interface>", "ODU99"),
        ("<port><number>many</number></port>", "many"),
    ):
        element = etree.fromstring(f'<otn-node xmlns="urn:trunkline:otn-node">{inner}</otn-node>')
        with pytest.raises(NotValid, match=why):
            MODELS["otn-node"].from_xml([element])


def test_a_module_that_is_not_there_is_named():
    with pytest.raises(ValueError, match="no-such-module"):
        Model(("no-such-module",), YANG)
