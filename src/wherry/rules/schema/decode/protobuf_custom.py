"""Messages whose JSON form is not that of their fields: times, quantities, int-or-string, raw JSON, unions of schemas.

Called by `protobuf_fields`. Turns the content of such a message into the value that its JSON form has. Invariant: a reader takes any
bytes and gives a JSON value or raises `Malformed`; whether a quantity is well-formed is found out later, as for JSON bodies.
Source: k8s.io/apimachinery time_proto.go, micro_time_proto.go, quantity_proto.go, intstr.go, runtime/types.go;
k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1/marshal.go.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from wherry.api.schema import SCHEMA_OR_BOOL, SCHEMA_OR_LIST, SCHEMA_OR_STRINGS, SCHEMA_PROPS
from wherry.rules.schema.decode.protobuf_wire import Malformed, fields, signed, text
from wherry.rules.texts import json_fault

Content = Callable[[bytes], Any]
#: reads a message by its definition's name: how unions get at the schema in them
Messages = Callable[[str, bytes], Any]

_META = "io.k8s.apimachinery.pkg.apis.meta.v1."
_EXTENSIONS = SCHEMA_PROPS.removesuffix("JSONSchemaProps")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
#: Go's zero time, which has no text
_ZERO = datetime(1, 1, 1, tzinfo=UTC)


def _moment(content: bytes, *, with_micros: bool) -> datetime | None:
    if not content:
        return None
    found = {"seconds": 0, "nanos": 0}
    for name, value in fields(content, "Timestamp", {0x08: "seconds", 0x10: "nanos"}):
        assert isinstance(value, int)
        found[name] = signed(value, 64 if name == "seconds" else 32)
    micros = int(found["nanos"] / 1000) if with_micros else 0
    try:
        moment = _EPOCH + timedelta(seconds=found["seconds"], microseconds=micros)
    except OverflowError:
        raise Malformed("Time.MarshalJSON: year outside of range [0,9999]") from None
    return None if moment == _ZERO else moment


def _time(content: bytes) -> str | None:
    moment = _moment(content, with_micros=False)
    return None if moment is None else f"{moment.replace(tzinfo=None).isoformat(timespec='seconds')}Z"


def _micro_time(content: bytes) -> str | None:
    moment = _moment(content, with_micros=True)
    return None if moment is None else f"{moment.replace(tzinfo=None).isoformat(timespec='microseconds')}Z"


def _quantity(content: bytes) -> str:
    value = "0"
    for _, found in fields(content, "Quantity", {0x0A: "string"}):
        assert isinstance(found, bytes)
        value = text(found)
    return value


def _int_or_string(content: bytes) -> int | str:
    kind, number, string = 0, 0, ""
    for name, value in fields(content, "IntOrString", {0x08: "type", 0x10: "intVal", 0x1A: "strVal"}):
        if isinstance(value, bytes):
            string = text(value)
        elif name == "type":
            kind = signed(value, 64)
        else:
            number = signed(value, 32)
    if kind not in (0, 1):
        raise Malformed("impossible IntOrString.Type")
    return string if kind else number


def _raw(name: str) -> Content:
    """A message that carries a JSON text."""
    go_type = ".".join(name.rsplit(".", 2)[-2:])

    def read(content: bytes) -> Any:
        raw = b""
        for _, value in fields(content, go_type.partition(".")[2], {0x0A: "raw"}):
            assert isinstance(value, bytes)
            raw = value
        try:
            return msgspec.json.decode(raw) if raw else None
        except RecursionError:
            raise Malformed("exceeded max depth") from None
        except (msgspec.DecodeError, UnicodeDecodeError) as fault:
            why = json_fault.fault(raw) or str(fault)
            raise Malformed(f"json: error calling MarshalJSON for type {go_type}: {why}") from None

    return read


def _schema_or_bool(messages: Messages) -> Content:
    def read(content: bytes) -> Any:
        allows, schema = False, None
        for _, value in fields(content, "JSONSchemaPropsOrBool", {0x08: "allows", 0x12: "schema"}):
            if isinstance(value, bytes):
                schema = messages(SCHEMA_PROPS, value)
            else:
                allows = value != 0
        return allows if schema is None else schema

    return read


def _schema_or_list(messages: Messages) -> Content:
    def read(content: bytes) -> Any:
        schema, schemas = None, []
        for name, value in fields(content, "JSONSchemaPropsOrArray", {0x0A: "schema", 0x12: "jSONSchemas"}):
            assert isinstance(value, bytes)
            if name == "schema":
                schema = messages(SCHEMA_PROPS, value)
            else:
                schemas.append(messages(SCHEMA_PROPS, value))
        return schemas or schema

    return read


def _schema_or_strings(messages: Messages) -> Content:
    def read(content: bytes) -> Any:
        schema, strings = None, []
        for name, value in fields(content, "JSONSchemaPropsOrStringArray", {0x0A: "schema", 0x12: "property"}):
            assert isinstance(value, bytes)
            if name == "schema":
                schema = messages(SCHEMA_PROPS, value)
            else:
                strings.append(text(value))
        return strings or schema

    return read


def readers(messages: Messages) -> dict[str, Content]:
    """Readers by definition; each also gives the value of an empty message."""
    raw = (_META + "FieldsV1", "io.k8s.apimachinery.pkg.runtime.RawExtension", _EXTENSIONS + "JSON")
    return {
        _META + "Time": _time,
        _META + "MicroTime": _micro_time,
        "io.k8s.apimachinery.pkg.api.resource.Quantity": _quantity,
        "io.k8s.apimachinery.pkg.util.intstr.IntOrString": _int_or_string,
        SCHEMA_OR_BOOL: _schema_or_bool(messages),
        SCHEMA_OR_LIST: _schema_or_list(messages),
        SCHEMA_OR_STRINGS: _schema_or_strings(messages),
        **{name: _raw(name) for name in raw},
    }
