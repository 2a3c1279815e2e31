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
