"""Page tokens (AIP-158): opaque to clients, they hold the key behind which the next page begins."""

from __future__ import annotations

import base64
import binascii
import json

from controller.domain.errors import Fault, InvalidInput, Reason
from controller.domain.intents import IntentKey


def page_token(last: IntentKey) -> str:
    return base64.urlsafe_b64encode(json.dumps([last.kind, last.tenant, last.name]).encode()).decode()


def page_start(token: str) -> IntentKey | None:
    """The key in a token; ``None`` for the first page. Raises ``InvalidInput``."""
    if not token:
        return None
    try:
        kind, tenant, name = json.loads(base64.b64decode(token.encode(), altchars=b"-_", validate=True))
        if not all(isinstance(part, str) for part in (kind, tenant, name)):
            raise ValueError("not text")
    except (ValueError, TypeError, RecursionError, binascii.Error) as error:
        message = "is not a page token of this server: pass on next_page_token as it came, or leave it empty"
        fault = Fault(reason=Reason.INVALID_FORMAT, field="page_token", message=message)
        raise InvalidInput((fault,)) from error
    return IntentKey(kind=kind, tenant=tenant, name=name)
