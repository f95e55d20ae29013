"""Reading into values: fields, keys, indexes, presence, and the optional forms of them.

Called by the built closures. A property name that is not an identifier is written escaped (`a__dash__b`, `__namespace__`), as Kubernetes
does for the fields of objects: a key is looked for as it is written, then unescaped.

Source of the rule: https://kubernetes.io/docs/reference/using-api/cel/#escaping
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

from wherry.rules.cel.errors import NO_OVERLOAD, CelError
from wherry.rules.cel.grammar import RESERVED
from wherry.rules.cel.values import NOTHING, Lazy, Maybe, UInt

_MAPS = (dict, Lazy)
_ESCAPED = {"__underscores__": "__", "__dot__": ".", "__dash__": "-", "__slash__": "/"}
_TOKEN = re.compile("|".join(_ESCAPED))
_NAMED = RESERVED | {"true", "false", "null", "in"}
_UNESCAPABLE = re.compile(r"__|[-./]")
_PROPERTY = re.compile(r"^[a-zA-Z_.\-/][a-zA-Z0-9_.\-/]*$")
_ESCAPES = {value: key for key, value in _ESCAPED.items()}


@lru_cache(maxsize=1024)
def unescaped(name: str) -> str:
    """The property that an identifier stands for."""
    if name.startswith("__") and name.endswith("__") and name[2:-2] in _NAMED:
        return name[2:-2]
    return _TOKEN.sub(lambda m: _ESCAPED[m[0]], name)


def escaped(name: str) -> str | None:
    """The identifier of a property, None when it cannot be one."""
    if name in _NAMED:
        return f"__{name}__"
    if not _PROPERTY.match(name):
        return None
    return _UNESCAPABLE.sub(lambda m: _ESCAPES[m[0]], name)


def _key(value: Any, name: str) -> str | None:
    if name in value:
        return name
    if "__" in name:
        plain = unescaped(name)
        if plain in value:
            return plain
    return None


def field_of(value: Any, name: str) -> Any:
    """`value.name`; raises CelError."""
    kind = type(value)
    if kind in _MAPS:
        key = _key(value, name)
        if key is None:
            raise CelError(f"no such key: {name}")
        return value[key]
    if kind is Maybe:
        return maybe_field(value, name)
    raise CelError(NO_OVERLOAD if kind is not type(None) else f"no such key: {name}")


def has_field(value: Any, name: str) -> bool:
    kind = type(value)
    if kind in _MAPS:
        return _key(value, name) is not None
    if kind is Maybe:
        return bool(value.present) and has_field(value.value, name)
    raise CelError(NO_OVERLOAD if kind is not type(None) else f"no such key: {name}")


def maybe_field(value: Any, name: str) -> Maybe:
    """`value.?name`."""
    if type(value) is Maybe:
        if not value.present:
            return NOTHING
        value = value.value
    if type(value) not in _MAPS:
        raise CelError(NO_OVERLOAD)
    key = _key(value, name)
    return NOTHING if key is None else Maybe(value[key])


def at_index(value: Any, index: Any) -> Any:
    """`value[index]`; raises CelError."""
    kind = type(value)
    if kind is list:
        number = _position(index)
        if not 0 <= number < len(value):
            raise CelError(f"index out of bounds: {number}")
        return value[number]
    if kind in _MAPS:
        found = _lookup(value, index)
        if not found.present:
            raise CelError(f"no such key: {_shown(index)}")
        return found.value
    if kind is Maybe:
        return maybe_index(value, index)
    raise CelError(NO_OVERLOAD)


def maybe_index(value: Any, index: Any) -> Maybe:
    """`value[?index]`."""
    if type(value) is Maybe:
        if not value.present:
            return NOTHING
        value = value.value
    if type(value) is list:
        number = _position(index)
        return Maybe(value[number]) if 0 <= number < len(value) else NOTHING
    if type(value) in _MAPS:
        return _lookup(value, index)
    raise CelError(NO_OVERLOAD)


def _lookup(value: Any, index: Any) -> Maybe:
    kind = type(index)
    if kind is str:
        return Maybe(value[index]) if index in value else NOTHING
    if kind not in (int, bool, UInt, float):
        raise CelError(f"unsupported key type: {kind.__name__}" if kind in (list, dict) else NO_OVERLOAD)
    for key, found in value.items():
        if key == index and (type(key) is bool) == (kind is bool):
            return Maybe(found)
    return NOTHING


def _position(index: Any) -> int:
    if type(index) in (int, UInt):
        return int(index)
    if type(index) is float and index.is_integer():
        return int(index)
    raise CelError(f"unsupported index type '{type(index).__name__}' in list")


def _shown(index: Any) -> str:
    return {True: "true", False: "false"}[index] if type(index) is bool else str(index)
