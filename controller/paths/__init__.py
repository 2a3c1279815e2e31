"""Which route may a line take: the working network, the exact searches, and the proof of a "no". Pure.

The network, in two forms that one setter keeps alike:

* ``network``: the truth, a networkx multigraph with what is reserved of it, by owner; ``trials``: how it is undone;
* ``mirror``: the same as arrays of integers (``reflection`` writes them); ``potentials``: trees of least delays towards
  nodes, grown on demand; ``workspace``: what a search scribbles on; ``kernels``: the searches, compiled.

Questions and answers:

* ``request``: what a route is asked for; ``questions``: requests as numbers, and answers as values again;
* ``single``: one request, one answer; ``admission``: a route or a refusal; ``batch``: many requests at once;
* ``lines``: the lines that are placed, by owner and by link; ``failure``: what is hit is placed again, in one call;
  ``whatif``: what would become of the lines, failure by failure; ``replacing``: of those that no kernel places alone;
* ``explain``: why not; ``cut``: which links stand in the way; ``relax``, ``relax_rate``, ``options``: what would do;
  ``qualify``: may this request use this link?; ``budget``: how far a search may go.

``warm`` compiles the kernels; numba is loaded when the first route is looked for, not before.
"""
