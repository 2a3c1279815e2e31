"""edit-config and subtree filters by the examples and words of RFC 6241, sections 6 and 7.2."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from controller.simulation.netconf.editing import OPERATION, Operation, bare, edited
from controller.simulation.netconf.filtering import selected
from controller.simulation.netconf.messages import BASE, RpcError

KEYS = {("top", "user"): ("name",), ("top", "user", "group"): (".",)}
MERGE = Operation.MERGE


def xml(text):
    return list(etree.fromstring(f'<x xmlns:nc="{BASE}">{text}</x>'))


def top(inner):
    return xml(f'<top xmlns="urn:t">{inner}</top>')


def words(elements):
    """Without what is only spelling."""
    copies = bare(elements)
    return [etree.tostring(copy, method="c14n2", strip_text=True).decode() for copy in copies]


FRED, BARNEY = "<user><name>fred</name><uid>1</uid></user>", "<user><name>barney</name><uid>2</uid></user>"


@pytest.mark.parametrize(
    ("before", "edit", "after"),
    [
        (FRED, "<user><name>fred</name><uid>7</uid></user>", "<user><name>fred</name><uid>7</uid></user>"),
        (FRED, BARNEY, FRED + BARNEY),
        ("", FRED, FRED),
        (FRED + BARNEY, '<user nc:operation="delete"><name>fred</name></user>', BARNEY),
        (BARNEY, '<user nc:operation="remove"><name>fred</name></user>', BARNEY),
        (FRED, '<user nc:operation="replace"><name>fred</name></user>', "<user><name>fred</name></user>"),
        (FRED, '<user><name>fred</name><uid nc:operation="delete"/></user>', "<user><name>fred</name></user>"),
        (
            "<user><name>fred</name><group>a</group></user>",
            '<user><name>fred</name><group>b</group><group nc:operation="delete">a</group></user>',
            "<user><name>fred</name><group>b</group></user>",
        ),
        (FRED, '<user nc:operation="create"><name>wilma</name></user>', FRED + "<user><name>wilma</name></user>"),
    ],
)
def test_each_operation_does_what_it_says_and_leaves_the_rest(before, edit, after):
    config = top(before)
    untouched = words(config)
    assert words(edited(config, top(edit), KEYS, MERGE)) == words(top(after))
    assert words(config) == untouched


@pytest.mark.parametrize(
    ("edit", "default", "tag"),
    [
        ('<user nc:operation="delete"><name>nobody</name></user>', MERGE, "data-missing"),
        ('<user nc:operation="create"><name>fred</name></user>', MERGE, "data-exists"),
        ('<user nc:operation="improve"><name>fred</name></user>', MERGE, "bad-attribute"),
        ("<user><name>nobody</name></user>", Operation.NONE, "data-missing"),
    ],
)
def test_what_cannot_be_done_is_refused_with_the_tag_of_the_standard(edit, default, tag):
    with pytest.raises(RpcError) as refused:
        edited(top(FRED), top(edit), KEYS, default)
    assert refused.value.tag == tag
    assert refused.value.path == "/top/user"


def test_with_no_default_operation_only_what_says_so_is_done():
    edit = top(f'<user><name>fred</name><uid nc:operation="replace">9</uid></user>{BARNEY}')
    (fred, barney) = edit[0]
    edit[0].remove(barney)
    after = edited(top(FRED), edit, KEYS, Operation.NONE)
    assert words(after) == words(top("<user><name>fred</name><uid>9</uid></user>"))
    assert fred.tag.endswith("user")


names = st.sampled_from(["fred", "barney", "wilma"])
operations = st.sampled_from(["merge", "replace", "remove"])
users = st.builds("<user><name>{}</name><uid>{}</uid></user>".format, names, st.integers(0, 3))
edits = st.lists(
    st.builds(
        '<user nc:operation="{}"><name>{}</name><uid>{}</uid></user>'.format, operations, names, st.integers(0, 3)
    ),
    max_size=3,
    unique_by=lambda text: text.split("<name>")[1].split("<")[0],
)


@given(st.lists(users, max_size=3, unique_by=lambda text: text.split("<uid>")[0]), edits)
def test_edits_that_say_what_is_to_be_can_be_repeated(before, edit):
    once = edited(top("".join(before)), top("".join(edit)), KEYS, MERGE)
    again = edited(once, top("".join(edit)), KEYS, MERGE)
    assert words(again) == words(once)
    assert all(OPERATION not in element.attrib for root in again for element in root.iter())


BOTH = top(FRED + BARNEY) + xml('<other xmlns="urn:o"><thing>1</thing></other>')


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ("", []),
        ('<top xmlns="urn:t"/>', top(FRED + BARNEY)),
        ('<top xmlns="urn:t"><user/></top>', top(FRED + BARNEY)),
        ('<top xmlns="urn:t"><user><name>fred</name></user></top>', top(FRED)),
        ('<top xmlns="urn:t"><user><name>fred</name><name/></user></top>', top("<user><name>fred</name></user>")),
        (
            '<top xmlns="urn:t"><user><uid/></user></top>',
            top("<user><uid>1</uid></user><user><uid>2</uid></user>"),
        ),
        ('<top xmlns="urn:t"><user><name>nobody</name></user></top>', []),
        ('<top xmlns="urn:elsewhere"/>', []),
        ("<top><user><name>fred</name></user></top>", top(FRED)),
        (
            '<top xmlns="urn:t"><user><name>fred</name></user><user><name>barney</name></user></top>',
            top(FRED + BARNEY),
        ),
        ('<other xmlns="urn:o"/>', xml('<other xmlns="urn:o"><thing>1</thing></other>')),
    ],
)
def test_a_subtree_filter_selects_what_it_names(wanted, found):
    assert words(selected(BOTH, xml(wanted))) == words(found)
