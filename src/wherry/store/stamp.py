"""Where the revision stands in a value: a stored object does not hold its resourceVersion, which is put in when it is read.

A store may learn the revision of a write only after it (etcd does), so what is stored cannot contain it, and the bytes that are sent must.
The registry encodes an object once, in the order that `unversioned` gives it: kind, apiVersion, then metadata, whose first fields are texts
and an empty resourceVersion (the order of the reference's type: k8s.io/apimachinery/pkg/apis/meta/v1/types.go, ObjectMeta). So the first
`"resourceVersion":""` of the bytes is that one and no other (a quote within a text is escaped), and putting the number in is one copy,
without decoding. Values that are not of this form are left as they are.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

MARK = b'"resourceVersion":""'
_BEFORE = ("name", "generateName", "namespace", "selfLink", "uid")
_AFTER = (
    "generation", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds", "labels", "annotations", "ownerReferences",
    "finalizers", "managedFields",
)  # fmt: skip
_HEAD: dict[str, Any] = {"kind": None, "apiVersion": None, "metadata": None}


def unversioned(obj: dict[str, Any]) -> dict[str, Any]:
    """The object in the order in which it is stored, with an empty resourceVersion; a new one with new metadata, all else shared."""
    meta = obj["metadata"]
    return {**_HEAD, **obj, "metadata": {**_in_order(tuple(meta)), **meta, "resourceVersion": ""}}


@lru_cache(maxsize=1024)
def _in_order(names: tuple[str, ...]) -> dict[str, None]:
    """The same fields of metadata in the reference's order, what it does not know last: a dict keeps the place of a key that it has."""
    known = [name for name in (*_BEFORE, "resourceVersion", *_AFTER) if name in names or name == "resourceVersion"]
    return dict.fromkeys((*known, *names))


def stamped(value: bytes, revision: int) -> bytes:
    """The bytes of a stored object as they are sent: with its revision."""
    head, mark, tail = value.partition(MARK)
    return b'%b"resourceVersion":"%d"%b' % (head, revision, tail) if mark else value


def restamped(value: bytes, old: int, new: int) -> bytes:
    """The bytes of an object as they are sent, with another revision: a deletion shows the last version with its own."""
    mark = b'"resourceVersion":"%d"' % old
    at = value.find(mark)
    if at < 0:
        return value
    return b'%b"resourceVersion":"%d"%b' % (value[:at], new, value[at + len(mark) :])


def stamp(obj: dict[str, Any], revision: int) -> None:
    """The same in the object itself, which is the writer's own until it is stored."""
    obj["metadata"]["resourceVersion"] = str(revision)


def with_revision(obj: dict[str, Any], revision: int) -> dict[str, Any]:
    """A stored object with another revision; the object itself is shared and stays."""
    return {**obj, "metadata": {**obj["metadata"], "resourceVersion": str(revision)}}
