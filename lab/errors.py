"""What can go wrong in a lab, each in one line that says what to do."""

from __future__ import annotations


class LabError(Exception):
    """The lab cannot do what was asked; the message is one line for a person."""


class LabUnavailable(LabError):
    """This machine or this user cannot run a lab at all: the message says what is missing."""
