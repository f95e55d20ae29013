"""The root of all errors that a user may catch: `except wherry.WherryError` is everything that wherry itself says no with.

Imported by every layer and importing nothing, so it stands beside them. Each error keeps its builtin kin too (OSError, ValueError,
TimeoutError, AssertionError) where callers expect one.
"""

from __future__ import annotations


class WherryError(Exception):
    """Something that was asked of wherry cannot be done; the message is for people."""
