"""Events that our own components record: the most frequent writes of all, so their fixed shape is worked out once per shape.

Used by creates for trusted clients. The recorder builds every event alike; what it owns (FieldsV1) depends only on which fields are there.
"""

from __future__ import annotations

from functools import lru_cache

from wherry.api.objects import Obj


def owned_fields(event: Obj) -> Obj:
    """What the maker of a new event owns; shared between events of one shape."""
    # a text that is empty is nobody's: the reporting instance of a component without a host
    return _owned(tuple(k for k, v in event.items() if v != ""), tuple(event.get("source") or ()))


@lru_cache(maxsize=256)
def _owned(fields: tuple[str, ...], source: tuple[str, ...]) -> Obj:
    owned: Obj = {}
    for name in sorted(set(fields) - {"kind", "apiVersion", "metadata", "eventTime"}):
        owned[f"f:{name}"] = {f"f:{k}": {} for k in sorted(source)} if name == "source" else {}
    return owned
