"""What the reference writes for a field that nobody set, and which fields it writes at all.

Called by the compiled normaliser. Turns a Node into a maker of its zero value. Invariant: every call gives a fresh value.
Source: Go's encoding/json with the `omitempty` and `omitzero` tags of staging/src/k8s.io/api; storage as protobuf does not tell an
empty list from none, storage as JSON (CustomResourceDefinition, APIService) does.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from wherry.api.schema import APIEXTENSIONS, Node

_STORED_AS_JSON = (APIEXTENSIONS, "io.k8s.kube-aggregator.")
_SCALARS: dict[str, Any] = {"string": "", "int32": 0, "int64": 0, "float": 0, "bool": False, "quantity": "0", "int_or_string": 0}

#: lists that are told from none before they are stored: defaults do not fill them in, and they are refused
EMPTY_COUNTS = {"io.k8s.api.autoscaling.v2.HPAScalingRules": frozenset(("policies",))}


def keeps_empty(definition: str) -> bool:
    """True when an empty list in a field that is always written stays `[]`; else it becomes `null`."""
    return definition.startswith(_STORED_AS_JSON)


def zero(node: Node) -> Any:
    """The zero value: `{}` with what is always written in it for a struct, null for lists, maps, times and raw values."""
    if node.kind == "object":
        return {key: make() for key, make in written(node)}
    return _SCALARS.get(node.kind)


def written(node: Node) -> list[tuple[str, Callable[[], Any]]]:
    """The fields of a struct that are written even when absent, each with a maker of its zero."""
    return [(key, _maker(child)) for key, child in node.properties.items() if child.always]


def _maker(node: Node) -> Callable[[], Any]:
    if node.kind == "object" and not node.pointer:
        return lambda: zero(node)
    value = None if node.pointer else _SCALARS.get(node.kind)
    return lambda: value
