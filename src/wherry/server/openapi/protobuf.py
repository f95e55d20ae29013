"""The OpenAPI 2 document in protobuf: kubectl takes no other form when it checks a `kind: List` or patches by version 2.

Called by `openapi`. Turns the parts of the JSON document into messages of the package openapi.v2. Invariant: fields that are empty are
not written, as proto3 says; values of extensions are written as YAML (JSON is YAML).
Source: the message definitions of https://github.com/google/gnostic-models (openapiv2/OpenAPIv2.proto), protobuf wire format.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

_VERBS = {"get": 2, "put": 3, "post": 4, "delete": 5, "options": 6, "head": 7, "patch": 8}


def document(
    info: dict[str, str], parameters: dict[str, Any], paths: dict[str, Any], definitions: Iterable[tuple[str, dict[str, Any]]]
) -> bytes:
    """openapi.v2.Document. `parameters` are those that the paths refer to."""
    items = b"".join(_message(2, _named(path, _path_item(item))) for path, item in paths.items())
    schemas = b"".join(_message(1, _named(name, _schema(schema))) for name, schema in definitions)
    shared = b"".join(_message(1, _named(name, _parameter(one))) for name, one in parameters.items())
    about = _text(1, info["title"]) + _text(2, info["version"])
    return _text(1, "2.0") + _message(2, about) + _message(8, items) + _message(9, schemas) + _message(10, shared)


def _path_item(item: dict[str, Any]) -> bytes:
    operations = b"".join(_message(number, _operation(item[verb])) for verb, number in _VERBS.items() if verb in item)
    return operations + b"".join(_message(9, _parameters_item(one)) for one in item.get("parameters", ()))


def _operation(operation: dict[str, Any]) -> bytes:
    parts = [_text(1, tag) for tag in operation.get("tags", ())]
    parts += [_text(3, operation.get("description", "")), _text(5, operation.get("operationId", ""))]
    parts += [_text(6, kind) for kind in operation.get("produces", ())]
    parts += [_text(7, kind) for kind in operation.get("consumes", ())]
    parts += [_message(8, _parameters_item(one)) for one in operation.get("parameters", ())]
    parts.append(_message(9, b"".join(_message(1, _named(code, _response(one))) for code, one in operation["responses"].items())))
    return b"".join(parts) + _extensions(13, operation)


def _response(response: dict[str, Any]) -> bytes:
    """ResponseValue{response{description, schema{schema}}}."""
    return _message(1, _text(1, response["description"]) + _message(2, _message(1, _schema(response["schema"]))))


def _parameters_item(parameter: dict[str, Any]) -> bytes:
    """ParametersItem{parameter | json_reference{_ref}}."""
    return _message(2, _text(1, parameter["$ref"])) if "$ref" in parameter else _message(1, _parameter(parameter))


def _parameter(parameter: dict[str, Any]) -> bytes:
    """Parameter{body_parameter | non_body_parameter{query_parameter_sub_schema | path_parameter_sub_schema}}."""
    place, name, description = parameter["in"], parameter["name"], parameter.get("description", "")
    required = _flag(1, parameter.get("required", False))
    if place == "body":
        body = _text(1, description) + _text(2, name) + _text(3, place) + _flag(4, parameter.get("required", False))
        return _message(1, body + _message(5, _schema(parameter["schema"])))
    common = required + _text(2, place) + _text(3, description) + _text(4, name)
    if place == "query":
        return _message(2, _message(3, common + _text(6, parameter["type"]) + _flag(20, parameter.get("uniqueItems", False))))
    return _message(2, _message(4, common + _text(5, parameter["type"]) + _flag(19, parameter.get("uniqueItems", False))))


def _schema(schema: dict[str, Any]) -> bytes:
    parts = [_text(1, schema.get("$ref", "")), _text(2, schema.get("format", "")), _text(4, schema.get("description", ""))]
    parts += [_text(19, name) for name in schema.get("required", ())]
    if isinstance(schema.get("additionalProperties"), dict):
        parts.append(_message(21, _message(1, _schema(schema["additionalProperties"]))))
    if "type" in schema:
        parts.append(_message(22, _text(1, schema["type"])))
    if "items" in schema:
        parts.append(_message(23, _message(1, _schema(schema["items"]))))
    if "properties" in schema:
        parts.append(_message(25, b"".join(_message(1, _named(key, _schema(one))) for key, one in schema["properties"].items())))
    return b"".join(parts) + _extensions(31, schema)


def _extensions(number: int, holder: dict[str, Any]) -> bytes:
    """NamedAny{name, value{yaml}} for every `x-` key."""
    return b"".join(
        _message(number, _named(key, _text(2, msgspec.json.encode(value).decode())))
        for key, value in holder.items()
        if key.startswith("x-")
    )


def _named(name: str, value: bytes) -> bytes:
    return _text(1, name) + _message(2, value)


def _text(number: int, text: str) -> bytes:
    return _message(number, text.encode()) if text else b""


def _flag(number: int, value: bool) -> bytes:
    return _varint(number << 3) + b"\x01" if value else b""


def _message(number: int, content: bytes) -> bytes:
    """A length-delimited field."""
    return _varint(number << 3 | 2) + _varint(len(content)) + content


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)
