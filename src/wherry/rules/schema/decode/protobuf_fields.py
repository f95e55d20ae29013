"""Messages and their fields, compiled from the facts a message at a time, when its first bytes come.

Called by `protobuf`. Turns the content of a message into the JSON object that stands for it: fields under their JSON names, structs that
JSON inlines laid open, lists wrapped in a message unwrapped. Invariants: unknown field numbers are stepped over; a field that comes twice
is merged (message), added to (list, map) or replaced (anything else); what is absent stays absent.
A fact is `name type`: no type is a string, no name an inlined struct, the name `*` a wrapped list; `[]` and `map[]` (keys are strings)
stand before the type; `.X` is a message of the same package, `~` the root of apimachinery.
Source: generated.proto and the struct tags of staging/src/k8s.io/{api,apimachinery,apiextensions-apiserver,kube-aggregator}.
"""

from __future__ import annotations

import binascii
import math
import struct
from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

from wherry.api import schema_data
from wherry.api.objects import Obj
from wherry.rules.schema.decode import protobuf_custom
from wherry.rules.schema.decode import protobuf_wire as wire
from wherry.rules.schema.decode.protobuf_wire import LENGTH, Malformed, signed, span, text, varint

#: reads fields between two positions into an object
Fill = Callable[[bytes, int, int, Obj], None]
#: reads the value of a field, tag behind it, into an object; gives the position after it
Field = Callable[[bytes, int, int, Obj], int]

_APIMACHINERY = "io.k8s.apimachinery.pkg."


class Type(NamedTuple):
    """How a value is read: its wire type, and a reader that gives it with the position after it."""

    wire: int
    read: Callable[[bytes, int, int], tuple[Any, int]]
    #: what an entry of a map has that names no value
    zero: Callable[[], Any]
    #: a plain message: what fills an object that is there already
    fill: Fill | None = None


@cache
def filler(name: str) -> Fill:
    """The reader of a message by its definition's name. KeyError when there is no such message."""
    known = {number: _fact(name, fact) for number, fact in schema_data.protobuf(name).items()}
    table: dict[int, Field] = {}
    for number, (key, prefix, type_) in known.items():
        table |= _entries(number, key, prefix, _type(type_))
    short = name.rpartition(".")[2]

    def unknown(data: bytes, at: int, end: int, tag: int) -> int:
        wire.check_tag(tag, short)
        if tag >> 3 in known:
            raise wire.wrong_type(tag, known[tag >> 3][0] or known[tag >> 3][2].rpartition(".")[2])
        return wire.skip(data, at, end, tag & 7)

    def fill(data: bytes, at: int, end: int, out: Obj) -> None:
        while at < end:
            tag = data[at]
            if tag < 0x80:
                at += 1
            else:
                tag, at = varint(data, at, end)
            field = table.get(tag)
            at = unknown(data, at, end, tag) if field is None else field(data, at, end, out)

    return fill


def _fact(message: str, fact: str) -> tuple[str, str, str]:
    """(JSON name, "" or "[]" or "map[]", type)."""
    key, _, shown = fact.partition(" ")
    before, bracket, type_ = (shown or "string").rpartition("]")
    if type_.startswith("."):
        type_ = message.rpartition(".")[0] + type_
    return key, before + bracket, type_.replace("~", _APIMACHINERY)


def _entries(number: int, key: str, prefix: str, type_: Type) -> dict[int, Field]:
    """The readers of a field by tag: lists of numbers may come packed or one by one."""
    tag = number << 3 | type_.wire
    if prefix == "map[]":
        return {number << 3 | LENGTH: _map(key, type_)}
    if prefix == "[]":
        packed = {} if type_.wire == LENGTH else {number << 3 | LENGTH: _packed(key, type_)}
        return packed | {tag: _append(key, type_)}
    if type_.fill:
        return {tag: _merge(key, type_.fill) if key else _inline(type_.fill)}
    return {tag: _set(key, type_)}


def _set(key: str, type_: Type) -> Field:
    read = type_.read

    def field(data: bytes, at: int, end: int, out: Obj) -> int:
        out[key], at = read(data, at, end)
        return at

    return field


def _merge(key: str, fill: Fill) -> Field:
    def field(data: bytes, at: int, end: int, out: Obj) -> int:
        at, stop = span(data, at, end)
        fill(data, at, stop, out.setdefault(key, {}))
        return stop

    return field


def _inline(fill: Fill) -> Field:
    def field(data: bytes, at: int, end: int, out: Obj) -> int:
        at, stop = span(data, at, end)
        fill(data, at, stop, out)
        return stop

    return field


def _append(key: str, type_: Type) -> Field:
    read = type_.read

    def field(data: bytes, at: int, end: int, out: Obj) -> int:
        value, at = read(data, at, end)
        out.setdefault(key, []).append(value)
        return at

    return field


def _packed(key: str, type_: Type) -> Field:
    read = type_.read

    def field(data: bytes, at: int, end: int, out: Obj) -> int:
        at, stop = span(data, at, end)
        values = out.setdefault(key, []) if at < stop else []
        while at < stop:
            value, at = read(data, at, stop)
            values.append(value)
        return stop

    return field


def _map(key: str, type_: Type) -> Field:
    read, zero, value_tag = type_.read, type_.zero, 2 << 3 | type_.wire

    def field(data: bytes, at: int, end: int, out: Obj) -> int:
        at, stop = span(data, at, end)
        name, value, found = "", None, False
        while at < stop:
            tag, at = varint(data, at, stop)
            if tag == 0x0A:
                start, at = span(data, at, stop)
                name = text(data[start:at])
            elif tag == value_tag:
                value, at = read(data, at, stop)
                found = True
            else:
                at = wire.skip(data, at, stop, tag & 7)
        out.setdefault(key, {})[name] = value if found else zero()
        return stop

    return field


@cache
def _type(name: str) -> Type:
    if name in _SCALARS:
        return _SCALARS[name]
    if name in _CUSTOM:
        return _delimited(_CUSTOM[name])
    if any(fact.startswith("*") for fact in schema_data.protobuf(name).values()):
        return _delimited(lambda content: message(name, content).get("*", []))
    return _message(name)


def _message(name: str) -> Type:
    def fill(data: bytes, at: int, end: int, out: Obj) -> None:
        filler(name)(data, at, end, out)  # compiled when the first one comes: messages may contain themselves

    def read(data: bytes, at: int, end: int) -> tuple[Obj, int]:
        at, stop = span(data, at, end)
        out: Obj = {}
        filler(name)(data, at, stop, out)
        return out, stop

    return Type(LENGTH, read, dict, fill)


def _delimited(content: Callable[[bytes], Any]) -> Type:
    def read(data: bytes, at: int, end: int) -> tuple[Any, int]:
        at, stop = span(data, at, end)
        return content(data[at:stop]), stop

    return Type(LENGTH, read, lambda: content(b""))


def _number(convert: Callable[[int], Any]) -> Type:
    def read(data: bytes, at: int, end: int) -> tuple[Any, int]:
        value, at = varint(data, at, end)
        return convert(value), at

    return Type(wire.VARINT, read, lambda: convert(0))


def _double(data: bytes, at: int, end: int) -> tuple[Any, int]:
    stop = wire.fixed(at, end, 8)
    value = struct.unpack_from("<d", data, at)[0]
    if not math.isfinite(value):
        raise Malformed(f"json: unsupported value: {'NaN' if math.isnan(value) else '+Inf' if value > 0 else '-Inf'}")
    return int(value) if value.is_integer() and abs(value) < 2**63 else value, stop


def message(name: str, content: bytes) -> Obj:
    """The JSON object of a message by its definition's name."""
    out: Obj = {}
    filler(name)(content, 0, len(content), out)
    return out


_SCALARS: dict[str, Type] = {
    "string": _delimited(text),
    "bytes": _delimited(lambda content: binascii.b2a_base64(content, newline=False).decode()),
    "bool": _number(bool),
    "int32": _number(lambda value: signed(value, 32)),
    "int64": _number(lambda value: signed(value, 64)),
    "double": Type(wire.FIXED64, _double, lambda: 0),
}
_CUSTOM = protobuf_custom.readers(message)
