"""Defaults in a schema must fit it, and hold nothing that it would prune.

Called by `schema_validation` for schemas that are structural. Defaults inside metadata are refused elsewhere.
Source: k8s.io/apiextensions-apiserver/pkg/apiserver/schema/defaulting/validation.go.
"""

from __future__ import annotations

from wherry.api.field import Errors, child, invalid, key
from wherry.api.objects import Obj
from wherry.rules.custom import embedded
from wherry.rules.custom.check import Check, causes
from wherry.rules.custom.defaults import copy
from wherry.rules.custom.embedded import WrongMetadata
from wherry.rules.custom.prune import prune_value
from wherry.rules.custom.structural import Structural


def default_errors(schema: Obj, path: str) -> Errors:
    root = Structural(schema)
    return _below(root, path) if root.some_default or root.has_default else []


def _below(schema: Structural, path: str) -> Errors:
    errors = _check(schema, path) if schema.has_default else []
    if schema.items is not None:
        errors += _below(schema.items, child(path, "items"))
    for name, below in schema.properties.items():
        errors += _below(below, key(child(path, "properties"), name))
    return errors


def _check(schema: Structural, path: str) -> Errors:
    at = child(path, "default")
    value = copy(schema.default)
    if prune_value(value, schema):
        return [invalid(at, schema.default, "must not have unknown fields")]
    try:
        embedded.coerce(value, schema, at, root=not schema.embedded)
    except WrongMetadata as fault:
        return [invalid(at, schema.default, str(fault))]
    if found := embedded.errors(value, schema, at, root=not schema.embedded):
        return found
    return causes(Check(schema.schema).run(schema.default).faults, at)
