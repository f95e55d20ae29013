"""Field sets as FieldsV1 trees: `{"f:spec": {"f:replicas": {}}}` is the set of one path.

Called by every module of this package. A set is the JSON that managedFields carries, so nothing is parsed or built to read or store it.
An empty dict under an element says that the path is a member; a dict with children says so only if it has ".". Sets are never changed
after they were made: operations give new trees that share what is the same, and give the left operand itself when nothing changes.
Source: structured-merge-diff fieldpath/set.go, serialize.go.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from wherry.rules.writing.managed_fields.elements import SELF as SELF
from wherry.rules.writing.managed_fields.elements import canonical, check, order

Set = dict[str, Any]

EMPTY: Set = {}


def ordered(tree: Set) -> Set:
    """The same level with its elements in the reference's order."""
    if len(tree) < 2:
        return tree
    keys = list(tree)
    wanted = sorted(keys)
    if wanted[-1][0] != "f":  # not only fields: `k:`, `v:`
        wanted.sort(key=order)
    return tree if keys == wanted else {k: tree[k] for k in wanted}


def union(a: Set, b: Set) -> Set:
    """Members of either."""
    out: Set | None = None
    if not a or not b:
        return b if b else a
    for key, theirs in b.items():
        ours = a.get(key)
        if ours is theirs:
            continue
        merged = theirs if ours is None else _join(ours, theirs)
        if merged is not ours:
            out = dict(a) if out is None else out
            out[key] = merged
    return a if out is None else ordered(out)


def _join(a: Set, b: Set) -> Set:
    """Union of what stands under one element, where an empty dict is a member."""
    if not a:
        return b if not b or SELF in b else {SELF: EMPTY, **b}
    if not b:
        return a if SELF in a else {SELF: EMPTY, **a}
    return union(a, b)


def difference(a: Set, b: Set) -> Set:
    """Members of `a` that are not members of `b`: a parent does not take its children along."""
    out: Set | None = None
    for key, theirs in b.items():
        ours = a.get(key)
        if ours is None or key == SELF:
            continue
        left = _less(ours, theirs)
        if left is not ours:
            out = dict(a) if out is None else out
            if left is None:
                del out[key]
            else:
                out[key] = left
    return a if out is None else out


def _less(a: Set, b: Set) -> Set | None:
    """What is left under one element; None when nothing is."""
    if a is b:
        return None
    if not a:
        return a if b and SELF not in b else None
    if not b:
        return {k: v for k, v in a.items() if k != SELF} if SELF in a else a
    left = difference(a, b)
    if SELF in b and SELF in left:
        left = {k: v for k, v in left.items() if k != SELF}
    if not left:
        return None
    return EMPTY if len(left) == 1 and SELF in left else left


def without(a: Set, b: Set) -> Set:
    """Members of `a` that are neither members of `b` nor below one (RecursiveDifference)."""
    out: Set | None = None
    for key, theirs in b.items():
        ours = a.get(key)
        if ours is None or key == SELF:
            continue
        left = _beside(ours, theirs)
        if left is not ours:
            out = dict(a) if out is None else out
            if left is None:
                del out[key]
            else:
                out[key] = left
    return a if out is None else out


def _beside(a: Set, b: Set) -> Set | None:
    """What `without` leaves under one element; None when nothing."""
    if not b or SELF in b:
        return None
    left = without(a, b)
    if len(left) == 1 and SELF in left:
        return EMPTY
    return left if left or not a else None


def intersection(a: Set, b: Set) -> Set:
    """Members of both."""
    out: Set = {}
    for key, ours in a.items():
        theirs = b.get(key)
        if theirs is None or key == SELF:
            continue
        both = ours if ours is theirs else _common(ours, theirs)
        if both is not None:
            out[key] = both
    return out


def _common(a: Set, b: Set) -> Set | None:
    member = (not a or SELF in a) and (not b or SELF in b)
    children = intersection(a, b) if a and b else EMPTY
    if not children:
        return EMPTY if member else None
    return {SELF: EMPTY, **children} if member else children


def leaves(a: Set) -> Set:
    """Members that have no members below them."""
    return {k: leaves(v) if v else v for k, v in a.items() if k != SELF}


def member(tree: Set | None) -> bool:
    """What stands under an element says that the path itself is in the set."""
    return tree is not None and (not tree or SELF in tree)


def children(tree: Set | None) -> Set:
    """The set below an element."""
    if not tree or (len(tree) == 1 and SELF in tree):
        return EMPTY
    return tree


def has(a: Set, path: tuple[str, ...]) -> bool:
    """`path` is a member."""
    tree: Set | None = a
    for element in path:
        if tree is None or (tree is not a and not tree):
            return False
        tree = tree.get(element)
    return bool(path) and member(tree)


def paths(a: Set, prefix: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """All members: of one level first its own, then those below, each in order."""
    level = ordered({k: v for k, v in a.items() if k != SELF})
    for key, below in level.items():
        if member(below):
            yield (*prefix, key)
    for key, below in level.items():
        if below:
            yield from paths(below, (*prefix, key))


def of_paths(*members: tuple[str, ...]) -> Set:
    """The set of these paths."""
    out: Set = {}
    for path in members:
        tree: Set = EMPTY
        for element in reversed(path):
            tree = {element: tree}
        out = union(out, tree)
    return out


def normal(tree: Any) -> Set:
    """A tree that a client sent, in the form this package keeps. Raises ValueError."""
    if not isinstance(tree, dict):
        raise ValueError("not an object")
    out: Set = {}
    for key, below in tree.items():
        if key == SELF:
            out[SELF] = EMPTY
        elif check(key):
            out[canonical(key)] = normal(below)
    return EMPTY if len(out) == 1 and SELF in out else ordered(out)
