"""Server-side Tables: what `kubectl get` shows, made by the server from any list of objects.

The server calls `table` for requests with `as=Table`. Turns objects into a `meta.k8s.io/v1` Table: the kind's columns, and for each
object its cells and, as asked, its metadata, the whole object or nothing. Pure: `now` is an argument; objects are not changed.
Source: KEP-555 server-side get; pkg/printers/internalversion/printers.go; apiserver endpoints/handlers/response.go asTable.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache, lru_cache
from typing import Any, Literal

from wherry.api.objects import Obj
from wherry.api.resources import BUILT_IN, Resource
from wherry.rules.showing.tables import default
from wherry.rules.showing.tables.column import Printer

IncludeObject = Literal["Metadata", "Object", "None"]

_BUILT_IN_GROUPS = frozenset(r.group for r in BUILT_IN) | {"extensions"}
#: kind of a subresource -> the key of its printer, where it is not that of the parent
_SUBRESOURCES = {"scale": "Scale.autoscaling"}


def printer(resource: Resource, subresource: str = "") -> Printer:
    """The printer of a kind (of a subresource's kind); there is always one."""
    if resource.custom is not None and subresource != "scale":
        return _of_custom(resource)
    # what extensions/v1beta1 had is in apps today
    kind = f"{resource.kind}.apps" if resource.group == "extensions" else resource.group_kind
    found = _printers().get(_SUBRESOURCES.get(subresource, kind))
    if found is not None:
        return found
    return default.BUILT_IN if resource.group in _BUILT_IN_GROUPS else default.CUSTOM


@cache
def _printers() -> Mapping[str, Printer]:
    from wherry.rules.showing.tables.printers import PRINTERS  # loaded when somebody looks

    return PRINTERS


def _of_custom(resource: Resource) -> Printer:
    """A custom kind brings its printer with it (`wherry.rules.custom.kind`, which builds on this package)."""
    own: Printer | None = getattr(resource.custom, "printer", None)
    return default.CUSTOM if own is None else own


@lru_cache(maxsize=256)
def _definitions(of: Printer) -> tuple[Obj, ...]:
    return tuple(column.definition() for column in of.columns)


def columns(resource: Resource, subresource: str = "") -> list[Obj]:
    """The column definitions, descriptions included. Shared values: do not change them."""
    return list(_definitions(printer(resource, subresource)))


def row(resource: Resource, obj: Obj, now: float) -> list[Any]:
    """The cells of an object, one per column, the wide ones too."""
    return printer(resource).cells(obj, now)


#: annotations that are fields of the reference's internal form, from which metadata are shown
_FIELDS = {
    "DaemonSet": "deprecated.daemonset.template.generation",
    "Deployment": "deprecated.deployment.rollback.revision",
}


def partial(obj: Obj, version: str = "v1") -> Obj:
    """PartialObjectMetadata of an object."""
    metadata = obj.get("metadata") or {}
    hidden = _FIELDS.get(obj.get("kind", ""))
    if hidden and hidden in (given := metadata.get("annotations") or {}):
        left = {k: v for k, v in given.items() if k != hidden}
        metadata = {k: v for k, v in metadata.items() if k != "annotations"} | ({"annotations": left} if left else {})
    return {"kind": "PartialObjectMetadata", "apiVersion": f"meta.k8s.io/{version}", "metadata": metadata}


def _included(obj: Obj, include: IncludeObject, version: str) -> Obj | None:
    if include == "None":
        return None
    return obj if include == "Object" else partial(obj, version)


def rows(of: Printer, objs: Sequence[Obj], now: float, include: IncludeObject = "Metadata", version: str = "v1") -> list[Obj]:
    """A TableRow for each object."""
    result = []
    for obj in objs:
        entry: Obj = {"cells": of.cells(obj, now)}
        if of.conditions is not None and (conditions := of.conditions(obj)):
            entry["conditions"] = conditions
        entry["object"] = _included(obj, include, version)
        result.append(entry)
    return result


def table(
    resource: Resource,
    objs: Sequence[Obj],
    now: float,
    include_object: IncludeObject = "Metadata",
    *,
    metadata: Obj | None = None,
    headers: bool = True,
    version: str = "v1",
    subresource: str = "",
) -> Obj:
    """The Table of some objects. `metadata`: of the list, or of the one object, its resourceVersion. Without `headers` columns are null."""
    of = printer(resource, subresource)
    if of.order is not None:
        objs = sorted(objs, key=of.order)
    return {
        "kind": "Table",
        "apiVersion": f"meta.k8s.io/{version}",
        "metadata": metadata or {},
        "columnDefinitions": list(_definitions(of)) if headers else None,
        "rows": rows(of, objs, now, include_object, version),
    }
