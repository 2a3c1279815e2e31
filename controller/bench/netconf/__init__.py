"""``trunkline bench netconf``: the two-phase change of many devices, ours beside ncclient's ways.

* ``nodes``: NETCONF servers of the lab, in a process of their own; ``exchange``: the change that everybody makes;
* ``ours``: the drivers under the journal, as in an apply; ``ncclients``: ncclient as it comes, on threads, tuned;
* ``two_phase``: all of it, in turns.
"""
