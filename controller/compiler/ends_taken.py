"""Customer ports that a line cannot have: another line has them, a plan holds them, a rule of others uses them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from controller.compiler.aside import Aside
from controller.compiler.attachments import Attachments
from controller.compiler.inventory import Inventory
from controller.compiler.kept import KeptPlans
from controller.domain.errors import Fault, Reason, Refusal
from controller.domain.intents import Attachment, IntentKey, PrivateLine
from controller.domain.placement import PlacedLine


@dataclass(frozen=True, slots=True)
class EndsTaken:
    """Looks at what is placed, held and adopted now."""

    inventory: Inventory
    aside: Aside
    kept: KeptPlans

    def faults(
        self, field: str, attachment: Attachment, line: PrivateLine, moving: set[IntentKey], asked: Attachments
    ) -> Iterator[Fault]:
        """Why the line cannot have this end. A line that is ``moving`` gives up what it has; ``asked``: by other lines
        of the same plan."""
        standing = self.inventory.attachments.holders(attachment) - moving
        for holder in sorted(standing | asked.holders(attachment)):
            yield _fault(field, attachment, f"is in use by {holder}; choose another, or delete that line")
        plan_id = self.kept.holder_of(attachment)
        if plan_id is not None:
            yield _fault(
                field,
                attachment,
                f"is held by plan {plan_id}; choose another, carry that plan out (trunkline apply --plan {plan_id}) "
                f"or forget it (trunkline delete plan {plan_id})",
            )
        user = self.used_by_others(attachment, self.inventory.lines.get(line.key))
        if user is not None:
            yield _fault(
                field,
                attachment,
                f"is in use by a rule that is not ours, on {user}; choose another, or take that rule away and release "
                "it (trunkline adopt --release)",
            )

    def used_by_others(self, attachment: Attachment, there: PlacedLine | None) -> str | None:
        """Which adopted rule uses the attachment. A line that is ``there`` already may change there, unless that would
        write where such a rule stands."""
        stays = there is not None and attachment in (there.line.a, there.line.z)
        return None if stays and not self.aside.stands_at(attachment) else self.aside.user_of(attachment)


def place_name(attachment: Attachment) -> str:
    what = "the port" if attachment.vlan is None else f"VLAN {attachment.vlan}"
    return f"{what} of site {attachment.site}"


def _fault(field: str, attachment: Attachment, why: str) -> Fault:
    return Fault(
        reason=Reason.VLAN_IN_USE,
        field=f"{field}.site" if attachment.vlan is None else f"{field}.vlan",
        message=f"{place_name(attachment)} {why}",
    )


def blocked_by(
    inventory: Inventory, staying: Iterable[PlacedLine], was: Mapping[IntentKey, PlacedLine]
) -> dict[IntentKey, Refusal]:
    """The lines placed in this attempt where a changed line should have made room that it now keeps; where
    those stay for that reason, others cannot go, and so on."""
    blocked: dict[IntentKey, Refusal] = {}
    keeping = list(staying)
    for placed in keeping:  # grows on the way
        for attachment in (placed.line.a, placed.line.z):
            for key in sorted(inventory.attachments.holders(attachment) - blocked.keys()):
                message = (
                    f"{place_name(attachment)} stays with {placed.line.key}, "
                    "for which there is no place as asked; change that one first"
                )
                blocked[key] = Refusal(reason=Reason.VLAN_IN_USE, message=message)
                if key in was:
                    keeping.append(was[key])
    return blocked
