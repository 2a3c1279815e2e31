"""A table interpreter, packet x rules -> packets: the proof tool, and the data plane of simulated switches. Pure."""
