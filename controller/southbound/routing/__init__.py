"""Where routes come from: dumps of routing tables (``mrt``), and routers that tell of theirs as they change (``bmp``).

Both read BGP's own encoding (``bgp``) and hand routes, by gateway, to the same door (``door``).
"""
