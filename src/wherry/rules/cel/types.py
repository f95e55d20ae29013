"""The types of CEL as the checker sees them, written as cel-go writes them in messages.

A declaration such as `list(A).indexOf(A): int` is text; `parse_type` and `parse_signature` read it once when a library is loaded.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Type:
    """`name` with type parameters; `fields` only for objects (field -> type), whose other fields are unknown."""

    name: str
    params: tuple[Type, ...] = ()
    fields: Mapping[str, Type] | None = field(default=None, compare=False)

    def __str__(self) -> str:
        return f"{self.name}({', '.join(map(str, self.params))})" if self.params else self.name


DYN, BOOL, INT, UINT, DOUBLE = Type("dyn"), Type("bool"), Type("int"), Type("uint"), Type("double")
STRING, BYTES, NULL, DURATION, TIMESTAMP = Type("string"), Type("bytes"), Type("null"), Type("duration"), Type("timestamp")
_VARIABLE = re.compile(r"^[A-Z]$")
#: what may be null: everything but the plain values
_NOT_NULL = frozenset({"bool", "int", "uint", "double", "string", "bytes", "list", "map"})


def list_of(item: Type) -> Type:
    return Type("list", (item,))


def map_of(key: Type, value: Type) -> Type:
    return Type("map", (key, value))


def optional_of(item: Type) -> Type:
    return Type("optional_type", (item,))


def object_type(name: str, fields: Mapping[str, Type]) -> Type:
    return Type(name, (), dict(fields))


def assignable(actual: Type, formal: Type, bound: dict[str, Type]) -> bool:
    """Whether a value of `actual` may stand where `formal` is expected; type variables of `formal` are bound on the way."""
    if _VARIABLE.match(formal.name) and not formal.params:
        known = bound.get(formal.name)
        if known is None or known.name == "dyn":
            bound[formal.name] = actual
            return True
        return assignable(actual, known, bound) or assignable(known, actual, bound)
    if actual.name == "dyn" or formal.name == "dyn":
        return True
    if actual.name == "null":
        return formal.name not in _NOT_NULL
    if formal.name == "null":
        return actual.name not in _NOT_NULL
    if actual.name != formal.name or len(actual.params) != len(formal.params):
        return False
    return all(assignable(a, f, bound) for a, f in zip(actual.params, formal.params, strict=True))


def substituted(formal: Type, bound: Mapping[str, Type]) -> Type:
    if _VARIABLE.match(formal.name) and not formal.params:
        return bound.get(formal.name, DYN)
    if not formal.params:
        return formal
    return Type(formal.name, tuple(substituted(p, bound) for p in formal.params), formal.fields)


def parse_type(text: str) -> Type:
    """`map(string, list(A))` as a Type."""
    kind, rest = _type(text.replace(" ", ""))
    if rest:
        raise ValueError(f"not a type: {text}")
    return kind


def parse_signature(text: str) -> tuple[str, bool, tuple[Type, ...], Type]:
    """`string.startsWith(string): bool` -> name, whether it is a method, argument types with the receiver first, result."""
    head, _, result = text.replace(" ", "").rpartition("):")
    receiver: Type | None = None
    match = re.match(r"^(<[^>]+>|[A-Za-z_]+(?:\([^.]*\))?)\.([a-zA-Z]+)\((.*)$", head)
    if match and not head.startswith("@@"):
        receiver = parse_type(match[1].strip("<>"))
        name, arguments = match[2], match[3]
    else:
        name, _, arguments = head.removeprefix("@@").partition("(")
    args: list[Type] = [receiver] if receiver else []
    while arguments:
        kind, arguments = _type(arguments)
        args.append(kind)
        arguments = arguments.removeprefix(",")
    return name, receiver is not None, tuple(args), parse_type(result)


def _type(text: str) -> tuple[Type, str]:
    match = re.match(r"[A-Za-z_.]+", text)
    if match is None:
        raise ValueError(f"not a type: {text}")
    name, rest = match[0], text[match.end() :]
    if not rest.startswith("("):
        return Type(name), rest
    params = []
    rest = rest[1:]
    while True:
        param, rest = _type(rest)
        params.append(param)
        if rest.startswith(","):
            rest = rest[1:]
            continue
        return Type(name, tuple(params)), rest[1:]
