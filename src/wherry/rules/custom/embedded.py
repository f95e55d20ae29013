"""Metadata of custom objects and of objects embedded in them: read as the reference's ObjectMeta, pruned, and checked.

`read_metadata` and `coerce` are called by `decode`, `errors` by the strategy. Metadata are no part of a custom kind's schema: they are
decoded like those of every kind, so that unknown fields go and a wrong type is told.
Source: k8s.io/apiextensions-apiserver/pkg/apiserver/schema/objectmeta.
"""

from __future__ import annotations

from typing import Any

from wherry.api.field import Errors, child, index, invalid, key, required
from wherry.api.schema import definition
from wherry.rules.custom.structural import Structural
from wherry.rules.objects.names import dns1035_label
from wherry.rules.schema.decode.body import normalised
from wherry.rules.schema.validation.metadata import validate_metadata

OBJECT_META = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"
_MIXED = "may have mixed case, but should otherwise match: "


class WrongMetadata(Exception):
    """They cannot be read as ObjectMeta; the message says why, as Go's decoder does."""


def read_metadata(metadata: Any, *, path: str = "metadata") -> tuple[dict[str, Any], list[str]]:
    """Metadata as they are stored, and the paths of unknown fields. Raises WrongMetadata."""
    if metadata is None:
        return {}, []
    try:
        value, strict = normalised(definition(OBJECT_META), metadata)
    except ValueError as fault:
        raise WrongMetadata(str(fault)) from None
    return value, [_unknown(path, found) for found in strict if found.startswith("unknown field ")]


def _unknown(path: str, found: str) -> str:
    """The path in `unknown field "a.b"`, seen from the object."""
    return child(path, found.partition('"')[2].removesuffix('"'))


def coerce(value: Any, schema: Structural | None, path: str = "", *, root: bool = True) -> list[str]:
    """Prunes the metadata of embedded objects in place; the paths of what went. Raises WrongMetadata."""
    if schema is None or not schema.some_embedded:
        return []
    unknown: list[str] = []
    if isinstance(value, dict):
        if schema.embedded and not root:
            unknown += _coerce_head(value, path)
        for name, item in value.items():
            below = schema.child(name)
            if below is not None and isinstance(item, dict | list):
                unknown += coerce(item, below, child(path, name), root=False)
    elif isinstance(value, list):
        for i, item in enumerate(value):
            unknown += coerce(item, schema.items, index(path, i), root=False)
    return unknown


def _coerce_head(value: dict[str, Any], path: str) -> list[str]:
    for name in ("apiVersion", "kind"):
        if name in value and not isinstance(value[name], str):
            raise WrongMetadata(_text(invalid(child(path, name), value[name], "must be a string")))
    if "metadata" not in value:
        return []
    try:
        value["metadata"], unknown = read_metadata(value["metadata"], path=child(path, "metadata"))
    except WrongMetadata as fault:
        raise WrongMetadata(_text(invalid(child(path, "metadata"), value["metadata"], str(fault)))) from None
    return unknown


def _text(cause: Any) -> str:
    return f"{cause.field}: {cause.message}"


def errors(value: Any, schema: Structural | None, path: str = "", *, root: bool = True) -> Errors:
    """What is wrong with apiVersion, kind and metadata of embedded objects."""
    if schema is None or not schema.some_embedded:
        return []
    found: Errors = []
    if isinstance(value, dict):
        if schema.embedded and not root:
            found += _head(value, path)
        for name, item in value.items():
            if name in schema.properties:
                found += errors(item, schema.properties[name], child(path, name), root=False)
            elif schema.additional is not None:
                found += errors(item, schema.additional, key(path, name), root=False)
    elif isinstance(value, list):
        for i, item in enumerate(value):
            found += errors(item, schema.items, index(path, i), root=False)
    return found


def _head(value: dict[str, Any], path: str) -> Errors:
    found = [required(child(path, name)) for name in ("apiVersion", "kind") if name not in value]
    if "apiVersion" in value:
        found += _api_version(value["apiVersion"], child(path, "apiVersion"))
    if "kind" in value:
        found += _kind(value["kind"], child(path, "kind"))
    if "metadata" in value:
        meta = {"name": "fakename", **{k: v for k, v in value["metadata"].items() if v != ""}}
        namespaced, at = bool(meta.get("namespace")), child(path, "metadata")
        found += validate_metadata({"metadata": meta}, namespaced=namespaced, name_rule="path", path=at, kube_finalizers=False)
    return found


def _api_version(value: Any, path: str) -> Errors:
    if not isinstance(value, str):
        return [invalid(path, value, "must be a string")]
    if not value:
        return [invalid(path, value, "must not be empty")]
    return [invalid(path, value, f"unexpected GroupVersion string: {value}")] if value.count("/") > 1 else []


def _kind(value: Any, path: str) -> Errors:
    if not isinstance(value, str):
        return [invalid(path, value, "must be a string")]
    if not value:
        return [invalid(path, value, "must not be empty")]
    messages = dns1035_label(value.lower())
    return [invalid(path, value, _MIXED + ",".join(messages))] if messages else []
