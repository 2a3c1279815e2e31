"""What a device tells by itself (RFC 6470): who changed its configuration. Pure."""

from __future__ import annotations

from lxml import etree

_NAMESPACE = "{urn:ietf:params:xml:ns:yang:ietf-netconf-notifications}"
_CHANGE = f"{_NAMESPACE}netconf-config-change"
_CONFIRMED_COMMIT = f"{_NAMESPACE}netconf-confirmed-commit"


def change_by_others(notification: etree._Element, session_id: str) -> str | None:
    """In words, when the running configuration was changed and not by our session; else ``None``.

    A confirmed commit that runs out changes it, too, and so does one that somebody cancels; these send no
    config-change, neither by the standard nor in fact.
    """
    change = notification.find(_CHANGE)
    if change is not None:
        by = _by(change, f"{_NAMESPACE}changed-by/")
        if by[0] == session_id:
            return None
        targets = [target.text or "" for target in change.iter(f"{_NAMESPACE}target")]
        return f"{_words(by)} changed {', '.join(targets) if targets else 'the configuration'}"
    commit = notification.find(_CONFIRMED_COMMIT)
    if commit is not None:
        event = commit.findtext(f"{_NAMESPACE}confirm-event", "").strip()
        by = _by(commit, "")
        if event == "timeout":
            return "a confirmed commit ran out"
        if event == "cancel" and by[0] != session_id:
            return f"{_words(by)} cancelled a confirmed commit"
    return None


def _by(element: etree._Element, prefix: str) -> tuple[str, str]:
    """(session id, user), empty where the device itself did it."""
    session_id = element.findtext(f"{prefix}{_NAMESPACE}session-id", "").strip()
    return session_id, element.findtext(f"{prefix}{_NAMESPACE}username", "").strip()


def _words(by: tuple[str, str]) -> str:
    session_id, user = by
    return f"{user} in session {session_id}" if session_id else "the device itself"
