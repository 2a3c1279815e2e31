"""The RPCs that a simulated node knows (RFC 6241, RFC 5277), carried out on its datastores. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field

from lxml import etree

from controller.simulation.netconf.datastores import Confirmable, Datastores, Happened, Store
from controller.simulation.netconf.editing import Operation
from controller.simulation.netconf.faults import CONFIRM
from controller.simulation.netconf.filtering import selected
from controller.simulation.netconf.messages import BASE, NOTIFICATION, RpcError

CONFIRM_TIMEOUT_S = 600
"""What the standard gives a confirmed commit that names no time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """What an RPC came to: ``data`` is the answer (``None``: ok); ``subscribes``, ``closes`` and ``kills`` (a session)
    are about sessions, which are not known here."""

    data: list[etree._Element] | None = None
    happened: Happened = field(default_factory=Happened)
    subscribes: bool = False
    closes: bool = False
    kills: int | None = None


def name_of(rpc: etree._Element) -> str:
    """The name of what is asked, with ``confirm`` for a commit that confirms another; empty when nothing is."""
    if not len(rpc):
        return ""
    name = str(etree.QName(rpc[0]).localname)
    return CONFIRM if name == "commit" and _inner(rpc[0], "persist-id") is not None else name


def carry_out(rpc: etree._Element, stores: Datastores, session: int) -> Done:
    """``RpcError`` when it is refused; then nothing was changed."""
    if not len(rpc):
        raise RpcError("missing-element", "an rpc without an operation")
    asked = rpc[0]
    name = etree.QName(asked)
    if name.namespace == NOTIFICATION and name.localname == "create-subscription":
        return Done(subscribes=True)
    if name.namespace != BASE:
        raise RpcError("operation-not-supported", f"{name.localname} of {name.namespace}")
    match name.localname:
        case "get-config":
            return Done(data=_config(stores, _store(asked, "source"), asked))
        case "get":
            return Done(data=_config(stores, Store.RUNNING, asked))
        case "lock":
            stores.lock(_store(asked, "target"), session)
        case "unlock":
            stores.unlock(_store(asked, "target"), session)
        case "edit-config":
            _edit(asked, stores, session)
        case "validate":
            stores.validate(_store(asked, "source"))
        case "discard-changes":
            stores.discard(session)
        case "commit":
            return Done(happened=stores.commit(session, _confirmable(asked), _text(asked, "persist-id")))
        case "cancel-commit":
            return Done(happened=stores.cancel(session, _text(asked, "persist-id")))
        case "close-session":
            return Done(closes=True)
        case "kill-session":
            return Done(kills=_number(asked, "session-id", 0))
        case _:
            raise RpcError("operation-not-supported", name.localname)
    return Done()


def _edit(asked: etree._Element, stores: Datastores, session: int) -> None:
    if _store(asked, "target") is not Store.CANDIDATE:
        raise RpcError("operation-not-supported", "running is written by commit only")
    config = _inner(asked, "config")
    if config is None:
        raise RpcError("missing-element", "an edit-config without config")
    default = _choice(asked, "default-operation", ("merge", "replace", "none"), "merge")
    test = _choice(asked, "test-option", ("test-then-set", "set"), "test-then-set")
    # Whatever error-option says: an edit is made whole or not at all, which no client can mind.
    _choice(asked, "error-option", ("stop-on-error", "continue-on-error", "rollback-on-error"), "stop-on-error")
    stores.edit(session, list(config), Operation(default), test=test == "test-then-set")


def _config(stores: Datastores, store: Store, asked: etree._Element) -> list[etree._Element]:
    config = stores.running if store is Store.RUNNING else stores.candidate
    wanted = _inner(asked, "filter")
    if wanted is None:
        return selected(config, [etree.Element(element.tag) for element in config])
    if wanted.get("type", "subtree") != "subtree":
        raise RpcError("bad-attribute", "only subtree filters are known")
    return selected(config, list(wanted))


def _confirmable(asked: etree._Element) -> Confirmable | None:
    if _inner(asked, "confirmed") is None:
        return None
    timeout_s = _number(asked, "confirm-timeout", CONFIRM_TIMEOUT_S)
    return Confirmable(persist=_text(asked, "persist"), timeout_s=timeout_s)


def _store(asked: etree._Element, where: str) -> Store:
    named = _inner(asked, where)
    for name in Store:
        if named is not None and _inner(named, name) is not None:
            return name
    raise RpcError("invalid-value", f"{where} is neither running nor candidate")


def _choice(asked: etree._Element, name: str, choices: tuple[str, ...], default: str) -> str:
    text = _text(asked, name)
    if text is None:
        return default
    if text not in choices:
        raise RpcError("invalid-value", f"{name} is {text!r}, not one of {', '.join(choices)}")
    return text


def _number(asked: etree._Element, name: str, default: int) -> int:
    text = _text(asked, name)
    if text is None:
        return default
    if not text.isascii() or not text.isdigit() or not 0 < int(text) < 1 << 32:
        raise RpcError("invalid-value", f"{name} is {text!r}, not a number of at least 1")
    return int(text)


def _text(asked: etree._Element, name: str) -> str | None:
    found = _inner(asked, name)
    return None if found is None else (found.text or "").strip()


def _inner(asked: etree._Element, name: str) -> etree._Element | None:
    found: etree._Element | None = asked.find(f"{{{BASE}}}{name}")
    return found
