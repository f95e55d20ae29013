"""Lists of a strategic merge patch: which items are the same, and in which order the merged items stand.

Called by `wherry.rules.writing.patch.strategic` and, for equal scalars, by `difference`. Order: what the patch says, then what the live
list says; items that only the server has keep their place relative to the live items around them. Where an item stands is looked up in a
table (`Places`), so that a list of thousands costs no more than its length.
Source: normalizeElementOrder and its helpers in k8s.io/apimachinery/pkg/util/strategicpatch/patch.go.
"""

from __future__ import annotations

from operator import itemgetter
from typing import Any

from wherry.api.errors import Invalid, StatusError
from wherry.rules.texts.go_values import sprint, type_name


def same(a: Any, b: Any) -> bool:
    """Equal as Go compares interface values: type and value."""
    return type(a) is type(b) and a == b


def element_type(*parts: list[Any], empty_is_error: bool = False) -> type | None:
    """The one type of all elements. Raises when they differ, or are lists, or (if that is an error) when there are none."""
    types = {type(v) for part in parts for v in part}
    if not types:
        if empty_is_error:
            raise StatusError("no elements in any of the given slices")
        return None
    if next((type(v) for part in parts for v in part), None) is list:
        raise Invalid("the server rejected our request due to an error in our request", {})
    if len(types) > 1:
        raise StatusError(f"list element types are not identical: {sprint(list(parts))}")
    return types.pop()


def key_of(item: Any, merge_key: str) -> Any:
    """The value of an item's merge key."""
    if not isinstance(item, dict):
        raise StatusError(f"expected a map[string]interface {{}}, but received a {type_name(item)}")
    if merge_key not in item:
        raise StatusError(f"map: {sprint(item)} does not contain declared merge key: {merge_key}")
    return item[merge_key]


def require_maps(items: list[Any]) -> None:
    for i, item in enumerate(items):
        if not isinstance(item, dict):
            raise StatusError(f"value for key {i} is not a map")


class Places:
    """Where in a list each identity stands first: that of a map is the value of its merge key, of anything else the value itself."""

    def __init__(self, items: list[Any], merge_key: str) -> None:
        self._merge_key = merge_key
        self._at: dict[Any, int] = {}
        self._odd: list[tuple[Any, int]] = []  # what cannot be a key of a dict
        for i, item in enumerate(items):
            self.add(item, i)

    def add(self, item: Any, at: int) -> None:
        identity = _identity(item, self._merge_key)
        if isinstance(identity, (dict, list)):
            self._odd.append((identity, at))
        else:
            self._at.setdefault((type(identity), identity), at)

    def of(self, item: Any) -> int:
        """-1 when it stands nowhere."""
        return self.of_value(_identity(item, self._merge_key))

    def of_value(self, identity: Any) -> int:
        if isinstance(identity, (dict, list)):
            return next((at for other, at in self._odd if same(other, identity)), -1)
        return self._at.get((type(identity), identity), -1)


def distinct(items: list[Any]) -> list[Any]:
    """Without repeated scalars."""
    places = Places(items, "")
    return [item for i, item in enumerate(items) if places.of(item) == i]


def _identity(item: Any, merge_key: str) -> Any:
    return item.get(merge_key) if merge_key and isinstance(item, dict) else item


def _sorted(items: list[Any], order: list[Any], merge_key: str) -> list[Any]:
    """Items in the order's order; one that the order does not name moves before what stands in front of it (insertion sort)."""
    if merge_key:
        for item in (*items, *order):
            key_of(item, merge_key)
    places = Places(order, merge_key)
    ranked = [(places.of(item), item) for item in items]
    if all(rank >= 0 for rank, _ in ranked):
        return [item for _, item in sorted(ranked, key=itemgetter(0))]
    ranks: list[tuple[int, Any]] = []
    for rank, item in ranked:
        at = len(ranks)
        while at > 0 and not (0 <= ranks[at - 1][0] <= rank):
            at -= 1
        ranks.insert(at, (rank, item))
    return [item for _, item in ranks]


def _interleave(left: list[Any], right: list[Any], order: list[Any], merge_key: str) -> list[Any]:
    """Both lists in one, each in its own order; a left item goes first where the live order puts it before the right one."""
    out: list[Any] = []
    places = Places(order, merge_key)
    i = j = 0
    while i < len(left) and j < len(right):
        li, ri = places.of(left[i]), places.of(right[j])
        if 0 <= li < ri:
            out.append(left[i])
            i += 1
        else:
            out.append(right[j])
            j += 1
    return out + left[i:] + right[j:]


def arrange(merged: list[Any], patch_order: list[Any], live_order: list[Any], merge_key: str) -> list[Any]:
    """`merged` in its final order: items of the patch by the patch, the others by the live list."""
    if merge_key:
        for item in merged:
            key_of(item, merge_key)
        require_maps(patch_order)
    places = Places(patch_order, merge_key)
    said = [v for v in merged if places.of(v) >= 0]
    others = [v for v in merged if places.of(v) < 0]
    said = _sorted(said, patch_order, merge_key)
    return _interleave(_sorted(others, live_order, merge_key), said, live_order, merge_key)


def check_order(patch: list[Any], order: list[Any], merge_key: str) -> None:
    """Items of the patch stand in the same order in `$setElementOrder`, which names them all (deletions aside)."""
    if not order or not patch:
        return
    if merge_key:
        for item in patch:
            if not isinstance(item, dict):
                raise StatusError(f"expected a map[string]interface {{}}, but received a {type_name(item)}")
        patch_items = [v for v in patch if v.get("$patch") != "delete"]
    else:
        patch_items = patch
    at = position = 0
    while at < len(patch_items) and position < len(order):
        item = patch_items[at]
        if isinstance(item, dict) and "$patch" in item:
            at += 1
            continue
        other = order[position]
        at += same(key_of(item, merge_key), key_of(other, merge_key)) if merge_key else same(item, other)
        position += 1
    if at < len(patch_items) and position >= len(order):
        raise StatusError(f"The order in patch list:\n{sprint(patch)}\n doesn't match $setElementOrder list:\n{sprint(order)}\n")
