"""What can go wrong in a rollout beside API errors; the message is kubectl's."""

from __future__ import annotations

from wherry.errors import WherryError


class RolloutError(WherryError):
    """The request makes no sense for this object, or the rollout went wrong."""


class RevisionNotFound(RolloutError):
    """No revision has that number."""


class NothingToUndo(RolloutError):
    """There is no revision before the running one."""


class Paused(RolloutError):
    """The object is paused, or is paused already, or is not."""


class Unsupported(RolloutError):
    """Not for objects of this kind, or with this update strategy."""


class Unchanged(RolloutError):
    """The change is there already: a second restart in the same second."""


class OtherRevision(RolloutError):
    """Another revision than the one asked for is running."""


class Deleted(RolloutError):
    """The object went away while it was watched."""


class Failed(RolloutError):
    """The rollout itself failed: its progress deadline has passed, or its pods cannot start."""
