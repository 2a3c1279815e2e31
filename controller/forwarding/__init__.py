"""A table interpreter, packet x rules -> packets: the proof tool, and the data plane of simulated switches. Pure.

* ``frame`` ``packet`` ``resolution``: Ethernet and labels, IP, ARP and neighbour discovery, as bytes;
* ``lookup`` ``meter`` ``switch``: one switch: which rule counts, and what it does;
* ``optical``: one OTN node; ``fabric``: all of them joined by links.
"""
