"""Objects are plain JSON values (dicts) that nobody changes once they left the store; these helpers read them.

Rules and controllers call these; every helper accepts an object whose optional parts are missing.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

Obj = dict[str, Any]

_EMPTY: dict[str, Any] = {}


def name(obj: Mapping[str, Any]) -> str:
    return obj["metadata"]["name"]  # type: ignore[no-any-return]


def namespace(obj: Mapping[str, Any]) -> str:
    return obj["metadata"].get("namespace", "")  # type: ignore[no-any-return]


def uid(obj: Mapping[str, Any]) -> str:
    return obj["metadata"].get("uid", "")  # type: ignore[no-any-return]


def key(obj: Mapping[str, Any]) -> str:
    """`namespace/name`, or `name` for a cluster-scoped object."""
    meta = obj["metadata"]
    ns = meta.get("namespace")
    return f"{ns}/{meta['name']}" if ns else meta["name"]


def labels(obj: Mapping[str, Any]) -> dict[str, str]:
    return obj["metadata"].get("labels") or _EMPTY


def annotations_of(obj: Mapping[str, Any]) -> dict[str, str]:
    return obj["metadata"].get("annotations") or _EMPTY


def is_deleting(obj: Mapping[str, Any]) -> bool:
    return bool(obj["metadata"].get("deletionTimestamp"))


def version(obj: Mapping[str, Any]) -> int:
    """resourceVersion as a number (0 when absent); comparable within one resource since Kubernetes 1.35."""
    return int(obj["metadata"].get("resourceVersion") or 0)


def controller_of(obj: Mapping[str, Any]) -> Obj | None:
    """The owner reference with `controller: true`, or None."""
    for ref in obj["metadata"].get("ownerReferences") or ():
        if ref.get("controller"):
            return ref  # type: ignore[no-any-return]
    return None


def is_controlled_by(obj: Mapping[str, Any], owner: Mapping[str, Any]) -> bool:
    ref = controller_of(obj)
    return ref is not None and ref.get("uid") == owner["metadata"].get("uid")


def controller_ref(owner: Mapping[str, Any]) -> Obj:
    """An owner reference to `owner` as its managing controller."""
    meta = owner["metadata"]
    return _controller_ref(owner["apiVersion"], owner["kind"], meta["name"], meta["uid"])


@lru_cache(maxsize=1024)
def _controller_ref(api_version: str, kind: str, name: str, uid: str) -> Obj:
    """Shared by all that an owner has."""
    return {"apiVersion": api_version, "kind": kind, "name": name, "uid": uid, "controller": True, "blockOwnerDeletion": True}


def reference(obj: Mapping[str, Any]) -> Obj:
    """An ObjectReference to `obj`, as events carry it."""
    meta = obj["metadata"]
    ref = {"kind": obj["kind"]}
    if namespace := meta.get("namespace"):
        ref["namespace"] = namespace
    ref["name"] = meta["name"]
    if uid := meta.get("uid"):
        ref["uid"] = uid
    ref["apiVersion"] = obj["apiVersion"]
    if version := meta.get("resourceVersion"):
        ref["resourceVersion"] = version
    return ref


def condition(obj: Mapping[str, Any], type_: str) -> Obj | None:
    """The entry of `.status.conditions` of that type, or None."""
    for cond in (obj.get("status") or _EMPTY).get("conditions") or ():
        if cond.get("type") == type_:
            return cond  # type: ignore[no-any-return]
    return None


def with_metadata(obj: Obj, **changes: Any) -> Obj:
    """A copy of `obj` with those metadata fields replaced; None removes a field."""
    meta = {**obj["metadata"], **changes}
    return {**obj, "metadata": {k: v for k, v in meta.items() if v is not None}}
