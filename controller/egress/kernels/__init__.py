"""The simplex method for egress, compiled by numba: arrays only, nothing here knows a name.

``layout`` says what is in which array. The program is

    least  sum of cost[a, o] x[a, o]  +  sum over rows i of f_i(load_i)
    where  load_i = sum of x[a, o] over the options whose route crosses row i
           sum over o of x[a, o] = rate[a],   x >= 0

with convex, piecewise linear f_i: flat up to the cap and steep beyond, or bent at the steps of the utilisation penalty.
Aggregates are in the hundreds of thousands, rows in the tens, and all but as many aggregates as there are tight rows
lie on one option: so each aggregate has a *key* option that carries whatever the others do not, and only as many
further variables are basic as rows sit at a bend. (Generalised upper bounding, Dantzig and Van Slyke 1967.)
"""
