"""What an expression may name: variables with their types, and structs it may build.

Made by who compiles: admission policies, webhook conditions, validation rules of custom resources.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field

from wherry.rules.cel.types import BOOL, BYTES, DOUBLE, DURATION, DYN, INT, NULL, STRING, TIMESTAMP, UINT, Type

#: the type of a struct name, or None when it may not be built
Structs = Callable[[str], Type | None]

#: names that stand for types
TYPE_NAMES: Mapping[str, tuple[Type, str]] = {
    "bool": (BOOL, "bool"),
    "int": (INT, "int"),
    "uint": (UINT, "uint"),
    "double": (DOUBLE, "double"),
    "string": (STRING, "string"),
    "bytes": (BYTES, "bytes"),
    "null_type": (NULL, "null_type"),
    "list": (Type("list", (DYN,)), "list"),
    "map": (Type("map", (DYN, DYN)), "map"),
    "type": (Type("type"), "type"),
    "optional_type": (Type("optional_type", (DYN,)), "optional_type"),
    "google.protobuf.Timestamp": (TIMESTAMP, "google.protobuf.Timestamp"),
    "google.protobuf.Duration": (DURATION, "google.protobuf.Duration"),
}


def no_structs(name: str) -> Type | None:
    return None


@dataclass(frozen=True, slots=True)
class Environment:
    variables: Mapping[str, Type] = field(default_factory=dict)
    structs: Structs = no_structs


def environment(names: Collection[str] | Mapping[str, Type], structs: Structs = no_structs) -> Environment:
    """An environment; names without a type are `dyn`."""
    return Environment(dict(names) if isinstance(names, Mapping) else dict.fromkeys(names, DYN), structs)
