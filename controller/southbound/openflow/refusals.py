"""Errors of OpenFlow in words, and which of our reasons they mean."""

from __future__ import annotations

from typing import Final

from os_ken.ofproto import ofproto_v1_3 as ofp

from controller.domain.errors import Reason

_TYPES: Final = {
    ofp.OFPET_HELLO_FAILED: ("HELLO_FAILED", "OFPHFC_"),
    ofp.OFPET_BAD_REQUEST: ("BAD_REQUEST", "OFPBRC_"),
    ofp.OFPET_BAD_ACTION: ("BAD_ACTION", "OFPBAC_"),
    ofp.OFPET_BAD_INSTRUCTION: ("BAD_INSTRUCTION", "OFPBIC_"),
    ofp.OFPET_BAD_MATCH: ("BAD_MATCH", "OFPBMC_"),
    ofp.OFPET_FLOW_MOD_FAILED: ("FLOW_MOD_FAILED", "OFPFMFC_"),
    ofp.OFPET_GROUP_MOD_FAILED: ("GROUP_MOD_FAILED", "OFPGMFC_"),
    ofp.OFPET_ROLE_REQUEST_FAILED: ("ROLE_REQUEST_FAILED", "OFPRRFC_"),
    ofp.OFPET_METER_MOD_FAILED: ("METER_MOD_FAILED", "OFPMMFC_"),
}
_FULL: Final = {
    (ofp.OFPET_FLOW_MOD_FAILED, ofp.OFPFMFC_TABLE_FULL),
    (ofp.OFPET_GROUP_MOD_FAILED, ofp.OFPGMFC_OUT_OF_GROUPS),
    (ofp.OFPET_GROUP_MOD_FAILED, ofp.OFPGMFC_OUT_OF_BUCKETS),
    (ofp.OFPET_METER_MOD_FAILED, ofp.OFPMMFC_OUT_OF_METERS),
}
_THERE_ALREADY: Final = {
    (ofp.OFPET_GROUP_MOD_FAILED, ofp.OFPGMFC_GROUP_EXISTS),
    (ofp.OFPET_METER_MOD_FAILED, ofp.OFPMMFC_METER_EXISTS),
}
_NOT_THERE: Final = {
    (ofp.OFPET_GROUP_MOD_FAILED, ofp.OFPGMFC_UNKNOWN_GROUP),
    (ofp.OFPET_METER_MOD_FAILED, ofp.OFPMMFC_UNKNOWN_METER),
}


class SwitchError(Exception):
    """The switch answered a message of ours with an error."""

    def __init__(self, kind: int, code: int) -> None:
        super().__init__(_words(kind, code))
        self.kind = kind
        self.code = code

    @property
    def reason(self) -> Reason:
        return Reason.TABLE_FULL if (self.kind, self.code) in _FULL else Reason.DEVICE_REFUSED

    @property
    def already_there(self) -> bool:
        """A meter or group was to be added that exists."""
        return (self.kind, self.code) in _THERE_ALREADY

    @property
    def not_there(self) -> bool:
        """A meter or group was named that does not exist."""
        return (self.kind, self.code) in _NOT_THERE


def _words(kind: int, code: int) -> str:
    name, prefix = _TYPES.get(kind, (f"error type {kind}", None))
    if prefix is not None:
        for constant, value in vars(ofp).items():
            if value == code and constant.startswith(prefix):
                return f"{name} {constant.removeprefix(prefix)}"
    return f"{name} code {code}"
