"""What is where in the answers about pairs."""

from __future__ import annotations

from typing import Final

OPEN: Final = 4
"""A status: there is a pair, but which one is least within the bound, or first among equals, is not decided."""

# Columns of an answer: int64[Q, 9].
PAIR_STATUS: Final = 0
TOTAL: Final = 1
"""The least total length of two routes, whatever the bound."""
WORKING_HOPS: Final = 2
PROTECT_HOPS: Final = 3
PAIR_START: Final = 4
"""The arcs of the working route are routes[PAIR_START:PAIR_START + WORKING_HOPS], followed by those of the other."""
WORKING_THERE: Final = 5
WORKING_BACK: Final = 6
PROTECT_THERE: Final = 7
PROTECT_BACK: Final = 8
PAIR_ANSWER: Final = 9
