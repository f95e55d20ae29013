"""Objects that the reference's API server has written into the same etcd: built-in kinds are protobuf there, custom ones JSON.

Given to the store over etcd by `stores`. From a stored protobuf value to the object, in the version that the registry works in. Whoever
writes the object next writes JSON, which the reference reads as well (it does so for every value by its first bytes).
Source: k8s.io/apimachinery/pkg/runtime/serializer/recognizer; --storage-media-type of kube-apiserver.
"""

from __future__ import annotations

from wherry.api.objects import Obj
from wherry.api.resources import TABLE
from wherry.rules.kinds.conversion import convert
from wherry.rules.schema.decode import protobuf


def read_protobuf(value: bytes) -> Obj:
    """Raises ValueError for a message that is none, and for a kind that is not served here."""
    found = protobuf.envelope(value)
    row = TABLE.by_kind(found.api_version, found.kind)
    if row is None or not protobuf.has(row.schema):
        raise ValueError(f"{found.api_version or 'no version'}, {found.kind or 'no kind'} is not served here")
    obj = {"kind": found.kind, "apiVersion": found.api_version, **protobuf.message(row.schema, found.raw)}
    if not (obj.get("metadata") or {}).get("name"):
        raise ValueError(f"a {found.kind} without a name")
    return convert(obj, row, TABLE.storage(row))
