"""Path elements as FieldsV1 writes them: `f:name`, `k:{"name":"c"}`, `v:"x"`; and their order and text.

Called by every module of this package. A path element is a string; equal strings are the same place.
Source: structured-merge-diff fieldpath/serialize-pe.go (form), element.go (order, text).
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import msgspec

SELF = "."

_ESCAPED = (("&", "\\u0026"), ("<", "\\u003c"), (">", "\\u003e"), ("\u2028", "\\u2028"), ("\u2029", "\\u2029"))


def field(name: str) -> str:
    return _field(name) if len(name) <= 64 else "f:" + name


@lru_cache(maxsize=16384)
def _field(name: str) -> str:
    """One string per name: dictionaries find a key they know by identity first."""
    return "f:" + name


def _encode(value: Any) -> str:
    text = msgspec.json.encode(value, order="sorted").decode()
    if not text.isascii() or "&" in text or "<" in text or ">" in text:
        for plain, escaped in _ESCAPED:
            text = text.replace(plain, escaped)
    return text


@lru_cache(maxsize=16384)
def _key(*pairs: tuple[str, Any]) -> str:
    return "k:" + _encode(dict(pairs))


@lru_cache(maxsize=4096, typed=True)
def _value(value: Any) -> str:
    return "v:" + _encode(value)


def of_keys(pairs: list[tuple[str, Any]]) -> str:
    """The element of a list item, from the values of its keys."""
    if len(pairs) == 1:
        name, value = pairs[0]
        if type(value) is str and name == "name" and value.isascii() and value.replace("-", "a").isalnum():
            return 'k:{"name":"' + value + '"}'
    try:
        return _key(*pairs)
    except TypeError:  # a key's value is a list or object: not hashable
        return "k:" + _encode(dict(pairs))


def of_value(value: Any) -> str:
    """The element of a scalar in a set."""
    return _value(value)


@lru_cache(maxsize=16384)
def order(element: str) -> tuple[Any, ...]:
    """Sort key: itself, then fields, keys, values, indices; numbers by value."""
    kind, body = element[:2], element[2:]
    if kind == "f:":
        return (1, body)
    if kind == "k:":
        return (2, *((name, *_rank(value)) for name, value in sorted(msgspec.json.decode(body).items())))
    if kind == "v:":
        return (3, *_rank(msgspec.json.decode(body)))
    return (4, int(body)) if kind == "i:" else (0, element)


def _rank(value: Any) -> tuple[int, Any]:
    if isinstance(value, bool):
        return (3, value)
    if isinstance(value, (int, float)):
        return (1, value)
    return (2, value) if isinstance(value, str) else (4, _encode(value))


def text(element: str) -> str:
    """The element as conflict messages show it: `.name`, `[name="c"]`, `[="x"]`."""
    kind, body = element[:2], element[2:]
    if kind == "f:":
        return "." + body
    if kind == "k:":
        return "[" + ",".join(f"{name}={_show(value)}" for name, value in sorted(msgspec.json.decode(body).items())) + "]"
    return f"[={_show(msgspec.json.decode(body))}]" if kind == "v:" else f"[{body}]"


def _show(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def check(element: str) -> bool:
    """A path element that a client sent has a known form; one of an unknown kind is to be ignored. Raises ValueError for a broken one."""
    if len(element) < 2:
        raise ValueError("key must be 2 characters long:")
    if element[1] != ":":
        raise ValueError(f"missing colon: {element}")
    kind, body = element[0], element[2:]
    if kind == "k" and not isinstance(msgspec.json.decode(body), dict):
        raise ValueError(f"not an object: {element}")
    if kind == "v":
        msgspec.json.decode(body)
    if kind == "i":
        int(body)
    return kind in "fkvi"


def canonical(element: str) -> str:
    """The same element as this server writes it."""
    kind, body = element[:2], element[2:]
    if kind == "k:":
        return of_keys(sorted(msgspec.json.decode(body).items()))
    return of_value(msgspec.json.decode(body)) if kind == "v:" else element
