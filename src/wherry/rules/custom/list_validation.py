"""What a schema may say about lists and maps: their types, and the keys of list-maps.

Called by `schema_validation` for every place of a schema.
Source: k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/validation/validation.go.
"""

from __future__ import annotations

from wherry.api.field import Errors, child, forbidden, invalid, key, not_supported, required
from wherry.api.objects import Obj

_LIST, _MAP, _KEYS = "x-kubernetes-list-type", "x-kubernetes-map-type", "x-kubernetes-list-map-keys"


def list_errors(schema: Obj, path: str) -> Errors:
    type_, list_type, map_type = schema.get("type") or "", schema.get(_LIST), schema.get(_MAP)
    errors: Errors = []
    if map_type is not None and type_ != "object":
        errors += _wrong(child(path, "type"), type_, f"must be object if {_MAP} is specified")
    if map_type is not None and map_type not in ("atomic", "granular"):
        errors.append(not_supported(child(path, _MAP), map_type, ("atomic", "granular")))
    items = schema.get("items") if isinstance(schema.get("items"), dict) else None
    if list_type is not None and type_ != "array":
        errors += _wrong(child(path, "type"), type_, f"must be array if {_LIST} is specified")
    elif list_type == "set" and items is not None:
        errors += _set_items(items, child(path, "items"))
    if list_type is not None and list_type not in ("atomic", "set", "map"):
        errors.append(not_supported(child(path, _LIST), list_type, ("atomic", "set", "map")))
    keys: list[str] = schema.get(_KEYS) or []
    if keys and list_type != "map":
        errors += _wrong(child(path, _LIST), list_type or "", f"must be map if {_KEYS} is non-empty")
    if list_type == "map":
        errors += _map(items, keys, path)
    if items is not None and list_type in ("set", "map"):
        errors += _nullable(items, keys if list_type == "map" else [], list_type, child(path, "items"))
    return errors


def _wrong(path: str, value: str, why: str) -> Errors:
    return [invalid(path, value, why) if value else required(path, why)]


def _set_items(items: Obj, path: str) -> Errors:
    why = f"must be atomic as item of a list with {_LIST}=set"
    list_type = items.get(_LIST)
    if items.get("type") == "array" and list_type not in (None, "atomic"):
        return [invalid(child(path, _LIST), list_type, why)]
    if items.get("type") == "object" and items.get(_MAP) != "atomic":
        return [invalid(child(path, _MAP), list_type, why)]
    return []


def _map(items: Obj | None, keys: list[str], path: str) -> Errors:
    errors: Errors = []
    if not keys:
        errors.append(required(child(path, _KEYS), f"must not be empty if {_LIST} is map"))
    if items is None:
        return [*errors, required(child(path, "items"), f"must have a schema if {_LIST} is map")]
    type_ = items.get("type") or ""
    if type_ != "object":
        return [*errors, invalid(child(path, "items", "type"), type_, f"must be object if parent array's {_LIST} is map")]
    properties = items.get("properties") or {}
    for i, name in enumerate(keys):
        if name not in properties:
            errors.append(invalid(child(path, _KEYS), keys, "entries must all be names of item properties"))
        elif properties[name].get("type") in ("array", "object"):
            at = child(key(child(path, "items", "properties"), name), "type")
            errors.append(invalid(at, type_, f"must be a scalar type if parent array's {_LIST} is map"))
        if name in keys[:i]:
            errors.append(invalid(child(path, _KEYS), keys, "must not contain duplicate entries"))
    return errors


def _nullable(items: Obj, keys: list[str], list_type: str, path: str) -> Errors:
    errors: Errors = []
    if items.get("nullable"):
        errors.append(forbidden(child(path, "nullable"), f"cannot be nullable when {_LIST} is {list_type}"))
    properties = items.get("properties") or {}
    for name in keys:
        if name not in properties:
            continue
        at = key(child(path, "properties"), name)
        if name not in (items.get("required") or ()) and properties[name].get("default") is None:
            why = f"this property is in {_KEYS}, so it must have a default or be a required property"
            errors.append(required(child(at, "default"), why))
        if properties[name].get("nullable"):
            errors.append(forbidden(child(at, "nullable"), f"this property is in {_KEYS}, so it cannot be nullable"))
    return errors
