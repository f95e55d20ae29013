"""Protobuf bodies: the envelope that says what is in them, and the object inside.

Called by `reader` (envelope) and, once it is known that the body is of the kind that the path takes, by `body` (object). Turns bytes into
the JSON object that the same client would have sent as JSON; what follows is the same for both. Invariant: bytes of whatever kind give
an object or raise `Malformed`. Kinds without a message (custom resources) are not read: `has` says so.
Source: k8s.io/apimachinery/pkg/runtime/serializer/protobuf, runtime/generated.proto (Unknown);
https://kubernetes.io/docs/reference/using-api/api-concepts/#kubernetes-protobuf-encoding.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from wherry.api import schema_data
from wherry.api.objects import Obj
from wherry.rules.schema.decode import protobuf_fields
from wherry.rules.schema.decode.protobuf_wire import Malformed, fields, text

MAGIC = b"k8s\x00"
_UNKNOWN = {0x0A: "typeMeta", 0x12: "raw", 0x1A: "contentEncoding", 0x22: "contentType"}
_TYPE_META = {0x0A: "apiVersion", 0x12: "kind"}


class Envelope(NamedTuple):
    """What a body says it is, both may be empty, and the message in it."""

    api_version: str
    kind: str
    raw: bytes


def envelope(content: bytes) -> Envelope:
    """Opens a body. Raises Malformed with the reference's message."""
    if not content:
        raise Malformed("empty data")
    if not content.startswith(MAGIC):
        raise Malformed(f"provided data does not appear to be a protobuf message, expected prefix [{' '.join(map(str, MAGIC))}]")
    if len(content) == len(MAGIC):
        raise Malformed("empty body")
    header, raw = {"apiVersion": "", "kind": ""}, b""
    for name, value in fields(content[len(MAGIC) :], "Unknown", _UNKNOWN):
        assert isinstance(value, bytes)
        if name == "raw":
            raw = value
        elif name == "typeMeta":
            header |= _type_meta(value)
    return Envelope(header["apiVersion"], header["kind"], raw)


def _type_meta(content: bytes) -> dict[str, str]:
    return {name: text(value) for name, value in fields(content, "TypeMeta", _TYPE_META) if isinstance(value, bytes)}


@lru_cache(maxsize=1)
def _names() -> frozenset[str]:
    return frozenset(schema_data.protobuf_names())


def has(schema: str) -> bool:
    """True when objects of this definition have a protobuf form."""
    return schema in _names()


def message(schema: str, raw: bytes) -> Obj:
    """The object of a message, without apiVersion and kind. Raises Malformed; KeyError for a definition that `has` denies."""
    try:
        return protobuf_fields.message(schema, raw)
    except RecursionError:
        raise Malformed("exceeded max depth") from None


__all__ = ["MAGIC", "Envelope", "Malformed", "envelope", "has", "message"]
