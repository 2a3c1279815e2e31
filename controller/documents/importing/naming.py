"""Names as documents want them, from whatever a source calls things."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

_OTHER: Final = re.compile(r"[^A-Za-z0-9._-]+")
_LONGEST: Final = 48
"""Of 63, so that there is room for what is put before and after."""


class Names:
    """Hands out names that keep the rules and are unique, also for who does not tell capitals from small letters."""

    def __init__(self) -> None:
        self._taken: set[str] = set()

    def take(self, wish: str, otherwise: str = "x") -> str:
        """A name as near to ``wish`` as may be; ``otherwise`` if nothing usable is in it."""
        plain = unicodedata.normalize("NFKD", wish).encode("ascii", "ignore").decode()
        base = _OTHER.sub("-", plain)[:_LONGEST].strip("._-")
        name = base = base if base else otherwise
        number = 1
        while name.lower() in self._taken:
            number += 1
            name = f"{base}-{number}"
        self._taken.add(name.lower())
        return name
