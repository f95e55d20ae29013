"""A readable difference of two objects of the API, for assertions that fail: the paths that differ, each with both values.

Called by the plugin. Fields that the server fills in and that differ for every object (uid, resourceVersion, managed fields, ...) come last
and in short, because they are seldom what a test is about.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

_SERVERS = (".metadata.uid", ".metadata.resourceVersion", ".metadata.creationTimestamp", ".metadata.managedFields", ".metadata.generation")
_ABSENT = object()
_WIDTH = 100


def compared(left: dict[str, Any], right: dict[str, Any]) -> list[str]:
    """Lines as pytest wants them: a summary first."""
    differing = list(_differences("", left, right))
    own = [d for d in differing if not d[0].startswith(_SERVERS)]
    servers = [d[0] for d in differing if d[0].startswith(_SERVERS)]
    lines = [f"{_named(left)} == {_named(right)}", f"{len(own)} difference{'' if len(own) == 1 else 's'} (left, then right):"]
    for path, mine, other in own:
        lines += [f"  {path or '.'}", f"    - {_shown(mine)}", f"    + {_shown(other)}"]
    if servers:
        lines.append(f"  and what the server fills in: {', '.join(servers)}")
    return lines


def _named(obj: dict[str, Any]) -> str:
    return f"{obj['kind']} {(obj.get('metadata') or {}).get('name', '')}".rstrip()


def _differences(path: str, left: Any, right: Any) -> Iterator[tuple[str, Any, Any]]:
    if isinstance(left, dict) and isinstance(right, dict):
        for key in [*left, *(k for k in right if k not in left)]:
            yield from _differences(f"{path}{_step(key)}", left.get(key, _ABSENT), right.get(key, _ABSENT))
    elif isinstance(left, list) and isinstance(right, list):
        yield from _of_lists(path, left, right)
    elif left != right:
        yield path, left, right


def _of_lists(path: str, left: list[Any], right: list[Any]) -> Iterator[tuple[str, Any, Any]]:
    """Lists of named things are compared by name."""
    if all(isinstance(item, dict) and "name" in item for item in (*left, *right)):
        mine, other = ({item["name"]: item for item in items} for items in (left, right))
        for name in [*mine, *(n for n in other if n not in mine)]:
            yield from _differences(f"{path}[name={name}]", mine.get(name, _ABSENT), other.get(name, _ABSENT))
        return
    for at in range(max(len(left), len(right))):
        mine_at, other_at = (items[at] if at < len(items) else _ABSENT for items in (left, right))
        yield from _differences(f"{path}[{at}]", mine_at, other_at)


def _step(key: str) -> str:
    return f".{key}" if key.replace("_", "").isalnum() else f"[{key}]"


def _shown(value: Any) -> str:
    if value is _ABSENT:
        return "absent"
    text = json.dumps(value, ensure_ascii=False, default=repr)
    return text if len(text) <= _WIDTH else text[: _WIDTH - 3] + "..."
