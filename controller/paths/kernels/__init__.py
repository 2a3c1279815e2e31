"""The searches themselves, compiled by numba: integers and arrays only. Nothing here knows a name or an object.

``layout`` says what is in which array; read it first. Every kernel takes up to three groups of arrays, as tuples:

* ``graph``: the mirror of the network (``paths.mirror``), the same for every search;
* ``trees``: least distances on floor delays, towards nodes that were asked before (``paths.potentials``);
* ``work``: what one thread scribbles on (``paths.workspace``).

Routes are searched backward, from the last node to the first: among routes of one length, the order of two that
begin at the same node is then decided by their first links, and if these agree by how their rests compare, which is
known. So "the smallest sequence of link names, read from a to z" costs one comparison of integers.
"""
