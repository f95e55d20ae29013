"""Between the bytes that etcd holds of an object and those that are sent: the former have no resourceVersion.

etcd tells the revision after the write, so what is stored cannot have it. Where the empty one stands is known (`wherry.store.stamp`): it is
taken out when an object is written, so that etcd holds what the reference would, and put back when it is read, by looking at the
first hundred bytes. An object that somebody else wrote in another order of fields is decoded once and brought into ours. A protobuf
value (the reference's default for built-in kinds) is read by what the store is given for it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import msgspec

from wherry.store.stamp import MARK, unversioned

PROTOBUF = b"k8s\x00"
_TEXT = rb'"[^"\\]*"'
#: an object's first fields, up to where its resourceVersion stands
_HEAD = re.compile(
    rb'\{"kind":%(t)b,"apiVersion":%(t)b,"metadata":\{"name":%(t)b,(?:"generateName":%(t)b,)?(?:"namespace":%(t)b,)?(?:"selfLink":%(t)b,)?'
    rb'(?:"uid":%(t)b,)?' % {b"t": _TEXT}
)

#: from a protobuf value to the object; raises ValueError for what it cannot read
ReadProtobuf = Callable[[bytes], dict[str, Any]]


class Unreadable(ValueError):
    """A value in etcd that is no object."""


def without_revision(value: bytes) -> bytes:
    """What is stored of the bytes of an object with an empty resourceVersion; of anything else, itself."""
    head = _HEAD.match(value)
    if head is None or not value.startswith(MARK + b",", head.end()):
        return value
    return value[: head.end()] + value[head.end() + len(MARK) + 1 :]


def with_mark(value: bytes, read_protobuf: ReadProtobuf | None = None) -> bytes:
    """The bytes of an object with an empty resourceVersion, of what is stored. Raises Unreadable."""
    if value.startswith(PROTOBUF):
        return _of_protobuf(value, read_protobuf)
    head = _HEAD.match(value)
    if head is None or value.startswith(b'"resourceVersion"', head.end()):
        return _brought_in_order(value)
    if value.endswith(b"\n"):
        value = value[:-1]
    return value[: head.end()] + MARK + b"," + value[head.end() :]


def _of_protobuf(value: bytes, read: ReadProtobuf | None) -> bytes:
    if read is None:
        raise Unreadable("it is a protobuf message")
    try:
        return msgspec.json.encode(unversioned(read(value)))
    except ValueError as error:
        raise Unreadable(f"its protobuf message cannot be read: {error}") from error


def _brought_in_order(value: bytes) -> bytes:
    try:
        obj = msgspec.json.decode(value)
    except ValueError as error:
        raise Unreadable(f"it is not JSON: {error}") from error
    if isinstance(obj, dict) and "kind" in obj and "apiVersion" in obj and isinstance(obj.get("metadata"), dict):
        return msgspec.json.encode(unversioned(obj))
    return value
