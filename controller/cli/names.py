"""How people name an intent on the command line: ``TENANT/NAME`` is a private line, ``egresspolicy/TENANT/NAME`` an
egress policy. What commands print can be given to them."""

from __future__ import annotations

import click

from controller.domain.errors import InvalidInput
from controller.domain.intents import IntentKey
from controller.domain.validation import name_problem
from controller.wire.names import intent_key, intent_name

_KINDS = {"privateline": "PrivateLine", "egresspolicy": "EgressPolicy"}
KINDS_BY_PLURAL = {"privatelines": "PrivateLine", "egresspolicies": "EgressPolicy"}
"""What ``get`` takes to list one kind."""


def intent_argument(text: str) -> str:
    """The resource name of ``[KIND/]TENANT/NAME``; a resource name is taken as it is."""
    if text.startswith("tenants/"):
        try:
            return intent_name(intent_key(text, "name"))
        except InvalidInput as error:
            raise click.UsageError(error.faults[0].message) from error
    parts = text.split("/")
    kind = _KINDS.get(parts.pop(0).lower() if len(parts) == 3 else "privateline")
    if kind is None or len(parts) != 2 or any(map(name_problem, parts)):
        raise click.UsageError(
            f"{text!r} does not name an intent: write TENANT/NAME, as in acme/bj-sh-gold, or egresspolicy/TENANT/NAME"
        )
    return intent_name(IntentKey(kind=kind, tenant=parts[0], name=parts[1]))


def shown_name(resource_name: str) -> str:
    """How a resource name is shown, and can be given to commands."""
    return shown_key(intent_key(resource_name, "name"))


def shown_key(key: IntentKey) -> str:
    """``TENANT/NAME`` of a private line, with the kind before it of others."""
    prefix = "" if key.kind == "PrivateLine" else f"{key.kind.lower()}/"
    return f"{prefix}{key.tenant}/{key.name}"
