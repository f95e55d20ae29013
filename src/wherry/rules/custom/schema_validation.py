"""All errors of one version's schema: what OpenAPI v3 and Kubernetes allow in it, its lists and maps, its defaults and rules.

Called by the validation of definitions. Turns a schema (JSONSchemaProps) into causes.
Source: k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/validation/validation.go (validateCustomResourceDefinitionValidation,
ValidateCustomResourceDefinitionOpenAPISchema).
"""

from __future__ import annotations

from typing import Any, NamedTuple

from wherry.api.field import Errors, child, forbidden, index, invalid, key, not_supported
from wherry.api.objects import Obj
from wherry.rules.custom.default_validation import default_errors
from wherry.rules.custom.list_validation import list_errors
from wherry.rules.custom.rule_validation import rule_errors
from wherry.rules.custom.structural import Structural
from wherry.rules.custom.structure import structure_errors

_TYPES = ("array", "boolean", "integer", "number", "object", "string")
_META = ("metadata", "kind", "apiVersion")
#: fields of Go's type, by which the reference names what may stand at the root beside a status subresource
_AT_ROOT = (
    "Description", "Type", "Format", "Title", "Maximum", "ExclusiveMaximum", "Minimum", "ExclusiveMinimum", "MaxLength", "MinLength",
    "Pattern", "MaxItems", "MinItems", "UniqueItems", "MultipleOf", "Required", "Items", "Properties", "ExternalDocs", "Example",
    "XPreserveUnknownFields", "XValidations",
)  # fmt: skip
_ROOT_KEYS = frozenset((
    "x-kubernetes-preserve-unknown-fields", "x-kubernetes-validations", "nullable", *(name[0].lower() + name[1:] for name in _AT_ROOT),
))  # fmt: skip
_UNSUPPORTED = ("id", "additionalItems", "patternProperties", "definitions", "dependencies", "$ref")


class _Where(NamedTuple):
    """What the place is part of. `no_default`: why no default may be there; None: it may."""

    root: bool = False
    in_meta: bool = False
    no_default: str | None = None


def schema_errors(schema: Obj, path: str, *, with_status: bool) -> Errors:
    errors = _root(schema, path) if with_status else []
    if schema.get("nullable"):
        errors.append(forbidden(child(path, "nullable"), "nullable cannot be true at the root"))
    broken = structure_errors(schema, path)
    errors += broken or default_errors(schema, path)
    sound = not errors
    errors += _place(schema, path, _Where(root=True))
    if sound and not errors and (root := Structural(schema).as_root()).some_rule:
        errors += rule_errors(root, path)
    return errors


def _root(schema: Obj, path: str) -> Errors:
    """With a status subresource the status is validated on its own: what reaches beyond it may not stand at the root."""
    if schema.get("type") not in (None, "", "object"):
        why = 'only "object" is allowed as the type at the root of the schema if the status subresource is enabled'
        return [invalid(child(path, "type"), schema["type"], why)]
    if any(value and name not in _ROOT_KEYS for name, value in schema.items()):
        why = f"only [{' '.join(_AT_ROOT)}] fields are allowed at the root of the schema if the status subresource is enabled"
        return [invalid(path, schema, why)]
    return []


def _place(schema: Any, path: str, where: _Where) -> Errors:
    if not isinstance(schema, dict):
        return []
    errors = _keywords(schema, path, where)
    if schema.get("uniqueItems"):
        why = "uniqueItems cannot be set to true since the runtime complexity becomes quadratic"
        errors.append(forbidden(child(path, "uniqueItems"), why))
    errors += _additional(schema, path, where) + _properties(schema, path, where)
    inside = where._replace(root=False)
    errors += _place(schema.get("not"), child(path, "not"), inside)
    for name in ("allOf", "oneOf", "anyOf"):
        for i, each in enumerate(schema.get(name) or ()):
            errors += _place(each, index(child(path, name), i), inside)
    errors += _place(schema.get("items"), child(path, "items"), inside)
    preserve = schema.get("x-kubernetes-preserve-unknown-fields")
    if preserve is not None and not preserve:
        errors.append(invalid(child(path, "x-kubernetes-preserve-unknown-fields"), False, "must be true or undefined"))
    return errors + list_errors(schema, path)


def _keywords(schema: Obj, path: str, where: _Where) -> Errors:
    errors: Errors = []
    type_ = schema.get("type") or ""
    if type_ and type_ not in _TYPES:
        errors.append(not_supported(child(path, "type"), type_, _TYPES))
    if "default" in schema and where.no_default is not None:
        errors.append(forbidden(child(path, "default"), f"must not be set {where.no_default}".strip()))
    for name in _UNSUPPORTED:
        if schema.get(name) is not None and schema[name] != "":
            errors.append(forbidden(child(path, name), f"{name} is not supported"))
    if type_ == "null":
        errors.append(forbidden(child(path, "type"), "type cannot be set to null, use nullable as an alternative"))
    if isinstance(schema.get("items"), list):
        errors.append(forbidden(child(path, "items"), "items must be a schema object and not an array"))
    if where.in_meta and schema.get("x-kubernetes-embedded-resource"):
        errors.append(forbidden(child(path, "x-kubernetes-embedded-resource"), "must not be used inside of resource meta"))
    return errors


def _additional(schema: Obj, path: str, where: _Where) -> Errors:
    additional, at = schema.get("additionalProperties"), child(path, "additionalProperties")
    if additional is None:
        return []
    errors: Errors = []
    if schema.get("properties") and additional is not True:
        errors.append(forbidden(at, "additionalProperties and properties are mutual exclusive"))
    below = where._replace(root=False)
    if where.in_meta:
        below = below._replace(no_default="inside additionalProperties applying to object metadata")
    return errors + _place(additional, at, below)


def _properties(schema: Obj, path: str, where: _Where) -> Errors:
    errors: Errors = []
    for name, each in (schema.get("properties") or {}).items():
        below = where._replace(root=False)
        if (where.root or schema.get("x-kubernetes-embedded-resource")) and name in _META:
            below = below._replace(in_meta=True)
            if where.root:
                below = below._replace(no_default=f"in top-level {name}")
        errors += _place(each, key(child(path, "properties"), name), below)
    return errors
