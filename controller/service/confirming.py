"""Large changes are asked for twice: nobody deletes 1,000 lines by a typo."""

from __future__ import annotations

from dataclasses import dataclass

from controller.domain.errors import ConfirmationRequired


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfirmAbove:
    """A change that touches more lines, or more devices, needs the number of its lines with it. ``None``: no limit."""

    lines: int | None = 500
    devices: int | None = None

    def check(self, verb: str, lines: int, devices: int, given: int | None) -> None:
        """Raise ``ConfirmationRequired`` when a change of this size is not confirmed, or confirmed with another number:
        who says a number and is wrong does not know what would happen, however small it is."""
        passed = [
            f"more than {limit} {what} (the server's --confirm-above)"
            for what, size, limit in (("lines", lines, self.lines), ("devices", devices, self.devices))
            if limit is not None and size > limit
        ]
        if given == lines or (given is None and not passed):
            return
        what = f"this {verb} touches {lines} {'line' if lines == 1 else 'lines'} on {devices} devices"
        why = f", {' and '.join(passed)}" if passed else ""
        wrong = f", not {given}" if given is not None else ""
        raise ConfirmationRequired(
            f"nothing was changed: {what}{wrong}{why}; if that is meant, repeat it with --confirm {lines}",
            lines,
            devices,
        )
