"""What is where in the arrays in which ``ranking`` keeps routes and sets of routes, made by ``paths.rank_workspace``.

``fan`` = (store, sets, heap, seen, rest, found, count)::

    store  int32[S]     arcs of routes, one after the other
    sets   int64[C, 9]  see below
    heap   int64[C]     sets by rank
    seen   int64[N, 2]  number of the route that was looked at last, and where on it the node is
    rest   int64[N]     least length to the end, where no tree has it
    found  int64[k, 2]  where each of the k routes begins in the store, and how many arcs it has
    count  int64[4]     USED of the store, SETS, FOUND_SO_FAR, LOOKS
"""

from __future__ import annotations

from typing import Final

# Columns of a set.
WORTH: Final = 0
"""A lower bound on the length of its best route; the length once ROUTE is known."""
START: Final = 1
"""Where the route that all of the set begin like is in the store."""
INDEX: Final = 2
"""How many of its arcs."""
GONE: Final = 3
"""Their length."""
NOT_BY: Final = 4
"""The arc by which the routes of the set must not go on; -1: any."""
NOR_BY: Final = 5
"""Another set, whose NOT_BY holds too, and so on; -1: no other."""
ROUTE: Final = 6
"""Where the best route of the set is in the store; -1: not known yet."""
HOPS: Final = 7
NEXT: Final = 8
"""The first arc after the beginning on which WORTH could be kept."""
SET: Final = 9

# Cells of ``count``.
USED: Final = 0
SETS: Final = 1
FOUND_SO_FAR: Final = 2
LOOKS: Final = 3

CROWDED: Final = 5
"""A status: the store or the sets are full."""
