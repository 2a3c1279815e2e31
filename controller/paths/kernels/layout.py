"""What is where in the arrays that the kernels share. ``paths.mirror`` and its neighbours fill them.

Links are numbered in the order of their names, so the order of two numbers is the order of the names. Nodes are
numbered so that neighbours have near numbers, and share cache lines.
Each link has two *arcs*, one leaving each end; the arcs of a node are consecutive, in the order of their links. The
*twin* of an arc is the other arc of its link. Nodes N, links L, arcs E = 2 L.

A *length* is ``value << hop_bits | links``: a delay (both directions together, ns) or a cost, with the number of links
below it. Lengths add, so the least length is the least value, and among equal values the fewest links. Every
link has a length of at least 1: there are no cycles of length 0. Lengths from ``1 << span_bits`` on are never followed;
a search that stops for that reason says LIMIT, not NONE.

``graph`` = (first, arcs, links, delays, costs, floors, free, alive, scale)::

    first   int32[N+1]   the arcs of node v are first[v] .. first[v+1]-1
    arcs    int64[E, 4]  what a search reads, in one half of a cache line:
                         FREE_THERE  bps free from tail to head, -1 when the link or an end of it is out of service
                         FREE_BACK   the same from head to tail
                         STEP        length by delay << node_bits | head
                         NOTE        MTU in bytes << 32 | twin
    links   int32[E]     the link of an arc
    delays  int64[E]     ns from tail to head, hop delay included, as in effect
    costs   int64[E]     length by cost
    floors  int64[E]     length by delay on which the trees were computed: never more than the length in effect
    free    int64[E]     bps not reserved from tail to head, in service or not
    alive   uint8[N]     1 if the node is in service
    scale   int64[6]     N, node_bits, hop_bits, span_bits, SKEWED: links whose delays differ by direction, CLIPPED

``trees`` = (row_of, slots, reach, owners, asked, state, landmarks, far)::

    row_of     int32[N]     the row of the tree towards a node, -1: there is none
    slots      uint16[R, N] the first arc from a node towards the row's node is first[v] + slot;
                            NO_SLOT: none; with TIED set: not the only one
    reach      int64[R, N]  least length by delay floors between a node and the row's node; UNREACHED: none
    owners     int32[R]     the node of a row
    asked      int32[N]     how often a row was wished for, aged
    state      int64[3]     ROWS_USED, HAND (next candidate for eviction), FROZEN (1: no row may be added)
    landmarks  int32[K]     nodes spread over the network; none where all rows fit
    far        int64[N, K]  least length by delay floors from a node to a landmark

``work`` = (best, onward, heap, barred, counters, trail, seen)::

    best      int64[N]  length from a node to the end of the search, plus an offset that falls with every search:
                        what earlier searches left is larger than anything of this one, so nothing is cleared
    onward    int32[N]  the first arc from a node towards the end of the search
    heap      int64[E+2]
    barred    int64[L]  a link is not to be used when its entry equals counters[BAR]
    counters  int64[5]  OFFSET of ``best``, BAR (the number of the present set of barred links),
                        SETTLED (nodes and labels expanded so far), LAST_BAR (the highest BAR there ever was),
                        LAST_LOOK (the number of the last look around, see ``seen``)
    trail     int32[N]  the arcs of the route found last, in order
    seen      int64[N]  the number of the look around at which a node was seen last
"""

from __future__ import annotations

from typing import Final

FREE_THERE: Final = 0
FREE_BACK: Final = 1
STEP: Final = 2
NOTE: Final = 3

MTU_SHIFT: Final = 32
TWIN_MASK: Final = (1 << MTU_SHIFT) - 1

# Places of arrays in their groups, for who replaces single ones.
GRAPH_ARCS: Final = 1
GRAPH_FREE: Final = 6
BOOK_MARKS: Final = 9
BOOK_TALLY: Final = 10

# Cells of ``scale``.
NODES: Final = 0
NODE_BITS: Final = 1
HOP_BITS: Final = 2
SPAN_BITS: Final = 3
SKEWED: Final = 4
CLIPPED: Final = 5

NO_SLOT: Final = 0x7FFF
"""Where there is none, and where it would be as much: at such a hub no walk goes on, and a search decides."""
TIED: Final = 0x8000
"""Set in a slot if another arc leads towards the row's node by as short a way."""
UNREACHED: Final = 1 << 61
"""More than any length, and twice it is still no overflow."""

# Cells of ``state`` of the trees.
ROWS_USED: Final = 0
HAND: Final = 1
FROZEN: Final = 2

# Cells of ``counters`` of a workspace.
OFFSET: Final = 0
BAR: Final = 1
"""-1: no link is barred."""
SETTLED: Final = 2
LAST_BAR: Final = 3
LAST_LOOK: Final = 4

# Columns of a question: int64[Q, 10].
A: Final = 0
Z: Final = 1
THERE: Final = 2
"""bps that each link must have free from a to z; BACK: from z to a."""
BACK: Final = 3
NEEDED_MTU: Final = 4
"""Bytes << 32: a link qualifies when its NOTE is at least this."""
BOUND: Final = 5
"""ns one way, for each direction; UNBOUNDED: none."""
BY: Final = 6
"""What is to be least: BY_DELAY, BY_COST."""
BARS_FROM: Final = 7
"""The links not to be used are bars[BARS_FROM:BARS_TO]."""
BARS_TO: Final = 8
BUDGET: Final = 9
"""Labels that a search with two resources may expand."""
QUESTION: Final = 10

UNBOUNDED: Final = 1 << 60
BY_DELAY: Final = 0
BY_COST: Final = 1
BY_SLOWER: Final = 2
"""The larger of the two delays; for the least bound that would do. Only under a bound."""
HOPELESS: Final = 3
"""An end itself must not be used: no route, whatever the links."""

# Columns of an answer: int64[Q, 6].
STATUS: Final = 0
HOPS: Final = 1
START: Final = 2
"""The arcs of the route are routes[START:START + HOPS]."""
DELAY_THERE: Final = 3
DELAY_BACK: Final = 4
LENGTH: Final = 5
ANSWER: Final = 6

NONE: Final = 0
FOUND: Final = 1
LIMIT: Final = 2
UNASKED: Final = 3
"""Not answered yet."""

# ``book`` = (questions, bars, answers, routes, following, leading, riders, firsts, ranks, marks, tally, mates): lines
# that are placed, by number, and for each link a doubly linked list of the lines that ride on it. A line that has two
# routes, working and protect, has two numbers.
#
#   questions  int64[C, 10]  as asked; ``bars`` int32 as above
#   answers    int64[C, 6]   as placed; STATUS is FOUND if the line is placed, else the number is free
#   routes     int32[R]      arcs; each cell of a placed route is also a place in the list of its link:
#   following  int32[R]      the next place in that list, -1: the last; ``leading`` int32[R] the other way round
#   riders     int32[R]      the line whose route this is
#   firsts     int32[L]      the first place in the list of a link
#   ranks      int64[C]      in what order lines are placed again after a failure; the same for both numbers of a pair,
#                            or one after the other
#   marks      int64[C]      the number of the look around at which a line was seen last
#   tally      int64[4]      ROUTES_USED, LOOKS (the number of the last look around), GARBAGE (cells of old routes),
#                            SPECIALS (numbers in use that are not PLAIN)
#   mates      int64[C]      PLAIN; else no kernel alone can place the line again, and this is the number of its other
#                            route, its own number if it has one route only

LINE_MASK: Final = (1 << 32) - 1
"""Of rank << 32 | line."""

ROUTES_USED: Final = 0
LOOKS: Final = 1
GARBAGE: Final = 2
SPECIALS: Final = 3

PLAIN: Final = -1
"""Of ``mates``: a line of one plain route."""

# What becomes of a line after a failure; columns of an outcome: int64[K, 5].
FAILURE: Final = 0
LINE: Final = 1
FATE: Final = 2
FATE_THERE: Final = 3
"""ns from a to z on the new route; FATE_BACK: from z to a."""
FATE_BACK: Final = 4
OUTCOME: Final = 5

REPLACED: Final = 0
"""There is a route with bandwidth and within the bound."""
NO_BANDWIDTH: Final = 1
"""There would be one within the bound, were there bandwidth."""
TOO_SLOW: Final = 2
"""Whatever the bandwidth, no route is within the bound."""
CUT_OFF: Final = 3
"""There is no route at all."""
UNPROVED: Final = 4
"""The search limit was reached."""
SWITCHED: Final = 5
"""A pair of routes of which one is left."""
UNPROTECTED: Final = 6
"""Both routes of a pair are gone, and there is room for a single one, but for no pair."""

# Columns of what is kept in mind while lines are placed again: see ``failing.recalled``.
MEMO_LOOK: Final = 0
MEMO_LINE: Final = 1
MEMO_FATE: Final = 2
MEMO_START: Final = 3
MEMO_HOPS: Final = 4
MEMO_THERE: Final = 5
MEMO_BACK: Final = 6
MEMO: Final = 7
MEMO_ROWS: Final = 4096

# Columns of an overload: int64[K, 3].
OVER_FAILURE: Final = 0
OVER_ARC: Final = 1
OVER_BPS: Final = 2
"""By how much the arc would carry more than it can."""
OVERLOAD: Final = 3
