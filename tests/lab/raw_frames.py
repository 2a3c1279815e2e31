"""Frames as they are on the wire, sent and heard at an interface of another network namespace."""

import select
import socket
import struct
import time

from lab.tap import inside_netns

ETHERTYPE = 0x88B5  # IEEE 802, for experiments
_ETH_P_ALL = 3
_SOL_PACKET, _PACKET_AUXDATA, _PACKET_IGNORE_OUTGOING = 263, 8, 23
_STATUS_VLAN_VALID, _STATUS_TPID_VALID = 0x10, 0x40


class RawEnd:
    """One interface. Frames that arrive are whole, with the tag that the kernel takes off put back."""

    def __init__(self, netns_pid, interface):
        with inside_netns(netns_pid):
            self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ETH_P_ALL))
        self._socket.setsockopt(_SOL_PACKET, _PACKET_AUXDATA, 1)
        self._socket.setsockopt(_SOL_PACKET, _PACKET_IGNORE_OUTGOING, 1)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16 * 2**20)
        self._socket.bind((interface, 0))
        self._socket.bind((interface, _ETH_P_ALL))

    def send(self, frame):
        self._socket.send(frame)

    def receive(self, within_s=5.0):
        """The next frame; None when none comes in time."""
        if not select.select([self._socket], [], [], within_s)[0]:
            return None
        frame, ancillary, _, _ = self._socket.recvmsg(65536, 256)
        for level, kind, data in ancillary:
            if (level, kind) == (_SOL_PACKET, _PACKET_AUXDATA):
                status, _, _, _, _, tci, tpid = struct.unpack("=IIIHHHH", data[:20])
                if status & _STATUS_VLAN_VALID:
                    tpid = tpid if status & _STATUS_TPID_VALID else 0x8100
                    frame = frame[:12] + struct.pack("!HH", tpid, tci) + frame[12:]
        return frame

    def receive_all(self, silence_s=0.3):
        """What has come and comes, until nothing does for a while."""
        frames = []
        while (frame := self.receive(silence_s)) is not None:
            frames.append(frame)
        return frames

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._socket.close()


def frame(number=0, size=100, tags=b""):
    """An Ethernet frame of ``size`` bytes beside its tags, unlike any other of another number."""
    head = bytes.fromhex("020000000002020000000001") + tags + struct.pack("!HI", ETHERTYPE, number)
    return head + bytes(index % 251 for index in range(size - 18))


def one_way_ms(sender, receiver, count=20):
    """One-way delays of ``count`` frames, one after the other, sorted."""
    delays = []
    for number in range(count):
        sent = time.monotonic()
        sender.send(frame(number))
        assert receiver.receive() == frame(number)
        delays.append((time.monotonic() - sent) * 1000)
    return sorted(delays)
