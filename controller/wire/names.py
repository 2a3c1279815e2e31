"""Resource names (AIP-122) <-> keys of intents: ``tenants/{tenant}/privateLines/{name}``, and ``egressPolicies``."""

from __future__ import annotations

import re

from controller.domain.errors import Fault, InvalidInput, Reason
from controller.domain.intents import IntentKey

_COLLECTION = {"PrivateLine": "privateLines", "EgressPolicy": "egressPolicies"}
_KIND = {collection: kind for kind, collection in _COLLECTION.items()}
_NAME = re.compile(rf"tenants/([^/]+)/({'|'.join(_KIND)})/([^/]+)")
_PARENT = re.compile(r"tenants/([^/]+)")


def intent_name(key: IntentKey) -> str:
    return f"tenants/{key.tenant}/{_COLLECTION[key.kind]}/{key.name}"


def intent_key(name: str, field: str) -> IntentKey:
    """Raises ``InvalidInput`` that names ``field``."""
    found = _NAME.fullmatch(name)
    if found is None:
        raise _malformed(field, name, "tenants/TENANT/privateLines/NAME, or .../egressPolicies/NAME")
    return IntentKey(kind=_KIND[found[2]], tenant=found[1], name=found[3])


def tenant_of(parent: str, field: str) -> str | None:
    """The tenant of a parent; ``None`` for ``tenants/-``, which is all of them. Raises ``InvalidInput``."""
    found = _PARENT.fullmatch(parent)
    if found is None:
        raise _malformed(field, parent, "tenants/TENANT, or tenants/- for all")
    return None if found[1] == "-" else found[1]


def _malformed(field: str, text: str, right: str) -> InvalidInput:
    message = f"{text[:80]!r} is not a resource name: write {right}"
    return InvalidInput((Fault(reason=Reason.INVALID_FORMAT, field=field, message=message),))
