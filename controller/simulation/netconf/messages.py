"""What a NETCONF server says: hello, answers, errors (RFC 6241), notifications (RFC 5277, 6470)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from lxml import etree

BASE = "urn:ietf:params:xml:ns:netconf:base:1.0"
NOTIFICATION = "urn:ietf:params:xml:ns:netconf:notification:1.0"
_EVENTS = "urn:ietf:params:xml:ns:yang:ietf-netconf-notifications"

BASE_11 = "urn:ietf:params:netconf:base:1.1"
CAPABILITIES = (
    "urn:ietf:params:netconf:base:1.0",
    BASE_11,
    "urn:ietf:params:netconf:capability:candidate:1.0",
    "urn:ietf:params:netconf:capability:confirmed-commit:1.1",
    "urn:ietf:params:netconf:capability:validate:1.1",
    "urn:ietf:params:netconf:capability:rollback-on-error:1.0",
    "urn:ietf:params:netconf:capability:notification:1.0",
    "urn:ietf:params:netconf:capability:interleave:1.0",
)


class RpcError(Exception):
    """An ``rpc-error``; ``session`` is that of who is in the way."""

    def __init__(self, tag: str, message: str, *, path: str = "", session: int | None = None) -> None:
        super().__init__(message)
        self.tag = tag
        self.path = path
        self.session = session


def hello(session: int) -> bytes:
    root = etree.Element(f"{{{BASE}}}hello", nsmap={None: BASE})
    capabilities = etree.SubElement(root, f"{{{BASE}}}capabilities")
    for name in CAPABILITIES:
        etree.SubElement(capabilities, f"{{{BASE}}}capability").text = name
    etree.SubElement(root, f"{{{BASE}}}session-id").text = str(session)
    return _printed(root)


def ok(attributes: Mapping[str, str]) -> bytes:
    root = _reply(attributes)
    etree.SubElement(root, f"{{{BASE}}}ok")
    return _printed(root)


def data(attributes: Mapping[str, str], elements: Iterable[etree._Element]) -> bytes:
    root = _reply(attributes)
    etree.SubElement(root, f"{{{BASE}}}data").extend(elements)
    return _printed(root)


def refusal(attributes: Mapping[str, str], error: RpcError) -> bytes:
    root = _reply(attributes)
    inside = etree.SubElement(root, f"{{{BASE}}}rpc-error")
    said = {"error-type": "application", "error-tag": error.tag, "error-severity": "error"}
    if error.path:
        said["error-path"] = error.path
    said["error-message"] = str(error)
    for name, text in said.items():
        etree.SubElement(inside, f"{{{BASE}}}{name}").text = text
    if error.session is not None:
        info = etree.SubElement(inside, f"{{{BASE}}}error-info")
        etree.SubElement(info, f"{{{BASE}}}session-id").text = str(error.session)
    return _printed(root)


def config_change(when: str, user: str, session: int, changed: Iterable[etree._Element]) -> bytes:
    """``netconf-config-change``: which top-level containers of the running configuration somebody changed."""
    root = _event(when, "netconf-config-change")
    event = root[-1]
    _by(etree.SubElement(event, f"{{{_EVENTS}}}changed-by"), user, session)
    etree.SubElement(event, f"{{{_EVENTS}}}datastore").text = "running"
    for element in changed:
        edit = etree.SubElement(event, f"{{{_EVENTS}}}edit")
        name = etree.QName(element)
        etree.SubElement(edit, f"{{{_EVENTS}}}target", nsmap={"m": name.namespace}).text = f"/m:{name.localname}"
        etree.SubElement(edit, f"{{{_EVENTS}}}operation").text = "merge"
    return _printed(root)


def confirmed_commit(when: str, what: str, user: str, session: int | None) -> bytes:
    """``netconf-confirmed-commit``: start, extend, complete, cancel or timeout; the last is nobody's doing."""
    root = _event(when, "netconf-confirmed-commit")
    event = root[-1]
    if session is not None:
        _by(event, user, session)
    etree.SubElement(event, f"{{{_EVENTS}}}confirm-event").text = what
    return _printed(root)


def _event(when: str, name: str) -> etree._Element:
    root = etree.Element(f"{{{NOTIFICATION}}}notification", nsmap={None: NOTIFICATION})
    etree.SubElement(root, f"{{{NOTIFICATION}}}eventTime").text = when
    etree.SubElement(root, f"{{{_EVENTS}}}{name}", nsmap={None: _EVENTS})
    return root


def _by(parent: etree._Element, user: str, session: int) -> None:
    etree.SubElement(parent, f"{{{_EVENTS}}}username").text = user
    etree.SubElement(parent, f"{{{_EVENTS}}}session-id").text = str(session)


def _reply(attributes: Mapping[str, str]) -> etree._Element:
    return etree.Element(f"{{{BASE}}}rpc-reply", dict(attributes), nsmap={None: BASE})


def _printed(root: etree._Element) -> bytes:
    return bytes(etree.tostring(root, encoding="UTF-8", xml_declaration=True))
