"""The encapsulation profile `eompls`: Ethernet over MPLS (RFC 4448, no control word), and the shim.

::

    | outer Ethernet 14 | trunk label 4 | service label 4 |         customer's frame, from its Ethernet header |
    | outer Ethernet 14 | trunk label 4 | shim label 4    | NSH 8 | customer's frame that is MPLS itself       |

Open vSwitch builds both with its generic encapsulation (2.17 and later), two Nicira vendor actions:
``encap`` (NXAST_RAW_ENCAP, 46) and ``decap`` (NXAST_RAW_DECAP, 47). Both name a *packet type*, a 32-bit
value: namespace << 16 | type. Namespace 0 is Ethernet frames, namespace 1 an ethertype without Ethernet header.

Why a shim: Open vSwitch (3.1) looks through the customer's frame when it pushes a label. If it finds MPLS there
(behind no more tags than its ``vlan-limit``), the service label gets no bottom-of-stack bit, and the far end reads the
customer's addresses as labels: frames are lost, or arrive without their first four bytes; with three labels of their
own they never leave. Behind an NSH header (RFC 8300; behind a label: RFC 8596), of which nothing but "next protocol:
Ethernet" is used, they arrive bit for bit. A match on the ethertype finds exactly these frames, as it reads them with
the same eyes; all others need no shim.
"""

from __future__ import annotations

from typing import Final

ETH_TYPE_MPLS: Final = 0x8847
ETH_TYPE_NSH: Final = 0x894F

# The outer header is read by no device of ours (transit matches port and label); the addresses are locally
# administered, unicast, and the same everywhere, so that a capture shows at once what the frame is.
OUTER_ETH_SRC: Final = "02:54:4c:00:00:01"
OUTER_ETH_DST: Final = "02:54:4c:00:00:02"

PACKET_TYPE_ETHERNET: Final = 0x0000_0000
PACKET_TYPE_MPLS: Final = 0x0001_0000 | ETH_TYPE_MPLS
PACKET_TYPE_NSH: Final = 0x0001_0000 | ETH_TYPE_NSH
PACKET_TYPE_NEXT: Final = 0x0000_FFFE
"""``decap()``: whatever the header taken off says comes next."""

SHORT_NSH: Final = bytes.fromhex("0004010502000000")
"""The property of ``encap(nsh)`` that asks for metadata type 2 (class 4, type 1, length 5, the type, padding): 8
bytes of header. The default, type 1, has 24."""
