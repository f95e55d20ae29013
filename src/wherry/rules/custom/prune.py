"""What a schema does not know is taken out of an object, and so are nulls that may not be there.

Called by `decode` for what clients send, and by `versions` for what was stored under another schema. Changes a private object in place;
the paths of what went come back for field validation. apiVersion, kind and metadata of an object, embedded ones too, are left alone.
Source: k8s.io/apiextensions-apiserver/pkg/apiserver/schema/pruning, .../defaulting/prunenulls.go.
"""

from __future__ import annotations

from typing import Any

from wherry.rules.custom.structural import Structural

META = frozenset(("apiVersion", "kind", "metadata"))


def prune(obj: dict[str, Any], root: Structural) -> list[str]:
    """Drops unknown fields of a whole object; their paths, sorted. `root` is a schema `as_root`."""
    unknown: list[str] = []
    _prune(obj, root, "", unknown)
    return sorted(unknown)


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _prune(value: Any, schema: Structural | None, path: str, unknown: list[str]) -> None:
    if schema is not None and schema.preserve:
        _keep(value, schema, path, unknown)
    elif isinstance(value, dict):
        _prune_fields(value, schema, path, unknown)
    elif isinstance(value, list):
        below = schema.items if schema is not None else None
        for i, item in enumerate(value):
            if isinstance(item, dict | list):
                _prune(item, below, f"{path}[{i}]", unknown)


def _prune_fields(value: dict[str, Any], schema: Structural | None, path: str, unknown: list[str]) -> None:
    gone: list[str] = []
    for name, item in value.items():
        if schema is not None:
            if schema.embedded and name in META:
                continue
            below = schema.properties.get(name)
            if below is not None or schema.has_additional:
                if isinstance(item, dict | list):
                    _prune(item, below if below is not None else schema.additional, _join(path, name), unknown)
                continue
            if path or name not in META:
                unknown.append(_join(path, name))
        else:
            unknown.append(_join(path, name))
        gone.append(name)
    for name in gone:
        del value[name]


def _keep(value: Any, schema: Structural | None, path: str, unknown: list[str]) -> None:
    """Unknown fields stay; what is known below them is pruned as ever."""
    if schema is None:
        return
    if isinstance(value, dict):
        for name, item in value.items():
            if schema.embedded and name in META:
                continue
            below = schema.properties.get(name)
            if below is not None:
                _prune(item, below, _join(path, name), unknown)
            elif schema.has_additional:
                _prune(item, schema.additional, _join(path, name), unknown)
    elif isinstance(value, list):
        for i, item in enumerate(value):
            _keep(item, schema.items, f"{path}[{i}]", unknown)


def drop_nulls(value: Any, schema: Structural | None) -> None:
    """Nulls of fields that are neither nullable nor defaulted go; those with a default are filled in later."""
    if isinstance(value, dict):
        for name, item in list(value.items()):
            below = schema.child(name) if schema is not None else None
            if item is None:
                if below is not None and not below.nullable and not below.has_default:
                    del value[name]
            elif isinstance(item, dict | list):
                drop_nulls(item, below)
    elif isinstance(value, list):
        below = schema.items if schema is not None else None
        for item in value:
            if isinstance(item, dict | list):
                drop_nulls(item, below)


def prune_value(value: Any, schema: Structural) -> list[str]:
    """The same for a value that is no whole object: a default."""
    unknown: list[str] = []
    _prune(value, schema, "", unknown)
    return unknown
