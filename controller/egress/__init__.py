"""Which gateway does traffic leave by: the most is carried, by class, and that with the least delay. Pure.

What is asked and what comes out:

* ``instance``: aggregates, gateways, the network inside, weights, as plain arrays; ``choices``: who may leave where, at
  what cost; ``utilisation``: what use of gateways costs; ``billing``: what the 95th percentile of a month leaves
  free, ``slots``: the month, slot by slot; ``previous``: where traffic left before, share by share;
* ``answer``: shares in whole bits a second, and the prices that prove how good they are;
* ``damping``: of the optimum what really moves in a cycle, and why not the rest; ``moves``: a choice among moves that
  no cap forbids; ``leaving``: what leaves where meanwhile;
* ``certificate``: the independent checker. It shares nothing with the solver but the instance;
* ``baselines``: how gateways are chosen without an optimiser, to compare with.

How it is found:

* ``solving``: the way through it all; ``starting`` and ``sampling``: where to begin;
* ``task``: what of an instance takes part; ``shut``: gateways that do not, as they may carry nothing;
* ``program``: the instance as a linear program; ``simplex`` and ``kernels``: its optimum, exactly;
* ``carrying``: the most that can be carried of each class, asked when not everything can; ``partial``: at least cost;
* ``narrowing``: aggregates that may leave by few gateways at a time;
* ``settling``: whole bits; ``whole``: aggregates that must not be split; ``spreading``: more of them
  carried; ``room``: what is left of gateways and links.

``warm`` compiles the kernels. The formulation, the method and the certificate: docs/egress.md.
"""
