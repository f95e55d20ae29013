"""What differs between two objects, as paths: `spec.containers[nginx].image: nginx:1.21 -> nginx:1.22`. Pure.

Called by `rollout diff`, `history --diff` and the report of what an apply would change back. Lists that merge by a key are compared by that
key, so a container that moved is no difference; other lists are compared as wholes when they hold single values and by position when not.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from wherry.api.objects import Obj
from wherry.api.schema import Node, definition
from wherry.rollout.revisions import HASH_LABEL

_ABSENT: Any = object()
_PLAIN_NAME = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-"


@dataclass(frozen=True, slots=True)
class Difference:
    """`old` or `new` is None, with `added` or `removed`, for what is only in one of the two."""

    path: str
    old: Any
    new: Any
    added: bool = False
    removed: bool = False


def of_templates(old: Obj, new: Obj) -> list[Difference]:
    """Between two pod templates, without the hash that a ReplicaSet adds."""
    node = definition("io.k8s.api.core.v1.PodTemplateSpec")
    return list(_compare("", _bare(old), _bare(new), node))


def _bare(template: Obj) -> Obj:
    meta = template.get("metadata") or {}
    labels = {k: v for k, v in (meta.get("labels") or {}).items() if k != HASH_LABEL}
    kept = {k: v for k, v in {**meta, "labels": labels}.items() if v not in (None, {})}
    return {**template, "metadata": kept}


def _compare(path: str, old: Any, new: Any, node: Node | None) -> Iterator[Difference]:
    there = new if old is _ABSENT else old
    if (old is _ABSENT or new is _ABSENT) and isinstance(there, list) and there and isinstance(there[0], dict):
        yield from _compare_lists(path, [] if old is _ABSENT else old, [] if new is _ABSENT else new, node)
    elif old is _ABSENT or new is _ABSENT:
        yield from _one_sided(path, old, new, node)
    elif isinstance(old, dict) and isinstance(new, dict):
        for name in [*old, *(n for n in new if n not in old)]:
            child = node.child(name) if node is not None else None
            yield from _compare(_joined(path, name), old.get(name, _ABSENT), new.get(name, _ABSENT), child)
    elif isinstance(old, list) and isinstance(new, list):
        yield from _compare_lists(path, old, new, node)
    elif type(old) is not type(new) or old != new:
        yield Difference(path, old, new)


def _one_sided(path: str, old: Any, new: Any, node: Node | None) -> Iterator[Difference]:
    there = new if old is _ABSENT else old
    if isinstance(there, dict) and there:
        for name, value in there.items():
            child = node.child(name) if node is not None else None
            yield from _compare(_joined(path, name), _ABSENT if old is _ABSENT else value, _ABSENT if new is _ABSENT else value, child)
    elif there not in (None, {}, []):
        yield Difference(path, None, new, added=True) if old is _ABSENT else Difference(path, old, None, removed=True)


def _compare_lists(path: str, old: list[Any], new: list[Any], node: Node | None) -> Iterator[Difference]:
    key = _key(old, new, node)
    items = node.items if node is not None else None
    if key:
        before, after = ({str(e[key]): e for e in part} for part in (old, new))
        for name in [*before, *(n for n in after if n not in before)]:
            one, other = (_unkeyed(part.get(name, _ABSENT), key, len(before.keys() & {name}) + len(after.keys() & {name}))
                          for part in (before, after))
            yield from _compare(f"{path}[{name}]", one, other, items)
    elif all(isinstance(e, dict) for e in (*old, *new)) and (old or new):
        for at in range(max(len(old), len(new))):
            before_, after_ = (part[at] if at < len(part) else _ABSENT for part in (old, new))
            yield from _compare(f"{path}[{at}]", before_, after_, items)
    elif old != new:
        yield Difference(path, old, new)


def _unkeyed(element: Any, key: str, sides: int) -> Any:
    """An element that is in one list only, without the key that is in its path already."""
    if element is _ABSENT or sides == 2 or len(element) == 1:
        return element
    return {k: v for k, v in element.items() if k != key}


def _key(old: list[Any], new: list[Any], node: Node | None) -> str:
    """The field that tells the elements apart; "" when there is none that all of them have."""
    candidates = [node.merge_key] if node is not None and node.merge_key else ["name"]
    every = [*old, *new]
    for key in candidates:
        if every and all(isinstance(e, dict) and key in e for e in every) and all(len({e[key] for e in p}) == len(p) for p in (old, new)):
            return key
    return ""


def _joined(path: str, name: str) -> str:
    shown = name if name and all(c in _PLAIN_NAME for c in name) else f'["{name}"]'
    if not path:
        return shown
    return f"{path}{shown}" if shown.startswith("[") else f"{path}.{shown}"
