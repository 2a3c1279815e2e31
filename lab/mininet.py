"""Mininet, imported in one place: what we use of it, and what has to be kept from doing.

``mn -c`` and ``Mininet.init`` are never run: the first kills and deletes by name across the machine, the second raises
limits in ``/proc/sys`` that belong to the whole machine. A lab needs neither, it has namespaces of its own.
"""

from __future__ import annotations

import warnings

with warnings.catch_warnings():
    # Mininet 2.3 imports distutils and has invalid escape sequences; both only warn on the Pythons we support.
    warnings.simplefilter("ignore")
    from mininet.link import Intf as Interface
    from mininet.link import Link
    from mininet.log import setLogLevel
    from mininet.net import Mininet
    from mininet.node import Host, Node, Switch

Mininet.inited = True
setLogLevel("warning")

__all__ = ["Host", "Interface", "Link", "Mininet", "Node", "Switch"]
