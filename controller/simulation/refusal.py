"""A switch's "no", as OpenFlow numbers it; and the ones that a test may order by name."""

from __future__ import annotations

from enum import Enum

from os_ken.ofproto import ofproto_v1_3 as ofp


class Refused(Exception):
    """What was asked is answered with an OpenFlow error (``OFPET_`` type, ``OFP..._`` code)."""

    def __init__(self, kind: int, code: int) -> None:
        super().__init__(kind, code)
        self.kind = kind
        self.code = code


class NamedError(Enum):
    """Errors to order from a switch: (type, code)."""

    TABLE_FULL = (ofp.OFPET_FLOW_MOD_FAILED, ofp.OFPFMFC_TABLE_FULL)
    OUT_OF_GROUPS = (ofp.OFPET_GROUP_MOD_FAILED, ofp.OFPGMFC_OUT_OF_GROUPS)
    OUT_OF_METERS = (ofp.OFPET_METER_MOD_FAILED, ofp.OFPMMFC_OUT_OF_METERS)
    BAD_MATCH = (ofp.OFPET_BAD_MATCH, ofp.OFPBMC_BAD_FIELD)
    BAD_ACTION = (ofp.OFPET_BAD_ACTION, ofp.OFPBAC_BAD_TYPE)
    BAD_OUT_GROUP = (ofp.OFPET_BAD_ACTION, ofp.OFPBAC_BAD_OUT_GROUP)
    PERMISSION = (ofp.OFPET_FLOW_MOD_FAILED, ofp.OFPFMFC_EPERM)
    UNKNOWN = (ofp.OFPET_FLOW_MOD_FAILED, ofp.OFPFMFC_UNKNOWN)
