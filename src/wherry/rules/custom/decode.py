"""From a request body to a custom object: of the right kind, with metadata read as those of every kind, pruned.

Called by the registry for every create, update and patched object of a custom kind, in place of `rules.decode`. Turns a body into a
private object and warnings. Raises BadRequest for what cannot be read, Invalid for another kind.
Source: k8s.io/apiextensions-apiserver/pkg/apiserver/customresource_handler.go (unstructuredSchemaCoercer).
"""

from __future__ import annotations

from typing import Any

import msgspec

from wherry.api import errors
from wherry.api.errors import BadRequest
from wherry.api.field import invalid
from wherry.api.objects import Obj
from wherry.api.resources import Resource
from wherry.rules.custom import embedded
from wherry.rules.custom.embedded import WrongMetadata
from wherry.rules.custom.prune import drop_nulls, prune
from wherry.rules.custom.structural import Structural
from wherry.rules.schema.decode import Decoded, Parsed
from wherry.rules.schema.decode.check import describe
from wherry.rules.schema.decode.header import Expected, json_fault, unhandled, unrecognized
from wherry.rules.schema.decode.reader import JSON, YAML, unread, warnings

_HEADER_TYPE = r'struct { APIVersion string "json:\"apiVersion,omitempty\""; Kind string "json:\"kind,omitempty\"" }'


def decode(row: Resource, schema: Structural, body: Parsed | Obj, field_validation: str = "") -> Decoded:
    """`schema` is the row's, `as_root`."""
    parsed = body if isinstance(body, Parsed) else Parsed(body)
    if parsed.message is not None:
        raise unread(JSON, YAML)
    expected = Expected("", row.api_version, row.kind)
    value = _checked(row, expected, parsed)
    obj: Obj = msgspec.json.decode(msgspec.json.encode(value, order="sorted"))
    try:
        unknown = coerce(obj, schema)
    except WrongMetadata as fault:
        raise unhandled(row.kind, row.version, expected, str(fault)) from None
    strict = [*parsed.duplicates, *(f'unknown field "{path}"' for path in unknown)]
    if strict and field_validation == "Strict":
        raise unhandled(row.kind, row.version, expected, "strict decoding error: " + ", ".join(strict))
    return Decoded(_headed(obj, row), [] if field_validation == "Ignore" else warnings(strict))


def coerce(obj: Obj, schema: Structural) -> list[str]:
    """Metadata read, unknown fields and misplaced nulls dropped, in place; the paths of what was unknown. Raises WrongMetadata."""
    metadata, unknown = embedded.read_metadata(obj.get("metadata"))
    unknown += prune(obj, schema)
    drop_nulls({k: v for k, v in obj.items() if k not in ("apiVersion", "kind", "metadata")}, schema)
    for name in [k for k, v in obj.items() if v is None and _unwanted_null(k, schema)]:
        del obj[name]
    unknown += embedded.coerce(obj, schema)
    if "metadata" in obj:
        obj["metadata"] = metadata
    return unknown


def _unwanted_null(name: str, schema: Structural) -> bool:
    below = schema.properties.get(name)
    return below is not None and not below.nullable and not below.has_default


def _checked(row: Resource, expected: Expected, parsed: Parsed) -> Obj:
    """The body's value, once it is what the path takes. Raises BadRequest, Invalid."""
    value = parsed.value
    if parsed.fault:
        raise unrecognized(expected, parsed.fault, parsed.content)
    if value is None:
        value = {}
    if not isinstance(value, dict):
        fault = f"json: cannot unmarshal {describe(value)} into Go value of type {_HEADER_TYPE}"
        raise unrecognized(expected, json_fault(fault), parsed.content)
    api_version, kind = (_text(expected, value, name, parsed.content) for name in ("apiVersion", "kind"))
    if not kind:  # what a path expects fills in nothing here, unlike for built-in kinds
        body = parsed.content.decode("utf-8", "replace")
        raise unrecognized(expected, f"Object 'Kind' is missing in '{body}'", parsed.content)
    if api_version.count("/") > 1:
        raise unrecognized(expected, f"unexpected GroupVersion string: {api_version}", parsed.content)
    if api_version != row.api_version:
        raise BadRequest(f"the API version in the data ({api_version}) does not match the expected API version ({row.api_version})")
    if kind != row.kind:
        metadata = value.get("metadata")
        name = metadata.get("name", "") if isinstance(metadata, dict) else ""
        raise errors.invalid(f"{kind}.{row.group}", name, [invalid("kind", kind, f"must be {row.kind}")])
    return value


def _text(expected: Expected, value: dict[str, Any], name: str, content: bytes) -> str:
    found = value.get(name)
    if found is None or isinstance(found, str):
        return found or ""
    text = f"json: cannot unmarshal {describe(found)} into Go struct field .{name} of type string"
    raise unrecognized(expected, json_fault(text), content)


def _headed(obj: Obj, row: Resource) -> Obj:
    rest = {k: v for k, v in obj.items() if k not in ("kind", "apiVersion")}
    return {"kind": row.kind, "apiVersion": row.api_version, **rest}
