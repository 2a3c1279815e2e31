"""Measuring ourselves beside others: ``trunkline bench``. Every engine answers the same questions in the same run, and
all answers are compared before a figure is believed.

* ``cases``, ``geometric``, ``demands``: the networks and what is asked of them, all made from names and a seed;
* ``arcs``: a network as plain columns, from which every engine builds what it likes; ``checking``: do they agree?
* ``peers``: networkx, rustworkx, igraph and scipy in all sensible ways; ``engine``: ourselves; ``cpp``: a reference;
* ``works``: what is timed; ``timing``: how; ``suite``: all of it in order;
* ``bulk``, ``netconf``, ``egress``: benches of their own: lines onto switches, NETCONF, the choice of gateways;
* ``rows``, ``machine``, ``goals``, ``tables``, ``plot``: what comes out.

Nothing else imports this package but the command, and the libraries of the peers are imported only when they run.
"""
