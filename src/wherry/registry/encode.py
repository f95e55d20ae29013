"""From an object to the bytes that are stored, sent and watched: encoded once, `kind` and `apiVersion` first.

The server slices list items and table rows by that fixed prefix; see `Registry`.
"""

from __future__ import annotations

import msgspec

from wherry.api.objects import Obj
from wherry.store.protocol import Encoded, Encoder, Record

_encode = msgspec.json.Encoder().encode


def headed(obj: Obj) -> Obj:
    """The object with kind and apiVersion first: itself where it is so already."""
    keys = iter(obj)
    if next(keys, "") == "kind" and next(keys, "") == "apiVersion":
        return obj
    rest = {k: v for k, v in obj.items() if k not in ("kind", "apiVersion")}
    return {"kind": obj["kind"], "apiVersion": obj["apiVersion"], **rest}


def encoder(draft: Obj) -> Encoder:
    """Gives the bytes once the revision is known. The draft and its metadata must be private: they become the stored object."""
    final = headed(draft)
    meta = final["metadata"]

    def encode(revision: int) -> Encoded:
        meta["resourceVersion"] = str(revision)
        return Encoded(_encode(final), final)

    return encode


def transient(obj: Obj, revision: int = 0, key: str = "") -> Record:
    """A record that is not stored: dry runs, converted versions, scales."""
    final = headed(obj)
    return Record(key, Encoded(_encode(final), final), revision, revision, False, None)


def dumps(value: object) -> bytes:
    return _encode(value)
