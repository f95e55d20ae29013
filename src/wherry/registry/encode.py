"""From an object to the bytes that are stored, sent and watched: encoded once, `kind` and `apiVersion` first.

The server slices list items and table rows by that fixed prefix; see `Registry`.
"""

from __future__ import annotations

import msgspec

from wherry.api.objects import Obj
from wherry.store.protocol import Encoded, Encoder, Record

_encode = msgspec.json.Encoder().encode
#: metadata's fields that come first, in the reference's order
_ORDER = (
    "name",
    "generateName",
    "namespace",
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "labels",
    "annotations",
    "ownerReferences",
    "finalizers",
    "managedFields",
)


def ordered(obj: Obj) -> Obj:
    """The object with kind, apiVersion and metadata first (a new top level and metadata; the rest is shared)."""
    meta = obj["metadata"]
    head = {k: meta[k] for k in _ORDER if k in meta}
    return {
        "kind": obj["kind"],
        "apiVersion": obj["apiVersion"],
        "metadata": head,
        **{k: v for k, v in obj.items() if k not in ("kind", "apiVersion", "metadata")},
    }


def encoder(obj: Obj) -> Encoder:
    """Gives the bytes once the revision is known. The object's metadata gets its resourceVersion: call with a private top level."""
    final = ordered(obj)
    meta = final["metadata"]

    def encode(revision: int) -> Encoded:
        version = str(revision)
        if "resourceVersion" in meta:
            meta["resourceVersion"] = version
        else:
            rest = dict(meta)
            meta.clear()
            for k in ("name", "generateName", "namespace", "uid"):
                if k in rest:
                    meta[k] = rest.pop(k)
            meta["resourceVersion"] = version
            meta.update(rest)
        return Encoded(_encode(final), final)

    return encode


def transient(obj: Obj, revision: int = 0, key: str = "") -> Record:
    """A record that is not stored: dry runs, converted versions, scales."""
    final = ordered(obj) if "metadata" in obj else obj
    return Record(key, Encoded(_encode(final), final), revision, revision, False, None)


def dumps(value: object) -> bytes:
    return _encode(value)
