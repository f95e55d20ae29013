"""Strategic merge patch: a merge patch that knows, from the schema, which lists merge by key, and that takes directives.

Called through `wherry.rules.writing.patch.apply`. Neither the current object nor the patch is changed; unchanged subtrees are shared.
Directives: `$patch` (replace, delete, merge), `$retainKeys`, `$deleteFromPrimitiveList/x`, `$setElementOrder/x`.
Source: k8s.io/apimachinery/pkg/util/strategicpatch (mergeMap), sig-cli design "preserve order in strategic merge patch".
"""

from __future__ import annotations

from typing import Any

from wherry.api.errors import BadRequest, StatusError
from wherry.api.objects import Obj
from wherry.api.schema import Node
from wherry.rules.texts.go_values import sprint, type_name
from wherry.rules.writing.patch import strategic_lists as lists
from wherry.rules.writing.patch.patch_meta import Field, of_kind

DIRECTIVE = "$patch"
RETAIN_KEYS = "$retainKeys"
DELETE_FROM = "$deleteFromPrimitiveList"
ELEMENT_ORDER = "$setElementOrder"

_ORDER_FORMAT = "invalid patch format of setElementOrder list"
_PRIMITIVE_FORMAT = "invalid patch format of primitive list"
_RETAIN_FORMAT = "invalid patch format of retainKeys"


def apply(current: Obj, patch: Obj, node: Node | None) -> Obj:
    """`current` with the strategic merge patch applied. Raises BadRequest, Invalid, or a StatusError with code 500."""
    if node is None:
        raise BadRequest("strategic merge patch format is not supported")
    return _merge_map(current, patch, of_kind(node))


def _merge_map(original: Obj, patch: Obj, field: Field) -> Obj:
    if DIRECTIVE in patch:
        return _directed(patch)
    merged, rest = dict(original), dict(patch)
    _retain_keys(merged, rest)
    for key in [k for k in rest if k.startswith(ELEMENT_ORDER)]:
        _merge_ordered(merged, rest, key, field)
    for key, value in rest.items():
        if key.startswith(DELETE_FROM):
            _delete_from_list(merged, _after_slash(key, DELETE_FROM, _PRIMITIVE_FORMAT), value, field)
        else:
            _merge_value(merged, key, value, field)
    return original if _unchanged(merged, original) else merged


def _unchanged(merged: Obj, original: Obj) -> bool:
    return len(merged) == len(original) and all(merged[k] is original.get(k) for k in merged)


def _directed(patch: Obj) -> Obj:
    directive = patch[DIRECTIVE]
    if directive == "replace":
        return {k: v for k, v in patch.items() if k != DIRECTIVE}
    if directive == "delete":
        return {}
    raise StatusError(f"unknown patch type: {sprint(directive)} in map: {sprint(patch)}")


def _after_slash(key: str, prefix: str, fault: str) -> str:
    head, slash, name = key.partition("/")
    if not slash or head != prefix:
        raise BadRequest(fault)
    return name


def _retain_keys(merged: Obj, rest: Obj) -> None:
    """Fields that `$retainKeys` does not list go; the patch may only set listed ones."""
    if RETAIN_KEYS not in rest:
        return
    listed = rest.pop(RETAIN_KEYS)
    if not isinstance(listed, list):
        raise BadRequest(_RETAIN_FORMAT)
    kept = [k for k in listed if isinstance(k, str)]
    for key, value in rest.items():
        if value is not None and not key.startswith((DELETE_FROM, ELEMENT_ORDER)) and key not in kept:
            raise BadRequest(_RETAIN_FORMAT)
    for key in [k for k in merged if k not in kept]:
        del merged[key]


def _merge_value(merged: Obj, key: str, value: Any, field: Field) -> None:
    """One field of the patch into the draft: null deletes, maps and merging lists merge, anything else replaces."""
    if value is None:
        merged.pop(key, None)
        return
    before = merged.get(key)
    if isinstance(value, dict) and isinstance(before, dict):
        child = field.child(key)
        merged[key] = dict(value) if child.strategy == "replace" else _merge_map(before, value, child)
    elif isinstance(value, list) and isinstance(before, list):
        child = field.items(key)
        merged[key] = _merge_list(before, value, child) if child.strategy == "merge" else value
    else:
        same_type = key in merged and type(value) is type(before)
        cleaned = _without_directives(value if same_type else _without_nulls(value))
        if cleaned is _DROPPED:
            merged.pop(key, None)
        elif before is not cleaned and (before != cleaned or not same_type):
            merged[key] = cleaned


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _without_nulls(v) for k, v in value.items() if v is not None}
    return [_without_nulls(v) for v in value] if isinstance(value, list) else value


_DROPPED = object()


def _without_directives(value: Any) -> Any:
    """The value as it may be stored: an object with a `$patch` is dropped, wherever it stands."""
    if isinstance(value, dict):
        if DIRECTIVE in value:
            return _DROPPED
        cleaned = ((k, _without_directives(v)) for k, v in value.items())
        return {k: v for k, v in cleaned if v is not _DROPPED}
    if isinstance(value, list):
        return [v for v in map(_without_directives, value) if v is not _DROPPED]
    return value


def _delete_from_list(merged: Obj, key: str, value: Any, field: Field) -> None:
    """`$deleteFromPrimitiveList`: whatever the field's strategy is."""
    if value is None:
        merged.pop(key, None)
        return
    before = merged.get(key)
    if not isinstance(before, list) or not isinstance(value, list):
        return
    child = field.items(key)
    if not before and not value:
        return
    if lists.element_type(before, value) is dict:
        merged[key] = _merge_list(before, value, child)
        return
    gone = lists.Places(value, "")
    merged[key] = [v for v in before if gone.of(v) < 0]


def _merge_list(original: list[Any], patch: list[Any], field: Field) -> list[Any]:
    if not original and not patch:
        return original
    if lists.element_type(original, patch) is not dict:
        return lists.arrange(lists.distinct([*original, *patch]), patch, original, field.merge_key)
    if not field.merge_key:
        raise StatusError("cannot merge lists without merge key for struct")
    base, additions = _special_items(original, patch, field.merge_key)
    base, merged = _merge_items(base, additions, field)
    return lists.arrange(merged, additions, base, field.merge_key)


def _special_items(original: list[Any], patch: list[Any], merge_key: str) -> tuple[list[Any], list[Any]]:
    """Items with `$patch` carried out; the list to merge into, and the items of the patch that are left."""
    plain: list[Any] = []
    deleted: list[Any] = []
    replace = False
    for item in patch:
        directive = item.get(DIRECTIVE)
        if DIRECTIVE not in item:
            plain.append(item)
        elif directive == "delete":
            lists.key_of(item, merge_key)
            lists.require_maps(original)
            deleted.append(item)
        elif directive == "replace":
            replace = True
        elif directive == "merge":
            raise StatusError("merging lists cannot yet be specified in the patch")
        else:
            raise StatusError(f"unknown patch type: {sprint(directive)} in map: {sprint(item)}")
    if replace:
        return plain, []
    if deleted:
        gone = lists.Places(deleted, merge_key)
        original = [o for o in original if merge_key not in o or gone.of(o) < 0]
    return original, plain


def _merge_items(base: list[Any], additions: list[Any], field: Field) -> tuple[list[Any], list[Any]]:
    """`base` with its items merged, and the same followed by the items that are new."""
    merged = list(base)
    if additions:
        lists.require_maps(merged)
    places = lists.Places(merged, field.merge_key)
    for item in additions:
        at = places.of_value(lists.key_of(item, field.merge_key))
        if at < 0:
            places.add(item, len(merged))
            merged.append(item)
        else:
            merged[at] = _merge_map(merged[at], item, field)
    return merged[: len(base)], merged


def _merge_ordered(merged: Obj, rest: Obj, key: str, field: Field) -> None:
    """`$setElementOrder/x`: merge list `x` and put its items in the order said; takes both out of the patch."""
    order = rest.pop(key)
    if not isinstance(order, list):
        raise StatusError(f"expected a []interface {{}}, but received a {type_name(order)}")
    name = _after_slash(key, ELEMENT_ORDER, _ORDER_FORMAT)
    before, patch = _list_at(merged, name), _list_at(rest, name)
    child = field.items(name)
    lists.check_order(patch or [], order, child.merge_key)
    if before is None and patch is None:
        return
    if patch is None:
        together: list[Any] = before or []
    elif before is None:
        together = _without_directives(patch)
    else:
        together = _merge_list(before, patch, child) if child.strategy == "merge" else patch
    lists.element_type(before or [], patch or [], empty_is_error=True)
    merged[name] = lists.arrange(together, order, before or [], child.merge_key)
    rest.pop(name, None)


def _list_at(container: Obj, name: str) -> list[Any] | None:
    if name not in container:
        return None
    value = container[name]
    if not isinstance(value, list):
        raise StatusError(f"expected a []interface {{}}, but received a {type_name(value)}")
    return value
