"""Where two JSON values differ first: for the checks of a cluster's test mode, which name the path and not the whole object."""

from __future__ import annotations

from typing import Any

#: stands for a field or an item that one side does not have
ABSENT = "<absent>"


def first_difference(left: Any, right: Any, path: str = "") -> tuple[str, Any, Any] | None:
    """(path, left's value, right's value), or None when they are equal as JSON: 1 and True, or a tuple and a list, are not."""
    if type(left) is not type(right):
        return path, left, right
    if isinstance(left, dict):
        for name in {**left, **right}:
            if name not in left or name not in right:
                return f"{path}.{name}", left.get(name, ABSENT), right.get(name, ABSENT)
            if (found := first_difference(left[name], right[name], f"{path}.{name}")) is not None:
                return found
        return None
    if isinstance(left, list):
        for index in range(max(len(left), len(right))):
            at = f"{path}[{index}]"
            if index >= len(left) or index >= len(right):
                return at, left[index] if index < len(left) else ABSENT, right[index] if index < len(right) else ABSENT
            if (found := first_difference(left[index], right[index], at)) is not None:
                return found
        return None
    return None if left == right else (path, left, right)
