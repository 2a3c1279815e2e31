"""OTN nodes, a NETCONF southbound that speaks to them, and cross-connects to put on them."""

import asyncio
import contextlib
from dataclasses import replace

from ncclient import manager
from ncclient.operations import TimeoutExpiredError

from controller.domain.errors import DeviceError
from controller.domain.otn import OduType
from controller.domain.rules import Change, ClientEnd, CrossConnect, LineEnd, Owner, cookie
from controller.southbound.netconf.connection import Limits
from controller.southbound.netconf.southbound import NetconfSouthbound
from lab.netconf import NetconfNodes
from lab.otn import OtnNode
from lab.places import YANG

LINE_PORT = 100
LIMITS = Limits(retry_s=0.02, longest_retry_s=0.2, confirm_s=60)


def otn_node(name, profile="otn-node"):
    return OtnNode(name=name, client_ports=tuple(range(1, 11)), line_ports={LINE_PORT: 80}, profile=profile)


def cross_connect(number, *, odu=OduType.ODU0, slots=None):
    """Client port ``number`` to a slot of the line port."""
    slots = (number,) if slots is None else slots
    return CrossConnect(
        cookie=cookie(Owner.LINE, number),
        number=number,
        odu=odu,
        a=ClientEnd(port=number),
        z=LineEnd(port=LINE_PORT, tributary_port=number, slots=slots),
    )


def adding(*rules):
    return tuple(Change(before=None, after=rule) for rule in rules)


class Rig:
    """An async context manager: inside it, every node has a session."""

    def __init__(self, nodes, *, limits=LIMITS, devices=None, connect=True):
        self.devices = nodes.devices if devices is None else devices
        self.suspects = []
        self.up = set()
        self._connect = connect
        self._changed = asyncio.Event()
        self.southbound = NetconfSouthbound(self.devices, YANG, self._connection, self._suspect, limits)

    async def __aenter__(self):
        self.southbound.start()
        if self._connect:
            await self.wait_until(lambda: self.up == set(self.devices))
        return self

    async def __aexit__(self, *_):
        await self.southbound.close()

    def __getitem__(self, device):
        return self.southbound.driver(device)

    async def wait_until(self, holds):
        async with asyncio.timeout(30):
            while not holds():
                self._changed.clear()
                await self._changed.wait()

    async def wait_for_error(self, device, words):
        """Ask until the answer is an error with these words in it, and return that."""
        async with asyncio.timeout(30):
            while True:
                try:
                    await self[device].read()
                except DeviceError as error:
                    if words in str(error):
                        return error
                await asyncio.sleep(0.005)

    async def rules(self, device):
        return (await self[device].read()).rules

    def _connection(self, device, connected):
        (self.up.add if connected else self.up.discard)(device)
        self._changed.set()

    def _suspect(self, device):
        self.suspects.append(device)
        self._changed.set()


@contextlib.contextmanager
def nodes_running(directory, *profiles):
    """One node for each profile: otn-0, otn-1 ..."""
    with NetconfNodes([otn_node(f"otn-{n}", profile) for n, profile in enumerate(profiles)], directory) as nodes:
        yield nodes


@contextlib.contextmanager
def by_hand(nodes, device):
    """A person's session with a device, by plain ncclient."""
    endpoint = nodes.endpoint(device)
    with manager.connect(
        host=endpoint.host,
        port=endpoint.port,
        username=endpoint.username,
        key_filename=endpoint.key_file,
        hostkey_b64=endpoint.host_key,
        allow_agent=False,
        look_for_keys=False,
        timeout=10,
    ) as session:
        # netconfd may lose the first question, which it reads together with the hello.
        session.timeout = 0.5
        while not answers(session):
            pass
        session.timeout = 10
        yield session


def answers(session):
    try:
        session.get_config("running", filter=("subtree", '<nothing xmlns="urn:trunkline:nothing"/>'))
    except TimeoutExpiredError:
        return False
    return True


def otn_config(inner):
    """What a person sends to a node that speaks trunkline-otn-node."""
    base = "urn:ietf:params:xml:ns:netconf:base:1.0"
    return (
        f'<config xmlns="{base}" xmlns:nc="{base}"><otn-node xmlns="urn:trunkline:otn-node">{inner}</otn-node></config>'
    )


def with_other_key(device, host_key):
    return replace(device, endpoint=replace(device.endpoint, host_key=host_key))
