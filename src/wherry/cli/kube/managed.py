"""managedFields passed from client-side managers to a server-side one. Pure.

Source: client-go util/csaupgrade/upgrade.go; the form of fieldsV1: sigs.k8s.io/structured-merge-diff fieldpath serialize.go.
"""

from __future__ import annotations

from wherry.api.objects import Obj
from wherry.rollout.ownership import union


def migrated(entries: list[Obj], names: set[str], manager: str) -> list[Obj] | None:
    """The entries after the fields of those Update managers went to `manager`'s Apply entry; None when nothing changes."""
    out = list(entries)
    for name in sorted(names):
        out = _moved(out, name, manager)
    return None if out == entries else out


def _is(entry: Obj, manager: str, operation: str) -> bool:
    return entry.get("manager") == manager and entry.get("operation") == operation and not entry.get("subresource")


def _moved(entries: list[Obj], name: str, manager: str) -> list[Obj]:
    at = next((i for i, e in enumerate(entries) if _is(e, manager, "Apply")), -1)
    if at < 0:
        at = next((i for i, e in enumerate(entries) if _is(e, name, "Update")), -1)
        if at < 0:
            return entries
        entries = [*entries[:at], {**entries[at], "operation": "Apply", "manager": manager}, *entries[at + 1 :]]
    target = entries[at]
    source = next((e for e in entries if _is(e, name, "Update") and e.get("apiVersion") == target.get("apiVersion")), None)
    if source is not None:
        fields = union(target.get("fieldsV1") or {}, source.get("fieldsV1") or {})
        entries = [*entries[:at], {**target, "fieldsV1": fields}, *entries[at + 1 :]]
    return [e for e in entries if not _is(e, name, "Update")]
