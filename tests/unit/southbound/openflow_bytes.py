"""OpenFlow messages put together and taken apart, byte by byte."""

import struct

from os_ken.ofproto import ofproto_v1_3 as ofp

from controller.simulation import replies
from controller.southbound.openflow.inbound import read_multipart
from controller.southbound.openflow.protocol import HEADER


def parts(reply):
    """The parts of a multipart reply that is one or more messages."""
    while reply:
        length = HEADER.unpack_from(reply)[2]
        yield read_multipart(reply[HEADER.size : length])[2]
        reply = reply[length:]


def apply_actions(*parts):
    body = b"".join(map(bytes.fromhex, parts))
    return struct.pack("!HH4x", ofp.OFPIT_APPLY_ACTIONS, 8 + len(body)) + body


def cut_actions(data):
    while data:
        length = struct.unpack_from("!HH", data)[1]
        yield data[:length]
        data = data[length:]


def one_flow(rule, **changes):
    """A flow statistics entry with fields of its fixed part changed by name."""
    [entry] = parts(replies.flow_statistics(1, [rule]))
    names = ("length", "table", "s", "ns", "priority", "idle", "hard", "flags", "cookie", "packets", "bytes")
    layout = struct.Struct("!HBxIIHHHH4xQQQ")
    fixed = dict(zip(names, layout.unpack_from(entry), strict=True)) | changes
    return layout.pack(*fixed.values()) + entry[layout.size :]
