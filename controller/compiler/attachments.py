"""Which line holds which VLAN, or the whole port, of each site."""

from __future__ import annotations

from collections import defaultdict

from controller.domain.intents import Attachment, IntentKey, PrivateLine


class Attachments:
    """No VLAN and no port has two lines, and a port that is taken whole has no VLAN beside."""

    def __init__(self) -> None:
        self._at_site: defaultdict[str, dict[int | None, IntentKey]] = defaultdict(dict)

    def holders(self, attachment: Attachment) -> set[IntentKey]:
        """The lines that stand in the way: of a VLAN, its holder or that of the whole port; of a port, all on it."""
        there = self._at_site.get(attachment.site, {})
        if attachment.vlan is None:
            return set(there.values())
        return {there[vlan] for vlan in (attachment.vlan, None) if vlan in there}

    def hold(self, line: PrivateLine) -> None:
        """Give a line both its ends. ``ValueError`` (a programming error) when one of them is held already."""
        for attachment in (line.a, line.z):
            holders = self.holders(attachment)
            if holders:
                raise ValueError(f"{line.key} cannot have {attachment}: it is held by {', '.join(map(str, holders))}")
        for attachment in (line.a, line.z):
            self._at_site[attachment.site][attachment.vlan] = line.key

    def free(self, line: PrivateLine) -> None:
        for attachment in (line.a, line.z):
            there = self._at_site[attachment.site]
            del there[attachment.vlan]
            if not there:
                del self._at_site[attachment.site]
