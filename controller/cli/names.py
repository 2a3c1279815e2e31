"""How people name an intent on the command line: TENANT/NAME."""

from __future__ import annotations

import click

from controller.domain.errors import InvalidInput
from controller.domain.intents import IntentKey
from controller.domain.validation import name_problem
from controller.wire.names import intent_key, intent_name


def intent_argument(text: str) -> str:
    """The resource name of ``TENANT/NAME``; a resource name is taken as it is."""
    if text.startswith("tenants/"):
        try:
            return intent_name(intent_key(text, "name"))
        except InvalidInput as error:
            raise click.UsageError(error.faults[0].message) from error
    tenant, slash, name = text.partition("/")
    if not slash or name_problem(tenant) or name_problem(name):
        raise click.UsageError(f"{text!r} does not name an intent: write TENANT/NAME, as in acme/bj-sh-gold")
    return intent_name(IntentKey(kind="PrivateLine", tenant=tenant, name=name))


def shown_name(resource_name: str) -> str:
    """The ``TENANT/NAME`` of a resource name."""
    key = intent_key(resource_name, "name")
    return f"{key.tenant}/{key.name}"
