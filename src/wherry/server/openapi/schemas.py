"""Definitions as the OpenAPI documents write them, version 2 and version 3.

Called by `openapi`. Turns the schemas of `api.schema_data` (JSON Schema) back into OpenAPI: no "null" types, references to
the document's own place, the defaults of Go zeros, IntOrString and Quantity as each version writes them. Invariant: what comes out
refers only to definitions that `reachable` lists.
Source: https://kubernetes.io/docs/concepts/overview/kubernetes-api/#openapi-interface-definition, k8s.io/kube-openapi generators.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from wherry.api import schema, schema_data
from wherry.api.schema import Node

V2 = "#/definitions/"
V3 = "#/components/schemas/"
_REFERENCE = re.compile(rb'"#/\$defs/([^"]+)"')
_QUANTITY = "io.k8s.apimachinery.pkg.api.resource.Quantity"
_INT_OR_STRING = "io.k8s.apimachinery.pkg.util.intstr.IntOrString"
_ZEROS: dict[str, Any] = {"string": "", "int32": 0, "int64": 0, "float": 0, "bool": False}

#: definitions that the package writes as a choice, per version of OpenAPI
_CHOICES: dict[tuple[str, str], dict[str, Any]] = {
    (_QUANTITY, V2): {"type": "string"},
    (_QUANTITY, V3): {"oneOf": [{"type": "string"}, {"type": "number"}]},
    (_INT_OR_STRING, V2): {"type": "string", "format": "int-or-string"},
    (_INT_OR_STRING, V3): {"format": "int-or-string", "oneOf": [{"type": "integer"}, {"type": "string"}]},
}


def reachable(names: Iterable[str]) -> list[str]:
    """These definitions and all they refer to, sorted; names without a definition are left out."""
    found: set[str] = set()
    waiting = [name for name in names if schema_data.has(name)]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting.extend(match.decode() for match in _REFERENCE.findall(schema_data.raw(name)))
    return sorted(found)


def definition(name: str, place: str) -> dict[str, Any]:
    """A definition for the document whose definitions are at `place`."""
    raw = schema_data.definition(name)
    if choice := _CHOICES.get((name, place)):
        return {**({"description": raw["description"]} if "description" in raw else {}), **choice}
    node = schema.definition(name)
    out = _schema(raw, None, place)
    if "properties" in raw:
        out["properties"] = {key: _schema(_plain(key, sub), node.properties[key], place) for key, sub in raw["properties"].items()}
        _enumerate(out["properties"], schema_data.enums(name))
    return out


def _enumerate(properties: dict[str, Any], enums: dict[str, dict[str, Any]]) -> None:
    """Fixed sets of values, which the published definitions leave out (feature OpenAPIEnums)."""
    for field, known in enums.items():
        schema_ = properties.get(field.removesuffix("[]"))
        if schema_ is None:
            continue
        if field.endswith("[]"):
            schema_["items"]["enum"] = known["enum"]
        else:
            schema_["enum"] = known["enum"]
            if says := known.get("says"):
                schema_["description"] = schema_.get("description", "") + says


def _plain(key: str, raw: dict[str, Any]) -> dict[str, Any]:
    """The package narrows kind and apiVersion to one value; the reference does not."""
    if key in ("kind", "apiVersion"):
        raw.pop("enum", None)
    return raw


def _schema(raw: dict[str, Any], node: Node | None, place: str) -> dict[str, Any]:
    out = {key: value for key, value in raw.items() if key not in ("$ref", "items", "additionalProperties", "properties", "type")}
    if type_ := _type(raw):
        out["type"] = type_
    for key in ("items", "additionalProperties"):
        if key in raw:
            out[key] = _element(raw[key], node.items if node else None, place)
    default = _default(node) if node and place == V3 else None
    if default is not None:
        out["default"] = default
    return _with_reference(out, raw, place)


def _element(raw: dict[str, Any], node: Node | None, place: str) -> dict[str, Any]:
    """The schema of list elements or map values: never absent, so each has the default of its Go zero."""
    out = _schema(raw, node, place)
    zero = _zero(node) if node and place == V3 else None
    if zero is not None and "default" not in out:
        reference = out.pop("$ref", None)
        out["default"] = zero
        if reference:
            out["allOf"] = [{"$ref": reference}]
    return out


def _with_reference(out: dict[str, Any], raw: dict[str, Any], place: str) -> dict[str, Any]:
    if "$ref" not in raw:
        return out
    reference = place + raw["$ref"].rpartition("/")[2]
    if place == V3 and out:
        return {"allOf": [{"$ref": reference}], **out}
    return {"$ref": reference, **out}


def _type(raw: dict[str, Any]) -> str:
    type_ = raw.get("type", "")
    return type_ if isinstance(type_, str) else next(t for t in type_ if t != "null")


def _default(node: Node) -> Any:
    """The default that stands for a Go field that is always there."""
    return _zero(node) if node.always and not node.pointer else None


def _zero(node: Node) -> Any:
    return {} if node.kind == "object" else _ZEROS.get(node.kind)
