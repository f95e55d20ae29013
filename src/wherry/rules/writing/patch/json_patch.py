"""JSON patch (RFC 6902): a list of operations, done one after the other on a copy of what they touch.

Called through `wherry.rules.writing.patch.apply`. An operation that does not apply fails the whole patch; the reference answers with
a 422 that does not say which one. Containers are copied once, when the first operation reaches into them; everything else stays shared.
Source: RFC 6902, RFC 6901; where they leave room, evanphx/json-patch v4: negative indices count from the end, `replace` sets a field that
is missing, `test` of a missing field equals null.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from wherry.api.errors import BadRequest, Invalid, TooLarge
from wherry.api.objects import Obj
from wherry.rules.schema.decode import depth

MAX_OPERATIONS = 10_000
#: bytes that all copies of one patch may add (k8s.io/apiserver JSONPatchMaxCopyBytes)
MAX_COPIED = 3 * 1024 * 1024

Operation = dict[str, Any]


class _Fails(Exception):
    """The operation does not apply."""


class _Draft:
    """A document of which every container that was reached is a private copy."""

    def __init__(self, current: Any) -> None:
        self._own: dict[int, Any] = {}  # the values keep the ids unique
        self.copied = 0
        self.root: Any = self._take(current)

    def _take(self, container: Any) -> Any:
        copied = dict(container) if isinstance(container, dict) else list(container)
        self._own[id(copied)] = copied
        return copied

    def replace(self, root: Any) -> None:
        self.root = self._take(root)

    def owned(self, container: Any, key: Any) -> Any:
        """The container under `key`, copied into `container` if it is not ours yet."""
        child = container[key]
        if not isinstance(child, (dict, list)):
            raise _Fails
        if id(child) not in self._own:
            child = container[key] = self._take(child)
        return child

    def parent(self, path: str) -> tuple[Any, str]:
        """The container that holds what `path` points at, and the last part of the path."""
        parts = path.split("/")
        if len(parts) < 2:
            raise _Fails
        container = self.root
        for part in map(_unescape, parts[1:-1]):
            container = self.owned(container, _present(container, part))
        return container, _unescape(parts[-1])


def _unescape(part: str) -> str:
    return part.replace("~1", "/").replace("~0", "~")


def _index(items: list[Any], text: str, end: int) -> int:
    """A list index below `end`; a negative one counts from `end`."""
    try:
        index = int(text) if text.lstrip("+-").isdigit() else None
    except ValueError:
        index = None
    if index is None or not -end <= index < end:
        raise _Fails
    return index + end if index < 0 else index


def _present(container: Any, part: str) -> Any:
    """The key or index of something that is there."""
    if isinstance(container, list):
        return _index(container, part, len(container))
    if part not in container:
        raise _Fails
    return part


def _get(container: Any, part: str) -> Any:
    """The value there; a missing field of an object is null."""
    return container[_index(container, part, len(container))] if isinstance(container, list) else container.get(part)


def _insert(container: Any, part: str, value: Any) -> None:
    if isinstance(container, dict):
        container[part] = value
    elif part == "-":
        container.append(value)
    else:
        container.insert(_index(container, part, len(container) + 1), value)


def _text(operation: Operation, name: str) -> str:
    text = operation.get(name)
    if not isinstance(text, str):
        raise _Fails
    return text


def _add(draft: _Draft, operation: Operation) -> None:
    container, part = draft.parent(_text(operation, "path"))
    _insert(container, part, operation.get("value"))


def _remove(draft: _Draft, operation: Operation) -> None:
    container, part = draft.parent(_text(operation, "path"))
    del container[_present(container, part)]


def _replace(draft: _Draft, operation: Operation) -> None:
    path, value = _text(operation, "path"), operation.get("value")
    if path == "":
        if not isinstance(value, dict):
            raise _Fails
        draft.replace(value)
        return
    container, part = draft.parent(path)
    container[_index(container, part, len(container)) if isinstance(container, list) else part] = value


def _move(draft: _Draft, operation: Operation) -> None:
    container, part = draft.parent(_text(operation, "from"))
    key = _present(container, part)
    value = container[key]
    del container[key]
    target, name = draft.parent(_text(operation, "path"))
    _insert(target, name, value)


def _copy_value(draft: _Draft, operation: Operation) -> None:
    container, part = draft.parent(_text(operation, "from"))
    value = _get(container, part)
    target, name = draft.parent(_text(operation, "path"))
    text = msgspec.json.encode(value)
    draft.copied += len(text)
    if draft.copied > MAX_COPIED:
        raise _Fails
    # from now on the value has two places: neither may be written through the other
    _insert(target, name, msgspec.json.decode(text))


def _same(a: Any, b: Any) -> bool:
    """JSON equality: numbers by value, but true is not 1."""
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(_same(v, b[k]) for k, v in a.items())
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(_same, a, b))
    return bool(a == b) and isinstance(a, bool) is isinstance(b, bool)


def _test(draft: _Draft, operation: Operation) -> None:
    path = _text(operation, "path")
    if path == "":
        value = draft.root
    else:
        container, part = draft.parent(path)
        value = _get(container, part)
    if not _same(value, operation.get("value")):
        raise _Fails


_OPERATIONS: dict[str, Callable[[_Draft, Operation], None]] = {
    "add": _add,
    "remove": _remove,
    "replace": _replace,
    "move": _move,
    "copy": _copy_value,
    "test": _test,
}


def apply(current: Obj, patch: list[Operation]) -> Obj:
    """`current` after all operations; `current` itself when there are none. Raises Invalid (an operation fails), TooLarge, BadRequest."""
    if len(patch) > MAX_OPERATIONS:
        raise TooLarge(f"The allowed maximum operations in a JSON patch is {MAX_OPERATIONS}, got {len(patch)}")
    if not patch:
        return current
    draft = _Draft(current)
    try:
        for operation in patch:
            act = _OPERATIONS.get(operation.get("op") or "")
            if act is None:
                raise _Fails
            act(draft, operation)
    except _Fails:
        raise Invalid("the server rejected our request due to an error in our request", {}) from None
    except RecursionError:
        raise BadRequest(depth.FAULT) from None
    if depth.too_deep(draft.root):
        raise BadRequest(depth.FAULT)
    root: Obj = draft.root
    return root


def touched(operations: list[Operation]) -> dict[str, Any]:
    """The containers that the operations reach into, as a tree of path parts."""
    tree: dict[str, Any] = {}
    for path in (op[name] for op in operations for name in ("path", "from") if isinstance(op.get(name), str)):
        at = tree
        for part in path.split("/")[1:-1]:
            at = at.setdefault(_unescape(part), {})
    return tree
