"""The same change by ncclient: as it comes, on a thread per device, and with its polling shortened."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

from lxml import etree
from ncclient import manager
from ncclient.operations import TimeoutExpiredError
from ncclient.transport import session

from controller.bench.checking import Disagreement
from controller.bench.netconf.nodes import Nodes
from controller.domain.rules import Change
from controller.southbound.netconf.comparing import differences
from controller.southbound.netconf.edits import Edits, edits, standing
from controller.southbound.netconf.envelope import config_element, filter_element
from controller.southbound.netconf.model import Model
from controller.southbound.netconf.profile import Profile, profile

FIRST_ANSWER_S = 0.5
ANSWER_S = 60.0

Each = Callable[[Callable[[Any], Any], Iterable[Any]], Iterable[Any]]
"""``map``, or one that does so on threads."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """``tick_s``: how long ncclient's threads sleep before they look for something to send; ``None``: as it comes."""

    name: str
    threads: bool
    tick_s: float | None


WAYS = (
    Way(name="ncclient", threads=False, tick_s=None),
    Way(name="ncclient/threads", threads=True, tick_s=None),
    Way(name="ncclient/tuned", threads=False, tick_s=0.002),
    Way(name="ncclient/tuned-threads", threads=True, tick_s=0.002),
)


class Node:
    """One device: what it is to be told is made by ``aim``, before the time runs; what it held is compared by
    ``check``, after. No journal and no restart in mind."""

    def __init__(self, opened: Any, kind: Profile, model: Model) -> None:
        self._manager = opened
        self._profile = kind
        self._model = model
        (root,) = filter_element(model, kind.roots)
        self._subtree = etree.tostring(root, encoding="unicode")
        self._wanted: Edits = {}
        self._payload = ""
        self._found: Any = None

    def aim(self, change: Change) -> None:
        self._wanted = edits(self._profile, (change,))
        self._payload = etree.tostring(config_element(self._model, self._wanted), encoding="unicode")

    def prepare(self) -> None:
        self._manager.lock("candidate")
        self._edit()
        self._manager.commit(confirmed=True, timeout="120", persist="bench")

    def read_back(self) -> None:
        self._found = self._manager.get_config("running", filter=("subtree", self._subtree)).data

    def confirm(self) -> None:
        self._manager.commit(persist_id="bench")
        self._manager.unlock("candidate")

    def flip(self) -> None:
        """Nothing: what was prepared is in use as soon as there is light."""

    def check(self) -> None:
        """``Disagreement`` unless what was read back is as it should be."""
        unlike = differences(self._wanted, standing(self._model.from_xml(list(self._found)), self._wanted))
        if unlike:
            raise Disagreement(f"ncclient's change is not on the device: {unlike[0]}")

    def take_back(self, change: Change) -> None:
        """Outside the time: undo a change, in one commit."""
        self.aim(change.inverse)
        self._edit()
        self._manager.commit()

    def _edit(self) -> None:
        self._manager.edit_config(
            target="candidate", config=self._payload, test_option="test-then-set", error_option="rollback-on-error"
        )


class Sessions:
    """``run`` makes one change on all devices and returns the seconds it took."""

    def __init__(self, nodes: Mapping[str, Node], each: Each) -> None:
        self.nodes = nodes
        self.each = each

    def run(self, change: Change) -> float:
        devices = list(self.nodes.values())
        for node in devices:
            node.aim(change)
        begin = time.perf_counter()
        list(self.each(Node.prepare, devices))
        list(self.each(Node.read_back, devices))
        list(self.each(Node.confirm, devices))
        seconds = time.perf_counter() - begin
        for node in devices:
            node.check()
        return seconds


@contextmanager
def connected(nodes: Nodes, way: Way, beside: int = 0) -> Iterator[Sessions]:
    """The sessions are connected; those that are not in use do not exist: their polling would be everybody's.
    ``beside``: how many devices of another kind are changed with them, each on a thread of its own, too."""
    before = session.TICK
    session.TICK = before if way.tick_s is None else way.tick_s
    (kind,) = map(profile, {device.profile for device in nodes.devices.values()})  # they are all of one kind
    model = Model(kind.modules, nodes.yang)
    try:
        with ExitStack() as stack:
            pool = stack.enter_context(ThreadPoolExecutor(len(nodes.devices) + beside))
            opened = pool.map(_connect, nodes.devices.values())
            made = [Node(stack.enter_context(one), kind, model) for one in opened]
            yield Sessions(dict(zip(nodes.devices, made, strict=True)), pool.map if way.threads else map)
    finally:
        session.TICK = before


def _connect(device: Any) -> Any:
    endpoint = device.endpoint
    opened = manager.connect(
        host=endpoint.host,
        port=endpoint.port,
        username=endpoint.username,
        key_filename=endpoint.key_file,
        hostkey_b64=endpoint.host_key,
        allow_agent=False,
        look_for_keys=False,
        timeout=60,
    )
    opened.timeout = FIRST_ANSWER_S
    while not _answers(opened):
        pass
    opened.timeout = ANSWER_S
    return opened


def _answers(opened: Any) -> bool:
    """netconfd loses what it reads together with the client's hello, so the first question may have to be put again."""
    try:
        opened.get_config("running", filter=("subtree", '<nothing xmlns="urn:trunkline:nothing"/>'))
    except TimeoutExpiredError:
        return False
    return True
