"""The same change by ncclient: as it comes, on a thread per device, and with its polling shortened."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
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
from controller.southbound.netconf.edits import edits, standing
from controller.southbound.netconf.envelope import config_element, filter_element
from controller.southbound.netconf.model import Model
from controller.southbound.netconf.profile import profile

FIRST_ANSWER_S = 0.5
ANSWER_S = 60.0

Each = Callable[[Callable[[Any], Any], Iterable[Any]], Iterable[Any]]


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


class Sessions:
    """``run`` makes one change on all devices, no journal and no restart in mind, and returns the seconds it took."""

    def __init__(self, nodes: Nodes, sessions: list[Any], each: Each) -> None:
        names = {device.profile for device in nodes.devices.values()}
        (self._profile,) = map(profile, names)  # the nodes of the bench are all of one kind
        self._model = Model(self._profile.modules, nodes.yang)
        self._sessions = sessions
        self._each = each

    def run(self, change: Change) -> float:
        wanted = edits(self._profile, (change,))
        payload = etree.tostring(config_element(self._model, wanted), encoding="unicode")
        (root,) = filter_element(self._model, self._profile.roots)
        subtree = etree.tostring(root, encoding="unicode")

        def prepare(one: Any) -> None:
            one.lock("candidate")
            one.edit_config(
                target="candidate", config=payload, test_option="test-then-set", error_option="rollback-on-error"
            )
            one.commit(confirmed=True, timeout="120", persist="bench")

        def read_back(one: Any) -> Any:
            return one.get_config("running", filter=("subtree", subtree)).data

        def confirm(one: Any) -> None:
            one.commit(persist_id="bench")
            one.unlock("candidate")

        begin = time.perf_counter()
        list(self._each(prepare, self._sessions))
        found = list(self._each(read_back, self._sessions))
        list(self._each(confirm, self._sessions))
        seconds = time.perf_counter() - begin
        for data in found:
            unlike = differences(wanted, standing(self._model.from_xml(list(data)), wanted))
            if unlike:
                raise Disagreement(f"ncclient's change is not on the device: {unlike[0]}")
        return seconds


@contextmanager
def connected(nodes: Nodes, way: Way) -> Iterator[Sessions]:
    """The sessions are connected; those that are not in use do not exist: their polling would be everybody's."""
    before = session.TICK
    session.TICK = before if way.tick_s is None else way.tick_s
    try:
        with ExitStack() as stack:
            pool = stack.enter_context(ThreadPoolExecutor(len(nodes.devices)))
            opened = pool.map(_connect, nodes.devices.values())
            sessions = [stack.enter_context(one) for one in opened]
            yield Sessions(nodes, sessions, pool.map if way.threads else map)
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
