"""Structural schemas: what a version of a custom kind says about its fields, compiled for the walks over its objects.

Made once per version of a CustomResourceDefinition (`kind`); read by pruning, defaulting, the checks of lists and embedded objects, the
rules in CEL and field ownership. Turns an OpenAPI v3 schema (JSONSchemaProps) into a tree of `Structural`. Invariants: a Structural never
changes; each knows what of a kind there is below it, so that a walk which has nothing to do there is not taken.
Source: KEP-1148; k8s.io/apiextensions-apiserver/pkg/apiserver/schema (structural.go, convert.go).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

_ABSENT: Final = object()


class Structural:
    """One place of an object.

    `additional`: the schema of a map's values; `has_additional` without one: any value, of which nothing is known.
    `has_default`: there is one, and it is not null. `schema`: the JSON it was made of.
    """

    __slots__ = (
        "additional", "default", "embedded", "has_additional", "has_default", "int_or_string", "items", "list_keys", "list_type",
        "map_type", "nullable", "preserve", "properties", "rules", "schema", "some_default", "some_embedded", "some_keyed", "some_rule",
        "type",
    )  # fmt: skip

    def __init__(self, schema: Mapping[str, Any]) -> None:
        self.schema = schema
        self.type: str = schema.get("type", "")
        self.properties = {name: Structural(sub) for name, sub in (schema.get("properties") or {}).items()}
        additional = schema.get("additionalProperties")
        self.additional = Structural(additional) if isinstance(additional, dict) else None
        self.has_additional = additional is not None
        items = schema.get("items")
        self.items = Structural(items) if isinstance(items, dict) else None
        default = schema.get("default", _ABSENT)
        self.has_default = default is not _ABSENT and default is not None
        self.default = default if self.has_default else None
        self.nullable = bool(schema.get("nullable"))
        self.preserve = bool(schema.get("x-kubernetes-preserve-unknown-fields"))
        self.embedded = bool(schema.get("x-kubernetes-embedded-resource"))
        self.int_or_string = bool(schema.get("x-kubernetes-int-or-string"))
        self.list_type: str = schema.get("x-kubernetes-list-type", "")
        self.list_keys = tuple(schema.get("x-kubernetes-list-map-keys") or ())
        self.map_type: str = schema.get("x-kubernetes-map-type", "")
        self.rules: tuple[Mapping[str, Any], ...] = tuple(schema.get("x-kubernetes-validations") or ())
        below: list[Structural] = list(self.children())
        self.some_default: bool = any(sub.has_default or sub.some_default for sub in below)
        self.some_embedded: bool = self.embedded or any(sub.some_embedded for sub in below)
        self.some_keyed: bool = self.list_type in ("set", "map") or any(sub.some_keyed for sub in below)
        self.some_rule: bool = bool(self.rules) or any(sub.some_rule for sub in below) or _rules_in_all_of(schema)

    def children(self) -> Iterator[Structural]:
        yield from self.properties.values()
        if self.additional is not None:
            yield self.additional
        if self.items is not None:
            yield self.items

    def child(self, name: str) -> Structural | None:
        """The schema of a field or of a map's value."""
        return self.properties.get(name, self.additional)

    def as_root(self) -> Structural:
        """The schema of a whole object: what it says about apiVersion, kind and metadata is not looked at."""
        if self.embedded:
            return self
        return Structural({**self.schema, "x-kubernetes-embedded-resource": True})


def _rules_in_all_of(schema: Mapping[str, Any]) -> bool:
    return any("x-kubernetes-validations" in str(part) for part in schema.get("allOf") or ())
