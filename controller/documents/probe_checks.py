"""Whether a gateway can ping the reference addresses that it names."""

from __future__ import annotations

from ipaddress import ip_address

from controller.documents.scalars import shown
from controller.documents.shape import Document
from controller.domain.errors import Reason
from controller.domain.spelling import did_you_mean
from controller.domain.topology import Gateway


def check_probes(gateway: Gateway, path: str, document: Document) -> None:
    """Tell the document which of the gateway's ``probes`` cannot be; ``path`` is the field of the gateway."""
    served = [region for region, _ in gateway.delays_ns]
    ours = {ip_address(address) for address in gateway.addresses}
    versions = {address.version for address in ours}
    pinged: dict[str, str] = {}
    for region, written in gateway.probes:
        field, address = f"{path}.probes.{region}", ip_address(written)
        if region not in served:
            hint = did_you_mean(region, served)
            message = f"{gateway.name} serves no region {shown(region)}: delays have those that it serves{hint}"
            document.refuse(Reason.REFERENCE_NOT_FOUND, field, message)
        elif gateway.next_hop is None:
            document.refuse(Reason.INVALID_VALUE, field, "a gateway without nextHop has nobody to send a ping to")
        elif address in ours or address.is_multicast or address.is_unspecified or address.is_loopback:
            document.refuse(Reason.INVALID_VALUE, field, f"{written} is no address of a host abroad")
        elif address.version not in versions:
            message = f"no IPv{address.version} address of ours is among addresses: a ping needs one to be answered to"
            document.refuse(Reason.INVALID_VALUE, field, message)
        elif (first := pinged.setdefault(str(address), region)) != region:
            message = f"{written} is in region {first} already: which of both would be measured?"
            document.refuse(Reason.INVALID_VALUE, field, message)
