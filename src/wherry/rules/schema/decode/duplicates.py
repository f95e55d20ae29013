"""Fields that a JSON text names twice: a fast JSON reader keeps the last one silently.

Called by `reader`. `suspect` asks cheaply whether a text names anything twice, `read` then keeps every pair, `listed` names them.
Invariant: `suspect` never misses a duplicate: every key has one colon, so the text has more colons than what was read from it.
Source of the messages: sigs.k8s.io/json, strict decoding errors.
"""

from __future__ import annotations

import json
from typing import Any

import msgspec

from wherry.api import field


class Pairs(dict[str, Any]):
    """An object that remembers all its pairs in the order of the text."""

    __slots__ = ("pairs",)

    def __init__(self, pairs: list[tuple[str, Any]]) -> None:
        super().__init__(pairs)
        self.pairs = pairs


def suspect(content: bytes, value: Any) -> bool:
    """True when the text may name a field twice. An escaped colon would spoil the count, so it counts as suspect too."""
    escaped = b"\\u003a" in content or b"\\u003A" in content
    return escaped or content.count(b":") != msgspec.json.encode(value).count(b":")


def read(content: bytes) -> Any:
    """The value of a well-formed text, its objects as `Pairs`."""
    return json.loads(content.decode("utf-8", "replace"), object_pairs_hook=Pairs)


def listed(value: Any, path: str = "") -> list[str]:
    """A strict error for every key that stands twice in one object, in the order of the text."""
    if isinstance(value, list):
        return [error for i, item in enumerate(value) for error in listed(item, f"{path}[{i}]")]
    if not isinstance(value, Pairs):
        return []
    errors: dict[str, None] = {}
    seen: set[str] = set()
    for key, item in value.pairs:
        here = f"{path}.{key}" if path else key
        if key in seen:
            errors[f"duplicate field {field.show(here)}"] = None
        seen.add(key)
        errors.update(dict.fromkeys(listed(item, here)))
    return list(errors)
