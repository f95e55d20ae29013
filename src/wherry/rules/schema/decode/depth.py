"""How deeply a value may be nested: what comes in is walked by recursive rules for the rest of its life, and a stack has an end.

Asked by the readers of bodies and by the JSON patch, whose operations can stack values up. Invariant: no stored value is nested more
deeply than every rule, table and writer can follow. The reference stops at 10000 levels; the deepest objects in use have about sixty.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

MAX_DEPTH = 200
FAULT = "exceeded max depth"


def too_deep(value: Any, content: bytes | None = None) -> bool:
    """Whether the value is nested too deeply. `content`, its JSON text, mostly answers without a walk: few brackets are not deep."""
    if content is not None and content.count(b"{") + content.count(b"[") <= MAX_DEPTH:
        return False
    level = [value] if isinstance(value, (dict, list)) else []
    for _ in range(MAX_DEPTH):
        if not level:
            return False
        level = [child for each in level for child in _children(each) if isinstance(child, (dict, list))]
    return bool(level)


def _children(container: dict[str, Any] | list[Any]) -> Iterable[Any]:
    return container.values() if isinstance(container, dict) else container
