"""How the reference's own type of a pod spec looks as JSON, and the difference of two of them.

Called by the update rule of pods for its message. Turns the v1 JSON of a spec into the internal one: other order, other names, every
field present. Invariant: equal specs give an empty difference. Pure, and slow: only for refused updates.
Source: k8s.io/apimachinery/pkg/util/diff (a unified difference, context 3, of indented JSON), pkg/apis/core/types.go.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from wherry.api import schema
from wherry.api.schema import Node
from wherry.rules.texts.go_structs.pod_fields import FIELDS

_CORE = "io.k8s.api.core.v1."
_ZEROS: dict[str, Any] = {"string": "", "int32": 0, "int64": 0, "float": 0, "bool": False, "quantity": "0", "int_or_string": 0}
#: fields of the spec that the internal type keeps in its security context -> what they are when absent
_HOST: tuple[tuple[str, str, bool | None], ...] = (
    ("HostNetwork", "hostNetwork", False),
    ("HostPID", "hostPID", False),
    ("HostIPC", "hostIPC", False),
    ("ShareProcessNamespace", "shareProcessNamespace", None),
    ("HostUsers", "hostUsers", None),
)
#: types of the metadata group whose fields are not in alphabetical order
_ORDERS = {
    "LabelSelector": ("matchLabels", "matchExpressions"),
    "ObjectMeta": (
        "name", "generateName", "namespace", "selfLink", "uid", "resourceVersion", "generation", "creationTimestamp", "deletionTimestamp",
        "deletionGracePeriodSeconds", "labels", "annotations", "ownerReferences", "finalizers",
    ),
    "OwnerReference": ("apiVersion", "kind", "name", "uid", "controller", "blockOwnerDeletion"),
}  # fmt: skip
#: as json.Marshal writes them
_ESCAPES = str.maketrans({"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"})


def internal_spec(spec: Mapping[str, Any]) -> dict[str, Any]:
    """The internal form of a pod spec, fields in the order of the type."""
    return _struct(schema.definition(_CORE + "PodSpec"), spec)


def spec_difference(old: Mapping[str, Any], new: Mapping[str, Any]) -> str:
    return difference(internal_spec(old), internal_spec(new))


def containers_difference(old: Mapping[str, Any], new: Mapping[str, Any]) -> str:
    """The difference of two ephemeral containers."""
    node = schema.definition(_CORE + "EphemeralContainer")
    return difference(_struct(node, old), _struct(node, new))


def claims_difference(old: Mapping[str, Any], new: Mapping[str, Any]) -> str:
    """The difference of the specs of two PersistentVolumeClaims."""
    node = schema.definition(_CORE + "PersistentVolumeClaimSpec")
    return difference(_struct(node, old), _struct(node, new))


def sources_difference(old: Mapping[str, Any], new: Mapping[str, Any]) -> str:
    """The difference of where the data of two PersistentVolumes lies, from their specs."""
    node = schema.definition(_CORE + "PersistentVolumeSpec")
    return difference(_struct(node, old), _struct(node, new))


def internal_terms(terms: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Node selector terms as messages show them."""
    node = schema.definition(_CORE + "NodeSelectorTerm")
    return [_struct(node, term) for term in terms]


def difference(old: Any, new: Any) -> str:
    lines = list(difflib.unified_diff(_lines(old), _lines(new), n=3))
    return "".join(lines[2:])


def _lines(value: Any) -> list[str]:
    text = json.dumps(value, indent=1, ensure_ascii=False).translate(_ESCAPES)
    return [line + "\n" for line in text.split("\n")]


@cache
def _fields(name: str) -> tuple[tuple[str, str], ...]:
    """Internal name and JSON field of every field, in order."""
    properties = schema.definition(name).properties
    by_case = {field.lower(): field for field in properties}
    cells = (cell.partition("=") for cell in FIELDS[name.removeprefix(_CORE)].split())
    pairs = ((internal, field or by_case.get(internal.lower(), "")) for internal, _, field in cells)
    return tuple((internal, field) for internal, field in pairs if field or internal == "*")


def _struct(node: Node, value: Mapping[str, Any]) -> dict[str, Any]:
    name = node.name.removeprefix(_CORE)
    if name not in FIELDS:
        return dict(_tagged(node, value))
    out: dict[str, Any] = {}
    if name == "PodSpec":
        value = {**value, "securityContext": {**(value.get("securityContext") or {}), "": value}}
    elif name == "PodSecurityContext":
        spec = value.get("", {})
        out.update((internal, spec.get(field, absent)) for internal, field, absent in _HOST)
    for internal, field in _fields(node.name):
        if internal == "*":
            out.update(_tagged(node.properties["metadata"], value.get("metadata") or {}))
        else:
            out[internal] = _value(node.properties[field], value.get(field))
    return out


def _value(node: Node, value: Any) -> Any:
    if value is None:
        if node.kind == "object" and not node.pointer:
            return _struct(node, {})
        return None if node.pointer else _ZEROS.get(node.kind)
    if node.kind == "object":
        return _struct(node, value)
    if node.kind == "list" and node.items is not None:
        return [_value(node.items, item) for item in value] or None
    if node.kind == "map":
        return dict(sorted(value.items())) or None
    return value


def _tagged(node: Node, value: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """A type of the metadata group is written as it is in v1: its own names, without what is empty."""
    for field in _ORDERS.get(node.name.rpartition(".")[2], node.properties):
        child, found = node.properties[field], value.get(field)
        if found is None:
            if child.always:
                yield field, None
        elif child.kind == "list" and child.items is not None and child.items.kind == "object":
            yield field, [dict(_tagged(child.items, item)) for item in found]
        else:
            yield field, dict(sorted(found.items())) if child.kind == "map" else found
