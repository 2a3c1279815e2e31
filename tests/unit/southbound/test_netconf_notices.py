"""Whose change a notification tells of."""

import pytest
from lxml import etree

from controller.southbound.netconf.notices import change_by_others

OURS = "7"
TEMPLATE = """<notification xmlns="urn:ietf:params:xml:ns:netconf:notification:1.0">
<eventTime>2026-11-20T14:44:00Z</eventTime>{}</notification>"""
CHANGE = """<netconf-config-change xmlns="urn:ietf:params:xml:ns:yang:ietf-netconf-notifications">
<changed-by>{}</changed-by><edit>
<target xmlns:otn="urn:trunkline:otn-node">/otn:otn-node/otn:interface[otn:name='x']</target>
<operation>create</operation></edit></netconf-config-change>"""
COMMIT = """<netconf-confirmed-commit xmlns="urn:ietf:params:xml:ns:yang:ietf-netconf-notifications">
<username>ann</username><session-id>{}</session-id><confirm-event>{}</confirm-event></netconf-confirmed-commit>"""


def by(session):
    return f"<username>ann</username><session-id>{session}</session-id>"


@pytest.mark.parametrize(
    ("told", "words"),
    [
        (CHANGE.format(by(OURS)), None),
        (CHANGE.format(by("8")), "ann in session 8 changed /otn:otn-node/otn:interface[otn:name='x']"),
        (CHANGE.format("<server/>"), "the device itself changed /otn:otn-node/otn:interface[otn:name='x']"),
        (COMMIT.format(OURS, "start"), None),
        (COMMIT.format(OURS, "complete"), None),
        (COMMIT.format(OURS, "cancel"), None),
        (COMMIT.format("8", "start"), None),
        (COMMIT.format("8", "cancel"), "ann in session 8 cancelled a confirmed commit"),
        (COMMIT.format(OURS, "timeout"), "a confirmed commit ran out"),
        ("<alarm xmlns='urn:other'/>", None),
    ],
)
def test_a_change_by_others_is_told_and_ours_is_not(told, words):
    assert change_by_others(etree.fromstring(TEMPLATE.format(told)), OURS) == words
