"""A watcher of intents, in a thread of its own."""

from __future__ import annotations

import threading

import grpc

from controller.wire.gen.trunkline.v1 import intent_pb2 as pb
from controller.wire.intents import body_of
from running.processes import LIMIT_S, until


class Watcher:
    """Collects events in a thread of its own until the call ends."""

    def __init__(self, net, from_revision=0):
        self.events = []
        self.code = None
        self._call = net.stub.Watch(pb.WatchRequest(from_revision=from_revision), timeout=LIMIT_S)
        self._thread = threading.Thread(target=self._collect)
        self._thread.start()

    def _collect(self):
        try:
            for event in self._call:
                self.events.append(event)
        except grpc.RpcError as error:
            self.code = error.code()

    @property
    def changes(self):
        """The events of intents."""
        return [event for event in self.events if event.HasField("intent")]

    @property
    def seen(self):
        """(name, state) of each of them."""
        return [
            (body.metadata.name, pb.State.Name(body.status.state))
            for body in (body_of(event.intent) for event in self.changes)
        ]

    @property
    def fares(self):
        """(resource name, assurance) each time that a line fared otherwise."""
        return [(e.assurance.name, e.assurance.assurance) for e in self.events if e.HasField("assurance")]

    @property
    def phases(self):
        """By phase of each request: how many of how many devices, in order."""
        found = {}
        for event in self.events:
            if event.HasField("progress"):
                at = event.progress
                found.setdefault((at.request_id, at.phase), []).append((at.devices_done, at.devices_total))
        return found

    def until(self, holds):
        """Wait until what was heard is enough."""
        until(lambda: holds(self), lambda: f"events, there are {self.events}")

    def last_revision(self):
        return max(event.revision for event in self.changes)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._call.cancel()
        self._thread.join()
