"""A structural schema as the Node that field ownership and server-side apply go by.

Made once per version of a custom kind. Says of each place whether it is owned by its parts (`x-kubernetes-list-type`,
`x-kubernetes-map-type`), and by which keys list items are told apart. Where unknown fields are preserved, ownership goes by the values.
Source: k8s.io/kube-openapi/pkg/schemaconv/openapi.go, k8s.io/apiextensions-apiserver/pkg/controller/openapi/builder.
"""

from __future__ import annotations

from wherry.api.schema import Node, definition
from wherry.rules.custom.embedded import OBJECT_META
from wherry.rules.custom.structural import Structural

_DEDUCED = Node("deduced")
_TEXT = Node("string", go_type="string")
_SCALARS = {
    "string": _TEXT,
    "integer": Node("int64", go_type="int64"),
    "number": Node("float", go_type="float64"),
    "boolean": Node("bool", go_type="bool"),
}
_EITHER = Node("int_or_string")


def root(schema: Structural) -> Node:
    """The node of whole objects."""
    return _object(schema, schema.preserve, whole=True)


def _node(schema: Structural | None, free: bool) -> Node:
    """`free`: unknown fields are preserved in what this is part of."""
    if schema is None:
        return _DEDUCED
    free = free or schema.preserve
    if schema.int_or_string:
        return _EITHER
    if schema.type == "object":
        return _object(schema, free, whole=schema.embedded)
    if schema.type == "array":
        return Node("list", items=_node(schema.items, free), list_type=schema.list_type, list_map_keys=schema.list_keys)
    return _SCALARS.get(schema.type, _DEDUCED)


def _object(schema: Structural, free: bool, *, whole: bool) -> Node:
    if schema.has_additional:
        return Node("map", items=_node(schema.additional, free), map_type=schema.map_type)
    if not schema.properties and not whole:
        return Node("map", items=_DEDUCED, map_type=schema.map_type)
    fields = {name: _node(sub, free) for name, sub in schema.properties.items()}
    if whole:
        fields |= {"apiVersion": _TEXT, "kind": _TEXT, "metadata": definition(OBJECT_META)}
    return Node("object", properties=fields, map_type=schema.map_type, open=free)
