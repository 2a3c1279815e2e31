"""Text that is no document of ours, whoever wrote it: told at its line, never followed, never a traceback."""

import pytest

from controller.documents import read_intents, read_topology, yaml_tree
from controller.documents.faults import FaultLog
from controller.documents.scalars import Unusable, plain_value
from controller.documents.yaml_tree import Mapping, Scalar, lines_of, parse_documents, python_value
from controller.domain.errors import InvalidInput, Reason

BOMB = "a: &a [x, x]\n" + "".join(f"{b}: &{b} [*{a}, *{a}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True))


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        pytest.param("", 1, "holds no document", id="empty"),
        pytest.param("# nothing\n", 1, "holds no document", id="comment"),
        pytest.param("---\n", 2, "this one is empty", id="empty document"),
        pytest.param("5", 1, "the number 5", id="a number"),
        pytest.param("- a\n- b\n", 1, "a list", id="a list"),
        pytest.param("just text", 1, "the text", id="text"),
        pytest.param("a: [1, 2", 2, "not YAML", id="open bracket"),
        pytest.param("a: 1\n b: 2\n", 2, "not YAML", id="indentation"),
        pytest.param("a:\n\t- b\n", 2, "indent with spaces", id="tab"),
        pytest.param("a: 'b\n", 2, "not YAML", id="open quote"),
        pytest.param("a: b: c\n", 1, "not YAML", id="two values"),
        pytest.param("%YAML 9.9\n---\na: 1\n", 1, "not YAML", id="version"),
        pytest.param('a: "\\UFFFFFFFF"\n', 1, "not YAML", id="escape"),
        pytest.param('a: "\\uD800"\n', 1, "not YAML", id="surrogate escape"),
        pytest.param("a: 1\nb: \0\n", 2, "U+0000", id="NUL"),
        pytest.param("a: 1\nb: \ud800\n", 2, "U+D800", id="surrogate"),
        pytest.param(b"a: 1\nb: \xff\n", 2, "0xff is not UTF-8", id="not UTF-8"),
        pytest.param("a: 1\n".encode("utf-16"), 1, "not UTF-8", id="UTF-16"),
        pytest.param(b"\0" * 100, 1, "U+0000", id="zeros"),
        pytest.param("x" * (8 * 2**20 + 1), 0, "larger than 8 MiB", id="large"),
        pytest.param("[" * 100_000, 1, "levels deep", id="deep brackets"),
        pytest.param("{a: " * 100_000, 1, "levels deep", id="deep braces"),
        pytest.param("- " * 100_000, 1, "levels deep", id="deep dashes"),
        pytest.param("a: 1\n? [b]\n: c\n", 2, "a key must be a word", id="a list as key"),
        pytest.param("a: 1\n? {b: *c}\n: c\n", 2, "a key must be a word", id="a mapping as key"),
        pytest.param('a: 1\n"b\\e[31m": c\n', 2, "is not a key", id="terminal escapes in a key"),
        pytest.param(f"? {'k' * 5000}\n: c\n", 1, "is not a key", id="long key"),
        pytest.param("a: !!python/object/apply:os.system [ls]\n", 1, "tags", id="python tag"),
        pytest.param("a: !mine b\n", 1, "tags ('!mine')", id="own tag"),
        pytest.param("a: ! b\n", 1, "tags", id="bare tag"),
        pytest.param("a: !!int b\n", 1, "tags", id="standard tag"),
        pytest.param("a: &x {b: c}\nd:\n  <<: *x\n", 1, "anchors ('&x')", id="anchor and merge"),
        pytest.param("d:\n  <<: {b: c}\n", 2, "merge keys", id="merge"),
        pytest.param("a: 1\nb: *nowhere\n", 2, "aliases ('*nowhere')", id="alias"),
        pytest.param(f"a: &{'x' * 5000} b\n", 1, "anchors", id="long anchor"),
        pytest.param("a: !%1b%5b31m b\n", 1, "tags", id="terminal escapes in a tag"),
        pytest.param(BOMB, 1, "anchors ('&a')", id="bomb"),
        pytest.param("a: 1\na: 2\n", 2, "on line 1 already", id="key twice"),
        pytest.param("a: {b: 1, c: {d: 1,\n d: 2}}", 2, "on line 1 already", id="inner key twice"),
    ],
)
@pytest.mark.parametrize("read", [read_topology, read_intents])
def test_told_with_its_line(read, text: str | bytes, line: int, words: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        read(text, "bad.yaml")
    told = [fault for fault in caught.value.faults if fault.reason is Reason.INVALID_FORMAT]
    assert told[0].line == line
    assert told[0].source == "bad.yaml"
    assert words in told[0].message
    assert str(caught.value).isprintable() or "\n" in str(caught.value)
    assert len(str(caught.value)) < 10_000


def test_more_values_than_memory_is_meant_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(yaml_tree, "MAX_VALUES", 100)
    with pytest.raises(InvalidInput, match="more than 100 values") as caught:
        read_topology("- 0\n" * 101, "bad.yaml")
    assert [fault.line for fault in caught.value.faults] == [100]


def test_what_stands_before_a_syntax_error_is_checked_too() -> None:
    with pytest.raises(InvalidInput) as caught:
        read_topology("apiVersion: trunkline/v1\nkind: Nothing\n---\na: [\n", "bad.yaml")
    assert [(fault.line, fault.document) for fault in caught.value.faults] == [(2, 0), (5, 1)]


@pytest.mark.parametrize(
    ("text", "value"),
    [("1:1", "1:1"), ("02:00:00:00:00:01", "02:00:00:00:00:01"), ("2024-01-01", "2024-01-01"), ("y", "y"), ("n1", "n1"),
     ("1.2.3", "1.2.3"), ("5us", "5us"), ("-", "-"), (".", "."), ("e3", "e3"), ("12", 12), ("-12", -12), ("+0", 0)],
)  # fmt: skip
def test_plain_scalars(text: str, value: object) -> None:
    assert plain_value(text) == value
    assert type(plain_value(text)) is type(value)


@pytest.mark.parametrize(
    "text",
    ["", "~", "null", "yes", "No", "ON", "off", "010", "0o10", "0x1F", "0b1", "1_000", "1e3", "1.5E-3", "+.5", "5.",
     ".inf", "-.Inf", ".NAN", "9" * 31, "1." + "0" * 31],
)  # fmt: skip
def test_plain_scalars_that_readers_disagree_about(text: str) -> None:
    assert isinstance(plain_value(text), Unusable)


def test_quoted_scalars_are_text() -> None:
    log = FaultLog("")
    (root,) = parse_documents("a: 'yes'\nb: \"5\"\nc: |-\n  0x1\nd: ''\n", log)
    assert python_value(root) == {"a": "yes", "b": "5", "c": "0x1", "d": ""}
    assert log.count == 0


def test_lines_of_fields() -> None:
    (root,) = parse_documents("a:\n  b:\n    - 1\n    - c: 2\n\n      d: 3\n", FaultLog(""))
    assert isinstance(root, Mapping)
    assert isinstance(root.entries["a"][1], Mapping)
    assert lines_of(root) == {"": 1, "a": 1, "a.b": 2, "a.b[0]": 3, "a.b[1]": 4, "a.b[1].c": 4, "a.b[1].d": 6}


def test_a_byte_order_mark_is_no_fault() -> None:
    (root,) = parse_documents("a: b", FaultLog(""))
    assert isinstance(root, Mapping)
    assert root.entries["a"] == (1, Scalar(1, "b"))
    with pytest.raises(InvalidInput, match="apiVersion"):
        read_topology(b"\xef\xbb\xbfa: b", "bom.yaml")
