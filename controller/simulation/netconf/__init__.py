"""Simulated OTN nodes: each a NETCONF server (RFC 6241) behind SSH, checked by the YANG library as a real one would be.

* ``editing``, ``filtering``: what edit-config and a subtree filter do to XML. Pure;
* ``datastores``: running, candidate, locks, the confirmed commit; ``faults``: what a node is told to do wrong. Pure;
* ``messages``: hello, answers, errors, notifications; ``session``: one client's messages in and out; no socket yet;
* ``rpcs``: what a question comes to on the datastores; ``kinds``: what a node of each device profile leaves the factory
  with, and which cross-connects it makes of what it holds. Pure;
* ``node``: all of one node; ``ssh``: the server it is behind; ``access``: where each listens, and the keys;
* ``plane``: all nodes of a topology.
"""
