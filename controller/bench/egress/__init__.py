"""``trunkline bench egress``: how good and how fast gateways are chosen, beside simple rules and a general solver.

* ``instances``: topologies, demand made from a seed; ``setting``: an instance with its optimum, checked;
* ``highs``: the same program given to HiGHS (simple rules: ``controller.egress.baselines``);
* ``works``: what is timed; ``suite``: all of it; ``tables``: what comes out.
"""
