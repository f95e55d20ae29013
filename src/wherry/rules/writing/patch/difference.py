"""Two objects to the strategic merge patch that turns the one into the other.

Called by `three_way`, and by clients that change a copy of an object and send what changed (set, restart). Invariant: applying the patch
to `original` gives `modified`; what did not change is not in it. Lists that merge are compared element by element under their merge key,
with `$patch: delete` for what went and `$setElementOrder` for the order; a map with retainKeys says which keys stay.
Source: k8s.io/apimachinery/pkg/util/strategicpatch CreateTwoWayMergePatch (diffMaps, diffLists).
"""

from __future__ import annotations

from typing import Any, NamedTuple

from wherry.api.errors import StatusError
from wherry.api.objects import Obj
from wherry.api.schema import Node
from wherry.rules.texts.go_values import sprint
from wherry.rules.writing.patch.patch_meta import Field, of_kind
from wherry.rules.writing.patch.strategic_lists import Places, element_type, key_of, same

ORDER, DELETE_SCALARS, RETAIN, DIRECTIVE = "$setElementOrder", "$deleteFromPrimitiveList", "$retainKeys", "$patch"


class Mode(NamedTuple):
    """Which half of the difference is wanted: `additions` (changes included), `deletions`, or both."""

    additions: bool = True
    deletions: bool = True


BOTH = Mode()


def difference(original: Obj, modified: Obj, node: Node) -> Obj:
    """The patch from `original` to `modified`; empty when they are the same. Raises StatusError for a list without its merge key."""
    return diff_maps(original, modified, of_kind(node), BOTH)


def diff_maps(original: Obj, modified: Obj, field: Field, mode: Mode, retain: bool = False) -> Obj:
    patch: Obj = {}
    for name, wanted in modified.items():
        if name not in original:
            if mode.additions:
                patch[name] = wanted
        elif name == DIRECTIVE:
            if wanted != original[name]:
                patch[name] = wanted
        else:
            _diff_value(name, original[name], wanted, patch, field, mode)
    if mode.deletions:
        patch.update({name: None for name in original if name not in modified})
    kept = [name for name, value in modified.items() if value is not None] if retain else []
    if kept and (patch or any(value is not None and name not in modified for name, value in original.items())):
        patch[RETAIN] = sorted(kept)
    return patch


def _diff_value(name: str, before: Any, wanted: Any, patch: Obj, field: Field, mode: Mode) -> None:
    if type(before) is not type(wanted) or not isinstance(wanted, dict | list):
        if mode.additions and not same(before, wanted):
            patch[name] = wanted
        return
    if before == wanted and not _has_order(field, name):
        return
    if isinstance(wanted, dict):
        child = field.child(name)
        if child.strategy == "replace":
            if mode.additions:
                patch[name] = wanted
        elif found := diff_maps(before, wanted, child, mode, _retains(field, name)):
            patch[name] = found
        return
    _diff_list(name, before, wanted, patch, field, mode)


def _has_order(field: Field, name: str) -> bool:
    """Equal lists and maps never need a patch, except those with the replace strategy, which are always sent."""
    node = field.node.child(name)
    return node is not None and node.kind != "list" and "replace" in node.patch_strategy


def _retains(field: Field, name: str) -> bool:
    node = field.node.child(name)
    return node is not None and "retainKeys" in node.patch_strategy


def _diff_list(name: str, before: list[Any], wanted: list[Any], patch: Obj, field: Field, mode: Mode) -> None:
    child = field.items(name)
    if child.strategy != "merge":
        if mode.additions:
            patch[name] = wanted
        return
    added, deleted, order = _diff_lists(before, wanted, child, mode, _retains(field, name))
    if added:
        patch[name] = added
    if deleted:
        patch[f"{DELETE_SCALARS}/{name}"] = deleted
    if order:
        patch[f"{ORDER}/{name}"] = order


def _diff_lists(before: list[Any], wanted: list[Any], field: Field, mode: Mode, retain: bool) -> tuple[list[Any], list[Any], list[Any]]:
    """What to add or change, scalars to delete, and the order of all."""
    if not before:
        return (wanted if mode.additions else []), [], []
    if element_type(before, wanted) is dict:
        changed, deletions = _diff_elements(before, wanted, field, mode, retain)
        patch = _in_order(changed, wanted, field.merge_key) + deletions
        moved = [key_of(e, field.merge_key) for e in before] != [key_of(e, field.merge_key) for e in wanted]
        tells = (mode.additions and (patch or moved)) or (mode.deletions and patch)
        return patch, [], [{field.merge_key: e[field.merge_key]} for e in wanted] if tells else []
    there, asked = Places(before, ""), Places(wanted, "")
    added = [v for v in sorted(wanted, key=sprint) if mode.additions and there.of(v) < 0]
    deleted = [v for v in sorted(before, key=sprint) if mode.deletions and asked.of(v) < 0]
    tells = (mode.deletions and deleted) or (mode.additions and before != wanted)
    return sorted(added, key=wanted.index), list(dict.fromkeys(deleted)), wanted if tells else []


def _diff_elements(before: list[Any], wanted: list[Any], field: Field, mode: Mode, retain: bool) -> tuple[list[Any], list[Any]]:
    key = field.merge_key
    if not key:
        raise StatusError(f"cannot merge lists without merge key for {field.node.short_name}")
    old = {sprint(key_of(e, key)): e for e in before}
    new = {sprint(key_of(e, key)): e for e in wanted}
    changed = []
    for at in sorted(new):
        if at not in old:
            if mode.additions:
                changed.append(new[at])
        elif found := diff_maps(old[at], new[at], field, mode, retain):
            changed.append({**found, key: new[at][key]})
    gone = [{key: old[at][key], DIRECTIVE: "delete"} for at in sorted(old) if at not in new and mode.deletions]
    return changed, gone


def _in_order(items: list[Any], wanted: list[Any], key: str) -> list[Any]:
    places = {sprint(e[key]): i for i, e in enumerate(wanted)}
    return sorted(items, key=lambda e: places.get(sprint(e[key]), len(places)))
