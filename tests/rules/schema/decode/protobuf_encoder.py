"""The other direction, for tests only: random objects from the facts of messages, and their protobuf form."""

from __future__ import annotations

import base64
import json
import random
import struct
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from wherry.api import schema_data

APIMACHINERY = "io.k8s.apimachinery.pkg."
EXTENSIONS = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1."
SCHEMA = EXTENSIONS + "JSONSchemaProps"
RAW = {APIMACHINERY + "apis.meta.v1.FieldsV1", APIMACHINERY + "runtime.RawExtension", EXTENSIONS + "JSON"}
SCALARS = ("string", "bytes", "bool", "int32", "int64", "double")
EDGES = {"int32": (0, 1, -1, 2**31 - 1, -(2**31)), "int64": (0, 7, -300, 2**63 - 1, -(2**63))}
TEXTS = ("", "a", "app", "x" * 200, "größe", "日本", "a\nb")


def facts(message: str) -> Iterator[tuple[int, str, str, str]]:
    """(number, JSON name, "" or "[]" or "map[]", type) of every field."""
    for number, fact in schema_data.protobuf(message).items():
        key, _, type_ = fact.partition(" ")
        type_ = type_ or "string"
        prefix = next((p for p in ("map[]", "[]") if type_.startswith(p)), "")
        type_ = type_.removeprefix(prefix)
        package = message.rpartition(".")[0]
        yield number, key, prefix, package + type_ if type_[0] == "." else type_.replace("~", APIMACHINERY)


def is_list(message: str) -> bool:
    return message in schema_data.protobuf_names() and any(key == "*" for _, key, _, _ in facts(message))


# random objects


def draw(rng: random.Random, message: str, depth: int = 0) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for _, key, prefix, type_ in facts(message):
        if not key:
            out |= draw(rng, type_, depth)
        elif rng.random() < (0.8 if depth < 3 else 0.3) / (1 + depth // 4):
            out[key] = _draw_field(rng, prefix, type_, depth)
    return out


def _draw_field(rng: random.Random, prefix: str, type_: str, depth: int) -> Any:
    if prefix == "[]":
        return [_draw_value(rng, type_, depth) for _ in range(rng.randint(1, 3))]
    if prefix == "map[]":
        return {rng.choice(TEXTS): _draw_value(rng, type_, depth) for _ in range(rng.randint(1, 3))}
    return _draw_value(rng, type_, depth)


def _draw_value(rng: random.Random, type_: str, depth: int) -> Any:
    if type_ in EDGES:
        return rng.choice(EDGES[type_])
    if type_ in RAW:
        return rng.choice([{"a": [1, None, "x"]}, {"f:metadata": {}}])
    simple: dict[str, Any] = {
        "string": TEXTS,
        "bytes": ("", "AA==", "/+8="),
        "bool": (True, False),
        "double": (0, 1, 2.5, -1e300),
        APIMACHINERY + "apis.meta.v1.Time": ("2026-01-02T03:04:05Z", "1969-12-31T23:59:59Z", "0100-01-01T00:00:00Z", None),
        APIMACHINERY + "apis.meta.v1.MicroTime": ("2026-01-02T03:04:05.000006Z", None),
        APIMACHINERY + "api.resource.Quantity": ("1", "500m", "1Gi"),
        APIMACHINERY + "util.intstr.IntOrString": (8080, -1, 0, "http", "25%", ""),
    }
    if type_ in simple:
        return rng.choice(simple[type_])
    if type_.startswith(SCHEMA + "Or"):
        forms: dict[str, Any] = {"Bool": True, "Array": [{"type": "string"}], "StringArray": ["a", "b"]}
        return rng.choice([forms[type_.removeprefix(SCHEMA + "Or")], {"type": "object"}])
    if is_list(type_):
        return [rng.choice(TEXTS) for _ in range(rng.randint(0, 2))]
    return draw(rng, type_, depth + 1)


# their bytes


def varint(value: int) -> bytes:
    value &= 2**64 - 1
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])


def delimited(number: int, content: bytes) -> bytes:
    return varint(number << 3 | 2) + varint(len(content)) + content


def encode(message: str, obj: dict[str, Any]) -> bytes:
    out = b""
    for number, key, prefix, type_ in facts(message):
        if not key:
            if inner := encode(type_, obj):
                out += delimited(number, inner)
        elif key in obj:
            out += _encode_field(number, prefix, type_, obj[key])
    return out


def _encode_field(number: int, prefix: str, type_: str, value: Any) -> bytes:
    if prefix == "[]":
        return b"".join(_encode_value(number, type_, item) for item in value)
    if prefix == "map[]":
        entries = (_encode_value(1, "string", key) + _encode_value(2, type_, item) for key, item in value.items())
        return b"".join(delimited(number, entry) for entry in entries)
    return _encode_value(number, type_, value)


def _encode_value(number: int, type_: str, value: Any) -> bytes:
    if type_ in ("bool", "int32", "int64"):
        return varint(number << 3) + varint(int(value))
    if type_ == "double":
        return varint(number << 3 | 1) + struct.pack("<d", value)
    return delimited(number, _content(type_, value))


def _content(type_: str, value: Any) -> bytes:
    if type_ == "string":
        return str(value).encode()
    if type_ == "bytes":
        return base64.b64decode(value)
    if type_ in RAW:
        return delimited(1, json.dumps(value).encode())
    if type_.endswith((".Time", ".MicroTime")):
        return _time(value)
    if type_.endswith(".Quantity"):
        return delimited(1, value.encode())
    if type_.endswith(".IntOrString"):
        string = isinstance(value, str)
        return b"\x08" + varint(string) + b"\x10" + varint(0 if string else value) + delimited(3, value.encode() if string else b"")
    if type_.startswith(SCHEMA + "Or"):
        return _union(type_, value)
    return encode(type_, {"*": value} if is_list(type_) else value)


def _time(value: str | None) -> bytes:
    if value is None:
        return b""
    moment = datetime.fromisoformat(value)
    seconds = int(moment.replace(microsecond=0).timestamp())
    return b"\x08" + varint(seconds) + b"\x10" + varint(moment.microsecond * 1000)


def _union(type_: str, value: Any) -> bytes:
    if isinstance(value, bool):
        return b"\x08" + varint(value)
    if isinstance(value, dict):
        return delimited(2 if type_.endswith("OrBool") else 1, encode(SCHEMA, value))
    return b"".join(delimited(2, item.encode() if isinstance(item, str) else encode(SCHEMA, item)) for item in value)


def body(api_version: str, kind: str, raw: bytes) -> bytes:
    meta = delimited(1, api_version.encode()) + delimited(2, kind.encode())
    return b"k8s\x00" + delimited(1, meta) + delimited(2, raw) + delimited(3, b"") + delimited(4, b"")
