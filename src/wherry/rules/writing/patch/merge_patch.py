"""JSON merge patch (RFC 7386): objects merge, null deletes, anything else replaces.

Called through `wherry.rules.writing.patch.apply`. The result shares unchanged subtrees with the current object.
Source: RFC 7386; nulls inside lists stay, as in the reference's library.
"""

from __future__ import annotations

from typing import Any

from wherry.api.objects import Obj


def _without_nulls(value: Any) -> Any:
    """What a value that has nothing to merge with becomes: objects lose their null fields, at every depth."""
    if isinstance(value, dict):
        return {k: _without_nulls(v) for k, v in value.items() if v is not None}
    if isinstance(value, list):
        return [_without_nulls(v) for v in value]
    return value


def apply(current: Obj, patch: Obj) -> Obj:
    """`current` merged with `patch`; `current` itself when the patch says nothing new."""
    merged: Obj | None = None
    for key, value in patch.items():
        before = current.get(key)
        if value is None:
            if key in current:
                merged = dict(current) if merged is None else merged
                del merged[key]
            continue
        after = apply(before, value) if isinstance(value, dict) and isinstance(before, dict) else _without_nulls(value)
        if after is not before:
            merged = dict(current) if merged is None else merged
            merged[key] = after
    return current if merged is None else merged
