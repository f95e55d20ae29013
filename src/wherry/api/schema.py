"""The official schema of every kind, compiled a definition at a time into `Node`s, when it is first asked for.

Called by decoding, the patches, server-side apply and validation. Turns a definition's name into an immutable description:
its kind, its fields in order, how lists and maps merge, and whether a zero is kept or written. Invariant: a Node never changes;
two calls with one name give one Node. Reads package data only: the schemas of `schema_data` (the OpenAPI
definitions of Kubernetes), and `presence.json`, facts of the Go types that these lack.
Source: https://kubernetes.io/docs/concepts/overview/kubernetes-api/#openapi-specification, staging/src/k8s.io/api types.go.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any, Literal

from wherry.api import schema_data

Kind = Literal[
    "object", "list", "map", "string", "bytes", "int32", "int64", "float", "bool", "quantity", "int_or_string", "time", "micro_time", "any",
    "deduced",
]

APIEXTENSIONS = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1."
SCHEMA_PROPS = APIEXTENSIONS + "JSONSchemaProps"
SCHEMA_OR_BOOL = APIEXTENSIONS + "JSONSchemaPropsOrBool"
SCHEMA_OR_LIST = APIEXTENSIONS + "JSONSchemaPropsOrArray"
SCHEMA_OR_STRINGS = APIEXTENSIONS + "JSONSchemaPropsOrStringArray"

#: definitions whose JSON form is not what their schema says: name -> kind
_SPECIAL: dict[str, Kind] = {
    "io.k8s.apimachinery.pkg.api.resource.Quantity": "quantity",
    "io.k8s.apimachinery.pkg.util.intstr.IntOrString": "int_or_string",
    "io.k8s.apimachinery.pkg.apis.meta.v1.Time": "time",
    "io.k8s.apimachinery.pkg.apis.meta.v1.MicroTime": "micro_time",
    "io.k8s.apimachinery.pkg.apis.meta.v1.FieldsV1": "any",
    "io.k8s.apimachinery.pkg.apis.meta.v1.Patch": "any",
    "io.k8s.apimachinery.pkg.runtime.RawExtension": "any",
    APIEXTENSIONS + "JSON": "any",
    SCHEMA_OR_BOOL: "any",
    SCHEMA_OR_LIST: "any",
    SCHEMA_OR_STRINGS: "any",
}
_SCALARS: dict[tuple[str, str], tuple[Kind, str]] = {
    ("string", ""): ("string", "string"),
    ("string", "byte"): ("bytes", "[]uint8"),
    ("integer", "int32"): ("int32", "int32"),
    ("integer", "int64"): ("int64", "int64"),
    ("number", "double"): ("float", "float64"),
    ("boolean", ""): ("bool", "bool"),
}
_NO_PROPERTIES: Mapping[str, Node] = {}


class Node:
    """What may stand at one place of an object.

    kind           what it is; "any" is kept as it came; "deduced" (of custom kinds) is whatever its value turns out to be
    name           the definition's name, for a place that refers to one
    go_type        the type's name in messages (`v1.PodSpec`, `[]v1.Container`)
    properties     an object's fields, in the schema's order (compiled on first use)
    items          the elements of a list, the values of a map
    pointer        a scalar: an explicit zero is kept; an object: absent stays absent
    always         written even when absent, as its zero
    omit_zero      an always-present struct that is left out when it is zero
    open           an object (of a custom kind) that may hold more than its fields
    merge_key, patch_strategy            x-kubernetes-patch-merge-key, x-kubernetes-patch-strategy ("merge", "replace", "retainKeys")
    list_type, list_map_keys, map_type   x-kubernetes-list-type, x-kubernetes-list-map-keys, x-kubernetes-map-type; "" and () when not said
    """

    __slots__ = (
        "_properties", "always", "go_type", "items", "kind", "list_map_keys", "list_type", "map_type", "merge_key", "name", "omit_zero",
        "open", "patch_strategy", "pointer", "required",
    )  # fmt: skip

    def __init__(
        self,
        kind: Kind,
        *,
        name: str = "",
        go_type: str = "",
        properties: Mapping[str, Node] | None = None,
        items: Node | None = None,
        pointer: bool = False,
        always: bool = False,
        omit_zero: bool = False,
        required: Iterable[str] = (),
        merge_key: str = "",
        patch_strategy: Iterable[str] = (),
        list_type: str = "",
        list_map_keys: Iterable[str] = (),
        map_type: str = "",
        open: bool = False,
    ) -> None:
        self.kind: Kind = kind
        self.name = name
        self.go_type = go_type
        self._properties = properties
        self.items = items
        self.pointer = pointer
        self.always = always
        self.omit_zero = omit_zero
        self.required = tuple(required)
        self.merge_key = merge_key
        self.patch_strategy = frozenset(patch_strategy)
        self.list_type = list_type
        self.list_map_keys = tuple(list_map_keys)
        self.map_type = map_type
        self.open = open

    @property
    def properties(self) -> Mapping[str, Node]:
        if self._properties is None:
            self._properties = _properties(self.name) if self.name and self.kind == "object" else _NO_PROPERTIES
        return self._properties

    @property
    def short_name(self) -> str:
        """The last segment of the definition's name: the Go struct's name."""
        return self.name.rpartition(".")[2]

    def child(self, key: str) -> Node | None:
        """The node of an object's field or of a map's value."""
        return self.items if self.kind == "map" else self.properties.get(key)

    def __repr__(self) -> str:
        return f"Node({self.kind!r}, name={self.name!r}, go_type={self.go_type!r})"


@cache
def definition(name: str) -> Node:
    """The node of a definition (`io.k8s.api.apps.v1.Deployment`). KeyError when there is none."""
    raw = schema_data.definition(name)
    return Node(
        _SPECIAL.get(name, "object"),
        name=name,
        go_type=_go_name(name),
        pointer=True,
        required=raw.get("required", ()),
        map_type=raw.get("x-kubernetes-map-type", ""),
    )


@cache
def _properties(name: str) -> Mapping[str, Node]:
    raw = schema_data.definition(name)
    facts = schema_data.presence(name)
    return {key: _field(sub, facts.get(key, "")) for key, sub in raw.get("properties", {}).items()}


def _field(raw: Mapping[str, Any], fact: str) -> Node:
    """A field's node; `fact` is `flags[:go type]` with flags p (pointer), w (always written), z (left out when zero)."""
    flags, _, go_type = fact.partition(":")
    node = _node(raw, go_type)
    if node.kind in ("list", "map"):
        node.pointer = "p" in flags
    elif "$ref" in raw:
        node.pointer = flags in ("", "pw")
    else:
        node.pointer = "p" in flags
    node.always = "w" in flags
    node.omit_zero = "z" in flags
    return node


def _node(raw: Mapping[str, Any], go_type: str = "") -> Node:
    if ref := raw.get("$ref"):
        return _reference(ref.rpartition("/")[2], raw, go_type)
    kind, format_ = _type(raw), raw.get("format", "")
    if kind == "array":
        items = _node(raw["items"], go_type[2:] if go_type.startswith("[]") else "")
        return Node("list", go_type=go_type or f"[]{items.go_type}", items=items, **_merging(raw))
    if kind == "object":
        values = _node(raw.get("additionalProperties") or {}, _value_type(go_type))
        return Node("map", go_type=go_type or f"map[string]{values.go_type}", items=values, **_merging(raw))
    scalar, plain = _SCALARS.get((kind, format_), ("any", ""))
    return Node(scalar, go_type=go_type or plain)


def _reference(name: str, raw: Mapping[str, Any], go_type: str) -> Node:
    target = definition(name)
    merging = _merging(raw)
    merging["map_type"] = merging["map_type"] or target.map_type
    return Node(target.kind, name=name, go_type=go_type or target.go_type, required=target.required, **merging)


def _merging(raw: Mapping[str, Any]) -> dict[str, Any]:
    strategy = raw.get("x-kubernetes-patch-strategy", "")
    return {
        "merge_key": raw.get("x-kubernetes-patch-merge-key", ""),
        "patch_strategy": strategy.split(",") if strategy else (),
        "list_type": raw.get("x-kubernetes-list-type", ""),
        "list_map_keys": raw.get("x-kubernetes-list-map-keys", ()),
        "map_type": raw.get("x-kubernetes-map-type", ""),
    }


def _type(raw: Mapping[str, Any]) -> str:
    """The JSON type without "null"; "" when the schema says none."""
    type_ = raw.get("type", "")
    return type_ if isinstance(type_, str) else next(t for t in type_ if t != "null")


def _go_name(name: str) -> str:
    """`v1.PodSpec` of `io.k8s.api.core.v1.PodSpec`."""
    return ".".join(name.rsplit(".", 2)[-2:])


def _value_type(go_type: str) -> str:
    """The value type in `map[string]v1.ExtraValue`; "" when the name hides it (`v1.ResourceList`)."""
    return go_type.partition("]")[2] if go_type.startswith("map[") else ""
