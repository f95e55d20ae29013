"""The patch of a client-side apply: what was applied last, what is wanted now and what is live to one patch.

Called by clients (`apply`, the reconciliation of an undo). Deletions are what was applied last and is not wanted any more; additions and
changes are what is wanted and not live; what others have set and nobody applied stays as it is. With a schema the patch is a strategic
merge patch, without one (custom resources) a JSON merge patch.
Source: k8s.io/apimachinery/pkg/util/strategicpatch CreateThreeWayMergePatch, util/jsonmergepatch CreateThreeWayJSONMergePatch,
https://kubernetes.io/docs/tasks/manage-kubernetes-objects/declarative-config/#how-apply-calculates-differences-and-merges-changes
"""

from __future__ import annotations

from typing import Any

from wherry.api.objects import Obj
from wherry.api.schema import Node
from wherry.rules.texts.go_values import sprint
from wherry.rules.writing.patch.difference import DELETE_SCALARS, DIRECTIVE, ORDER, RETAIN, Mode, diff_maps
from wherry.rules.writing.patch.patch_meta import Field, of_kind


def strategic(original: Obj, modified: Obj, live: Obj, node: Node) -> Obj:
    """`original`: what was applied last (empty: never)."""
    field = of_kind(node)
    delta = diff_maps(live, modified, field, Mode(deletions=False))
    deletions = diff_maps(original, modified, field, Mode(additions=False))
    return _merged(deletions, delta, field)


def _merged(deletions: Obj, delta: Obj, field: Field) -> Obj:
    """Two patches of one object as one; where both say something the delta wins."""
    out = dict(deletions)
    for name, value in delta.items():
        known = out.get(name)
        if name.startswith((ORDER, DELETE_SCALARS)) or name in (RETAIN, DIRECTIVE) or name not in out:
            out[name] = value
        elif isinstance(known, dict) and isinstance(value, dict):
            child = field.child(name)
            out[name] = value if child.strategy == "replace" else _merged(known, value, child)
        elif isinstance(known, list) and isinstance(value, list):
            child = field.items(name)
            out[name] = _merged_list(known, value, child) if child.strategy == "merge" else value
        else:
            out[name] = value
    for name in [n for n in out if n.startswith(ORDER + "/")]:
        listed = name.partition("/")[2]
        if isinstance(out.get(listed), list):
            out[listed] = _arranged(out[listed], out[name])
    return out


def _arranged(items: list[Any], order: list[Any]) -> list[Any]:
    """Items as the order has them; deletions at the end, where their place does not matter."""
    if not items or not isinstance(items[0], dict):
        return sorted(items, key=lambda v: order.index(v) if v in order else len(order))
    key = next(iter(order[0])) if order else ""
    places = {sprint(e[key]): i for i, e in enumerate(order)}
    return sorted(items, key=lambda e: len(places) if DIRECTIVE in e else places.get(sprint(e.get(key)), len(places)))


def _merged_list(deletions: list[Any], delta: list[Any], field: Field) -> list[Any]:
    if not field.merge_key:
        return deletions + [v for v in delta if v not in deletions]
    key = field.merge_key
    other = {sprint(e[key]): e for e in deletions}
    out = [_merged(other.pop(at), e, field) if (at := sprint(e[key])) in other else e for e in delta]
    return out + list(other.values())


def json_merge(original: Obj, modified: Obj, live: Obj) -> Obj:
    """The same without a schema: lists are replaced as a whole."""
    return _combined(_deletions(original, modified), _additions(live, modified))


def _additions(live: Obj, modified: Obj) -> Obj:
    out: Obj = {}
    for name, value in modified.items():
        if value is None:
            continue
        if name not in live:
            out[name] = value
        elif isinstance(value, dict) and isinstance(live[name], dict):
            if found := _additions(live[name], value):
                out[name] = found
        elif value != live[name]:
            out[name] = value
    return out


def _deletions(original: Obj, modified: Obj) -> Obj:
    out: Obj = {}
    for name, value in original.items():
        if name not in modified or (modified[name] is None and value is not None):
            out[name] = None
        elif isinstance(value, dict) and isinstance(modified[name], dict) and (found := _deletions(value, modified[name])):
            out[name] = found
    return out


def _combined(deletions: Obj, additions: Obj) -> Obj:
    out = dict(deletions)
    for name, value in additions.items():
        known = out.get(name)
        out[name] = _combined(known, value) if isinstance(known, dict) and isinstance(value, dict) else value
    return out
