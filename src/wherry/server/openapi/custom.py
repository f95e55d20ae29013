"""Definitions of custom kinds as the OpenAPI documents write them, version 2 and version 3.

Called by `openapi` for the rows of CustomResourceDefinitions. Turns the schema of a version into the definitions of the kind and of its
list: metadata and what every object has are added, and for version 2, whose readers know less, what they would misread is left out.
Source: k8s.io/apiextensions-apiserver/pkg/controller/openapi (builder/builder.go, v2/conversion.go).
"""

from __future__ import annotations

from typing import Any

import msgspec

from wherry.api import schema_data
from wherry.api.resources import Resource
from wherry.server.openapi.schemas import V2

_META = "io.k8s.apimachinery.pkg.apis.meta.v1."
_MORE = "More info: https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md"
_EMBEDDED = {
    "apiVersion": f"apiVersion defines the versioned schema of this representation of an object. {_MORE}#resources",
    "kind": f"kind is a string value representing the type of this object. In CamelCase. {_MORE}#types-kinds",
}
_OBJECT_META = f"Standard object's metadata. {_MORE}#metadata"
_LIST_META = f"Standard list metadata. {_MORE}#types-kinds"
_INT_OR_STRING = [{"type": "integer"}, {"type": "string"}]
_JUNCTORS = ("allOf", "oneOf", "anyOf", "not")
_PRESERVE, _EITHER = "x-kubernetes-preserve-unknown-fields", "x-kubernetes-int-or-string"

Schema = dict[str, Any]


def definitions(row: Resource, content: bytes | None, list_name: str, place: str) -> list[tuple[str, Schema]]:
    """The definitions of a custom kind and of its list, for the document whose definitions are at `place`."""
    schema: Schema = msgspec.json.decode(content) if content else {}
    fields = schema.pop("x-kubernetes-selectable-fields", None) if schema else None
    gvk = {"group": row.group, "version": row.version}
    extra: Schema = {"x-kubernetes-selectable-fields": fields} if fields and place != V2 else {}
    own = _kind(schema, place) | {"x-kubernetes-group-version-kind": [{**gvk, "kind": row.kind}]} | extra
    listed = _list(row, place) | {"x-kubernetes-group-version-kind": [{**gvk, "kind": row.list_kind}]} | extra
    return [(row.schema, own), (list_name, listed)]


def _type_meta() -> Schema:
    properties = schema_data.definition(_META + "APIResourceList")["properties"]
    texts = {name: properties[name]["description"] for name in ("apiVersion", "kind")}
    return {name: {"description": text, "type": "string"} for name, text in texts.items()}


def _reference(place: str, name: str, description: str) -> Schema:
    reference = {"$ref": place + _META + name}
    return {**reference, "description": description} if place == V2 else {"allOf": [reference], "default": {}, "description": description}


def _list(row: Resource, place: str) -> Schema:
    items = {"type": "array", "items": {"$ref": place + row.schema}, "description": f"List of {row.plural}. {_MORE}"}
    if place != V2:
        items["items"] = {"allOf": [{"$ref": place + row.schema}], "default": {}}
    properties = {**_type_meta(), "items": items, "metadata": _reference(place, "ListMeta", _LIST_META)}
    return {"description": f"{row.list_kind} is a list of {row.kind}", "type": "object", "required": ["items"], "properties": properties}


def _kind(schema: Schema, place: str) -> Schema:
    if not schema:
        return {"type": "object"}
    if place == V2 and schema.get(_PRESERVE):
        return {"type": "object"}  # anything more, and readers would refuse what is not named
    own = _walk(schema, place)
    return {**own, "properties": {**own.get("properties", {}), **_type_meta(), "metadata": _reference(place, "ObjectMeta", _OBJECT_META)}}


def _walk(schema: Schema, place: str) -> Schema:
    """A schema with embedded objects' heads in it, and for version 2 simplified."""
    out = dict(schema)
    if place == V2:
        out = _simplified(out)
    elif out.get(_EITHER) and "anyOf" not in out and not any("anyOf" in each for each in out.get("allOf") or ()):
        out["anyOf"] = _INT_OR_STRING
    if isinstance(out.get("properties"), dict):
        out["properties"] = {name: _walk(below, place) for name, below in out["properties"].items()}
    for name in ("items", "additionalProperties"):
        if isinstance(out.get(name), dict):
            out[name] = _walk(out[name], place)
    if out.get("x-kubernetes-embedded-resource") and not (place == V2 and out.get(_PRESERVE)):
        out = _with_head(out, place)
    return out


def _with_head(schema: Schema, place: str) -> Schema:
    head: Schema = {name: {"description": text, "type": "string"} for name, text in _EMBEDDED.items()}
    head["metadata"] = _reference(place, "ObjectMeta", _OBJECT_META)
    required = list(schema.get("required") or ())
    required += [name for name in ("kind", "apiVersion") if name not in required]
    return {**schema, "properties": {**schema.get("properties", {}), **head}, "required": required}


def _simplified(schema: Schema) -> Schema:
    """Without junctors, without what may be null, without the fields of what may hold others."""
    out = {name: value for name, value in schema.items() if name not in _JUNCTORS}
    properties = out.get("properties") or {}
    if out.pop("nullable", False):
        for name in ("type", "items", "properties"):
            out.pop(name, None)
    if out.get(_PRESERVE):
        out.pop("items", None)
        out.pop("properties", None)
    if (out.get("type") == "array" and "items" not in out) or (out.get(_PRESERVE) and out.get("type") == "object"):
        del out["type"]
    nullable = {name for name, below in properties.items() if below.get("nullable")}
    required = [name for name in out.get("required") or () if name not in nullable]
    out.pop("required", None)
    additional = out.get("additionalProperties")
    if required and not (isinstance(additional, dict) and additional.get("nullable")):
        out["required"] = required
    return out
