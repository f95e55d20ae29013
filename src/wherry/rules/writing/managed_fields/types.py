"""How a place of an object is tracked: a Node reduced to what ownership goes by, compiled once per Node.

Called by the walks of this package (`compare`, `field_set`, `merge`, `validate`). A Type says whether a value is owned as a whole or by
its parts, and by which keys list items are told apart.
Source: k8s.io/kube-openapi/pkg/schemaconv (OpenAPI to structured-merge-diff schema).
"""

from __future__ import annotations

from typing import Any, Final

from wherry.api.schema import Node
from wherry.rules.writing.managed_fields import elements

SCALAR: Final = 0  # a leaf
ATOMIC: Final = 1  # a list or map owned as a whole
STRUCT: Final = 2  # an object with declared fields
MAP: Final = 3  # an object with free keys
LIST_MAP: Final = 4  # a list whose items are told apart by keys
SET: Final = 5  # a list whose items are their own keys
DEDUCED: Final = 6  # no schema: maps by key, lists as a whole

#: keys that stand for themselves when an item leaves them out: (definition's short name, key) -> value
_KEY_DEFAULTS: dict[tuple[str, str], Any] = {
    ("ContainerPort", "protocol"): "TCP",
    ("ServicePort", "protocol"): "TCP",
    ("LocalObjectReference", "name"): "",
}


class Type:
    """One place's way of being owned.

    `leaf`: as a whole. `listed`: a list, by its items. `fields`: of a STRUCT, filled as they are met. `element`: of values of a MAP or
    items of a list. `keys`: of a LIST_MAP.
    """

    __slots__ = ("_node", "element", "fields", "form", "key_defaults", "keys", "leaf", "listed", "zero")

    def __init__(self, form: int, node: Node | None = None, element: Type | None = None, keys: tuple[str, ...] = ()) -> None:
        self.form = form
        self.leaf = form in (SCALAR, ATOMIC)
        self.listed = form in (LIST_MAP, SET)
        self._node = node
        self.element = element
        self.keys = keys
        self.fields: dict[str, tuple[str, Type]] = {}
        self.zero: dict[str, Any] | None = None
        name = node.items.short_name if node is not None and node.items is not None else ""
        self.key_defaults = {k: _KEY_DEFAULTS[name, k] for k in keys if (name, k) in _KEY_DEFAULTS}

    def declares(self, name: str) -> bool:
        """A field of a STRUCT that its schema names."""
        return self.form == STRUCT and self._node is not None and name in self._node.properties

    def at(self, name: str) -> tuple[str, Type]:
        """The path element and type of a field or map key."""
        found = self.fields.get(name)
        if found is not None:
            return found
        if self.form == STRUCT and self._node is not None:
            node = self._node.properties.get(name)
            found = (elements.field(name), of_node(node))
            if node is not None:  # names of a client's own invention are not kept
                self.fields[name] = found
            return found
        return elements.field(name), self.element or DEDUCED_TYPE

    def blank(self, name: str) -> tuple[bool, Any]:
        """Whether a declared field is written even when it is not set, and as what."""
        node = self._node.properties.get(name) if self.form == STRUCT and self._node is not None else None
        return (False, None) if node is None or not node.always else (True, _zero(node))

    @property
    def node(self) -> Node | None:
        return self._node

    def element_of(self, item: Any) -> str | None:
        """The path element of a list item; None when it has none of its keys, or cannot be an item of such a list."""
        if self.form == SET:
            return None if item is None or isinstance(item, (dict, list)) else elements.of_value(item)
        if not isinstance(item, dict):
            return None
        keys = self.keys
        if len(keys) == 1 and keys[0] in item:
            return elements.of_keys([(keys[0], item[keys[0]])])
        defaults = self.key_defaults
        pairs = [(k, item[k] if k in item else defaults[k]) for k in keys if k in item or k in defaults]
        return elements.of_keys(sorted(pairs)) if pairs else None


SCALAR_TYPE = Type(SCALAR)
ATOMIC_TYPE = Type(ATOMIC)
DEDUCED_TYPE = Type(DEDUCED)

_types: dict[int, tuple[Node, Type]] = {}  # by identity of the Node, which the entry keeps alive
_MOST_TYPES = 20_000
_structs: dict[str, Type] = {}  # by name of the definition: fields that refer to one definition share its Type


def of_node(node: Node | None) -> Type:
    """The Type of a Node; of none, the one that is deduced from values."""
    if node is None:
        return DEDUCED_TYPE
    known = _types.get(id(node))
    if known is not None:
        return known[1]
    type_ = _compile(node)
    if len(_types) >= _MOST_TYPES:  # CustomResourceDefinitions come and go, and their Nodes with them
        _types.clear()
    _types[id(node)] = (node, type_)
    return type_


def _compile(node: Node) -> Type:
    kind = node.kind
    if kind == "object":
        return _struct(node)
    if kind == "deduced":
        return DEDUCED_TYPE
    if kind == "map":
        return ATOMIC_TYPE if node.map_type == "atomic" else Type(MAP, node, of_node(node.items))
    if kind == "list":
        return _list(node)
    return ATOMIC_TYPE if kind == "any" else SCALAR_TYPE


def _struct(node: Node) -> Type:
    if node.map_type == "atomic" or not node.properties:
        return ATOMIC_TYPE
    if not node.name:
        return Type(STRUCT, node)
    known = _structs.get(node.name)
    if known is None or known.node is None or known.node.properties is not node.properties:
        known = _structs[node.name] = Type(STRUCT, node)
    return known


def _list(node: Node) -> Type:
    if node.list_type == "map":
        return Type(LIST_MAP, node, of_node(node.items), node.list_map_keys)
    if node.list_type == "set":
        return Type(SET, node, of_node(node.items))
    if not node.list_type and "merge" in node.patch_strategy:
        return Type(LIST_MAP if node.merge_key else SET, node, of_node(node.items), (node.merge_key,) if node.merge_key else ())
    return ATOMIC_TYPE


#: what a place of a fresh object holds when its kind always writes it, by the kind of the Node
_ZEROS: dict[str, Any] = {"string": "", "bool": False, "int32": 0, "int64": 0, "float": 0, "quantity": "0", "int_or_string": 0}


def zero(type_: Type) -> dict[str, Any]:
    """A new object of a kind before anything is set: what it writes even so. The left side when a create is compared."""
    if type_.zero is None:
        node = type_.node
        fields = node.properties.items() if node is not None else ()
        type_.zero = {k: _zero(n) for k, n in fields if n.always}
    return type_.zero


def _zero(node: Node) -> Any:
    if node.kind == "object":
        return None if node.pointer else zero(of_node(node)) if of_node(node).form == STRUCT else {}
    return None if node.pointer else _ZEROS.get(node.kind)
