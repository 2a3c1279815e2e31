"""Tables into a pipe: made without rich, and the same as with it."""

import io

from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from controller.cli.output import columns

CELLS = st.text(st.sampled_from("ab -\N{CJK UNIFIED IDEOGRAPH-5317}\u00e9\t\n"), max_size=8)
ROWS = st.lists(st.tuples(CELLS, CELLS, CELLS), max_size=5)


def printed(width, rows):
    to = Console(file=io.StringIO(), width=width, highlight=False, markup=False, emoji=False)
    columns(to, ("first", "second", "third"), rows)
    return to.file.getvalue()


@given(ROWS)
def test_a_pipe_gets_what_a_very_wide_terminal_gets(rows):
    assert printed(10_000, rows) == printed(9_999, rows)


def test_a_pipe_gets_columns():
    assert printed(10_000, [("x", "", "y"), ("longer", "z", "")]) == (
        "FIRST   SECOND  THIRD\nx               y\nlonger  z\n"
    )


WIDE = [("igw-a", "#" * 20, "95.0%", "10Gbps", "a long reason that may be folded"), ("igw-bb", "", "0.0%", "0bps", "")]


def narrow(width, spare=()):
    to = Console(file=io.StringIO(), width=width, highlight=False, markup=False, emoji=False)
    columns(to, ("gateway", "use", "", "carried", "why"), WIDE, spare)
    return to.file.getvalue().splitlines()


def test_a_narrow_terminal_does_without_what_is_spare_and_its_header_goes_on():
    assert narrow(100, spare=(1, 3))[0].split() == ["GATEWAY", "USE", "CARRIED", "WHY"]
    head, *rows = narrow(60, spare=(1, 3))
    assert head.split() == ["GATEWAY", "USE", "CARRIED", "WHY"]
    assert rows[0].split()[:3] == ["igw-a", "95.0%", "10Gbps"]
    head, *rows = narrow(42, spare=(1, 3))
    assert head.split() == ["GATEWAY", "USE", "WHY"]
    assert rows[0].split()[:2] == ["igw-a", "95.0%"]
    assert all(len(line) <= 42 for line in (head, *rows))


def test_nothing_is_cut_off_however_narrow_a_terminal_is():
    for width in range(10, 120):
        said = "\n".join(narrow(width))
        for name in ("igw-a", "igw-bb", "#" * 20, "95.0%", "10Gbps"):
            assert name in said
