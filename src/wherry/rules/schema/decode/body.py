"""From a request body to the object that the registry works with: typed, pruned, without zeros, with what is always written.

Called by the registry for every create and update, and for the result of every patch. Turns a body (bytes and media type, a parsed
body, or an object at hand) into an object and warnings, or raises BadRequest. Invariants: the result has its apiVersion and kind;
objects at hand are not changed, but the result may share parts with them.
Source: k8s.io/apiserver/pkg/endpoints/handlers (create.go, update.go, delete.go); https://kubernetes.io/docs/reference/using-api/api-concepts/#field-validation.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NamedTuple

import msgspec

from wherry.api.errors import BadRequest
from wherry.api.objects import Obj
from wherry.api.resources import Resource
from wherry.api.schema import Node, definition
from wherry.rules.schema.decode import check, depth, header, roundtrip
from wherry.rules.schema.decode.header import Expected
from wherry.rules.schema.decode.reader import JSON, YAML, Parsed, parse, unread, warnings

#: bytes with their media type, a parsed body, or an object at hand
Body = tuple[bytes, str] | Parsed | Obj

_DELETE_OPTIONS = "io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions"


class Decoded(NamedTuple):
    obj: Obj
    warnings: list[str]


def decode(resource: Resource, body: Body, field_validation: str = "") -> Decoded:
    """A body for a path of `resource`; unknown and duplicate fields are refused (Strict), told (Warn, the default) or dropped (Ignore)."""
    return decode_into(resource.schema, resource.api_version, resource.kind, body, field_validation)


def decode_into(schema: str, api_version: str, kind: str, body: Body, field_validation: str = "") -> Decoded:
    """The same for a body of any kind: a Scale, a Binding, an Eviction, a TokenRequest."""
    expected = Expected(schema, api_version, kind)
    parsed = _parsed(body)
    header.check(expected, parsed.value, parsed.content, parsed.fault)
    try:
        value, strict = _typed(definition(schema), _opened(schema, parsed), field_validation)
    except ValueError as fault:
        raise header.unhandled(kind, api_version.rpartition("/")[2], expected, str(fault)) from None
    if strict and field_validation == "Strict":
        raise header.unhandled(kind, api_version.rpartition("/")[2], expected, "strict decoding error: " + ", ".join(strict))
    return Decoded(_with_type(value, api_version, kind), [] if field_validation == "Ignore" else warnings(strict))


def decode_options(body: Body) -> Obj:
    """The DeleteOptions in the body of a delete, of whatever group version; faults are told as they are."""
    parsed = _parsed(body)
    if parsed.fault:
        raise BadRequest(parsed.fault)
    value = header.options(parsed.value)
    try:
        opened = _opened(_DELETE_OPTIONS, replace(parsed, value=value))
        options: Obj = _typed(definition(_DELETE_OPTIONS), Parsed(opened.value), "Ignore")[0]
    except ValueError as fault:
        raise BadRequest(str(fault)) from None
    return options


def normalised(node: Node, obj: Any) -> tuple[Any, list[str]]:
    """A value as the reference would store it, and what is unknown in it. Raises ValueError with Go's message when it does not fit."""
    return _typed(node, Parsed(obj), "")


def normalise_object(resource: Resource | Node, obj: Obj) -> tuple[Obj, list[str]]:
    """`obj` as the reference would store it and its unknown fields. Raises BadRequest when it does not fit."""
    if isinstance(resource, Node):
        expected = Expected(resource.name, "", resource.short_name)
        node, version = resource, ""
    else:
        expected = Expected(resource.schema, resource.api_version, resource.kind)
        node, version = definition(resource.schema), resource.version
    try:
        return normalised(node, obj)
    except ValueError as fault:
        raise header.unhandled(expected.kind, version, expected, str(fault)) from None


def _parsed(body: Body) -> Parsed:
    if isinstance(body, Parsed):
        return body
    if isinstance(body, tuple):
        return parse(*body)
    return Parsed(body, content=msgspec.json.encode(body) if not body.get("kind") else b"")


def _opened(schema: str, parsed: Parsed) -> Parsed:
    """A protobuf body as the object in it, anything else as it is. Raises ValueError when the message is malformed."""
    if parsed.message is None:
        return parsed
    from wherry.rules.schema.decode import protobuf

    if not protobuf.has(schema):
        raise unread(JSON, YAML)
    value = {**parsed.value, **protobuf.message(schema, parsed.message)}
    if depth.too_deep(value):
        raise ValueError(depth.FAULT)
    return Parsed(value)


def _typed(node: Node, parsed: Parsed, field_validation: str) -> tuple[Any, list[str]]:
    try:
        return _checked(node, parsed, field_validation)
    except RecursionError:  # schemas of schemas, a hundred deep
        raise ValueError(depth.FAULT) from None


def _checked(node: Node, parsed: Parsed, field_validation: str) -> tuple[Any, list[str]]:
    value = parsed.value if parsed.value is not None else {}
    run = roundtrip.of_definition(node.name) if node.name else roundtrip.value(node)
    if parsed.pairs is None or field_validation == "Ignore":
        try:
            return run(value), parsed.duplicates
        except roundtrip.Misfit:
            pass  # the checker below says why
    pruned, strict = check.check(node, value if parsed.pairs is None else parsed.pairs)
    return run(pruned), strict if parsed.pairs is not None else parsed.duplicates + strict


def _with_type(value: Obj, api_version: str, kind: str) -> Obj:
    if value.get("apiVersion") == api_version and value.get("kind") == kind:
        return value
    return {"kind": kind, "apiVersion": api_version, **{k: v for k, v in value.items() if k not in ("apiVersion", "kind")}}


__all__ = ["Body", "Decoded", "decode", "decode_into", "decode_options", "normalise_object", "normalised"]
