"""``trunkline bench netconf``: the two-phase change of many devices, ours beside ncclient's ways.

* ``nodes``: NETCONF servers of the lab, in a process of their own; ``exchange``: the change that everybody makes;
* ``ours``: the drivers under the journal, as in an apply; ``ncclients``: ncclient as it comes, on threads, tuned;
* ``turns``: how often each is measured; ``two_phase``: all of that;
* ``two_layers``: a network of PEs and OTN nodes; ``one_line``: a line over it, by a server and by hand (``ofctl``);
  ``in_lab``: how the lab for that is started; ``suite``: all cases.
"""
