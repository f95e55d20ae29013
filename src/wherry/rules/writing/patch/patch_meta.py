"""How a field merges in a strategic merge patch: a Node seen through `x-kubernetes-patch-strategy` and `-merge-key`.

Called by `wherry.rules.writing.patch.strategic` alone. A field that the schema does not know is an error only where merging would
have to know it.
Source: LookupPatchMetadataForStruct in k8s.io/apimachinery/third_party/forked/golang/json.
"""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from wherry.api.errors import StatusError
from wherry.api.schema import Node


class Field(NamedTuple):
    """`strategy`: "merge", "replace" or "". `node`: of the map itself, or of a list's elements."""

    node: Node
    strategy: str = ""
    merge_key: str = ""

    def _lookup(self, name: str) -> Node:
        node = self.node
        if node.kind == "map" and node.items is not None:
            return node.items
        if node.kind != "object":
            raise StatusError(f"merging an object in json but data type is not struct, instead is: {node.kind}")
        found = node.properties.get(name)
        if found is None:
            quoted = msgspec.json.encode(name).decode()
            raise StatusError(f"unable to find api field in struct {node.short_name} for the json field {quoted}")
        return found

    def child(self, name: str) -> Field:
        """The map under `name`."""
        return _field(self._lookup(name))

    def items(self, name: str) -> Field:
        """The list under `name`."""
        found = self._lookup(name)
        if found.kind != "list" or found.items is None:
            raise StatusError(f"expected slice or array type, but got: {'struct' if found.kind == 'object' else found.kind}")
        return _field(found)._replace(node=found.items)


def _field(node: Node) -> Field:
    strategies = sorted(node.patch_strategy - {"retainKeys"})
    return Field(node, strategies[0] if strategies else "", node.merge_key)


def of_kind(node: Node) -> Field:
    """The whole object."""
    return Field(node)
