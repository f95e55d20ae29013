"""Fields that an undo took over, given back to whoever applies the manifest. Pure.

Called by `adopt`. An undo is a patch, so the fields it changes become its own (an Update entry in managedFields), and the next server-side
apply that gives one of them another value is refused as a conflict. Here they move: what an applier lost to the undo goes back to it; what
the undo brought back beside that goes to the one that applies the template.
Source of the form of fieldsV1: sigs.k8s.io/structured-merge-diff fieldpath serialize.go.
"""

from __future__ import annotations

from typing import Any

from wherry.api.objects import Obj

_LAST_APPLIED = "f:kubectl.kubernetes.io/last-applied-configuration"


def given_back(before: list[Obj], after: list[Obj]) -> list[Obj] | None:
    """The entries after the undo, with the template's fields where they belong; None when nothing has to move.

    `before`: the entries of the workload before the undo.
    """
    gained = {_key(e): minus(_template(e), _template(_same(before, e))) for e in after if e.get("operation") == "Update"}
    takers = {key: fields for key, fields in gained.items() if fields}
    out = list(after)
    for at, entry in enumerate(out):
        if _is_applier(entry) or _is_applier(_same(before, entry)):
            lost = minus(_template(_same(before, entry)), _template(entry))
            for key, fields in takers.items():
                if key != _key(entry) and (back := common(lost, fields)):
                    out[at], takers[key] = _added(out[at], back), minus(takers[key], back)
    first = next((at for at, entry in enumerate(out) if _is_applier(entry) and _key(entry) not in takers), -1)
    if first < 0:
        return None
    for fields in list(takers.values()):
        out[first] = _added(out[first], fields)
    moved = [_without(entry, gained[_key(entry)]) if gained.get(_key(entry)) and out.index(entry) != first else entry for entry in out]
    kept = [entry for entry in moved if entry.get("fieldsV1")]
    return kept if kept != after else None


def _key(entry: Obj) -> tuple[str, str, str, str]:
    return entry.get("manager", ""), entry.get("operation", ""), entry.get("subresource", ""), entry.get("apiVersion", "")


def _same(entries: list[Obj], entry: Obj) -> Obj:
    return next((e for e in entries if _key(e) == _key(entry)), {})


def _is_applier(entry: Obj) -> bool:
    """It applies: in the server, or here with the annotation of what was applied last."""
    if entry.get("subresource"):
        return False
    fields = entry.get("fieldsV1") or {}
    return (entry.get("operation") == "Apply" and "f:spec" in fields) or _LAST_APPLIED in (
        (fields.get("f:metadata") or {}).get("f:annotations") or {})


def _template(entry: Obj) -> Obj:
    fields: Obj = ((entry.get("fieldsV1") or {}).get("f:spec") or {}).get("f:template") or {}
    return fields


def _added(entry: Obj, more: Obj) -> Obj:
    """With those fields of the template too."""
    own = _template(entry)
    if not more:
        return entry
    template = union(own, more) if own else more
    fields = entry.get("fieldsV1") or {}
    return {**entry, "fieldsV1": {**fields, "f:spec": {**(fields.get("f:spec") or {}), "f:template": template}}}


def _without(entry: Obj, taken: Obj) -> Obj:
    """Without those fields of the template, and without what is empty then."""
    fields = dict(entry.get("fieldsV1") or {})
    spec = dict(fields.get("f:spec") or {})
    rest = minus(_template(entry), taken)
    if rest:
        spec["f:template"] = rest
    else:
        spec.pop("f:template", None)
    fields["f:spec"] = spec
    if not spec:
        fields.pop("f:spec")
    return {**entry, "fieldsV1": fields}


def _is_leaf(fields: Any) -> bool:
    return not fields


def minus(a: Obj, b: Obj) -> Obj:
    """The fields of `a` that are not in `b`."""
    out: Obj = {}
    for name, part in a.items():
        if name not in b:
            out[name] = part
        elif not _is_leaf(part) and (rest := minus(part, b[name])):
            out[name] = rest
    return out


def common(a: Obj, b: Obj) -> Obj:
    """The fields of both."""
    out: Obj = {}
    for name in a.keys() & b.keys():
        if _is_leaf(a[name]) or _is_leaf(b[name]):
            out[name] = {}
        elif both := common(a[name], b[name]):
            out[name] = both
    return dict(sorted(out.items()))


def union(a: Obj, b: Obj) -> Obj:
    """Both sets of fields. An empty node is a field itself; one that is a field and has parts says so with "."."""
    out = {key: union(a[key], b[key]) if key in a and key in b else (a if key in a else b)[key] for key in sorted({**a, **b})}
    if out and (not a or not b) and "." not in out:
        return {".": {}, **out}
    return out
