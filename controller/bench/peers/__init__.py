"""The peers: other libraries, each in every way that a sensible user of it might choose.

A *way* (``way``) makes a filtered view of the network for the rates asked, and finds routes in it; ``roster`` says
which ways there are. A *router* (``router``) keeps a ledger as well, for work that reserves. ``pairs`` and
``ranked`` are for disjoint pairs and for the k shortest routes.
"""
