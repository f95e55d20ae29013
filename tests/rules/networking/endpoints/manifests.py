"""Objects as a client writes them, with owners and finalizers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from wherry.api.objects import Obj
from wherry.api.resources import TABLE

EPOCH = 1_750_000_000.0


def manifest(api_version: str, kind: str, name: str, /, *, owners: Sequence[Obj] = (), block: bool = False, finalizers: Sequence[str] = (),
             namespace: str = "default", **fields: Any) -> Obj:
    """An object; `owners` become its owner references, which block their deletion if `block`."""
    row = TABLE.by_kind(api_version, kind)
    assert row is not None
    metadata: Obj = {"name": name}
    if row.namespaced:
        metadata["namespace"] = namespace
    if owners:
        metadata["ownerReferences"] = [_reference(each, block) for each in owners]
    if finalizers:
        metadata["finalizers"] = list(finalizers)
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, **fields}


def config_map(name: str, /, **fields: Any) -> Obj:
    return manifest("v1", "ConfigMap", name, **fields)


def _reference(owner: Obj, block: bool) -> Obj:
    ref = {"apiVersion": owner["apiVersion"], "kind": owner["kind"], "name": owner["metadata"]["name"], "uid": owner["metadata"]["uid"]}
    return {**ref, "blockOwnerDeletion": True} if block else ref
