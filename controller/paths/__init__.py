"""Which route may a line take: the working network, the exact search, and the proof of a "no". Pure.

* ``network``: the one mutable working copy of the topology, with what is reserved of it.
* ``request``: what a route is asked for; ``qualify``: may this request use this link?
* ``search``: the best route, exactly; ``admission``: that route or a refusal.
* ``explain``: why not; ``cut``: which links stand in the way; ``relax``, ``relax_rate``, ``options``: what would do.
"""
