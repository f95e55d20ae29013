"""From an object to the bytes that are stored, sent and watched: encoded once, `kind` and `apiVersion` first.

The server slices list items and table rows by that fixed prefix; see `Registry`. The revision is put into them by the store, which knows
it (`wherry.store.stamp`).
"""

from __future__ import annotations

import msgspec

from wherry.api.objects import Obj
from wherry.store.protocol import Encoded, Record
from wherry.store.stamp import unversioned

_encode = msgspec.json.Encoder().encode


def headed(obj: Obj) -> Obj:
    """The object with kind and apiVersion first: itself where it is so already."""
    keys = iter(obj)
    if next(keys, "") == "kind" and next(keys, "") == "apiVersion":
        return obj
    rest = {k: v for k, v in obj.items() if k not in ("kind", "apiVersion")}
    return {"kind": obj["kind"], "apiVersion": obj["apiVersion"], **rest}


def encode(draft: Obj) -> Encoded:
    """What is to be stored of a draft, which is private. The object shares all but its metadata with the draft."""
    final = unversioned(draft)
    return Encoded(_encode(final), final)


def transient(obj: Obj, revision: int = 0, key: str = "") -> Record:
    """A record that is not stored: dry runs, converted versions, scales."""
    final = headed(obj)
    return Record(key, Encoded(_encode(final), final), revision, revision, False, None)


def dumps(value: object) -> bytes:
    return _encode(value)
