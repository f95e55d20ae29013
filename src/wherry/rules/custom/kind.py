"""A version of a custom kind: everything that its CustomResourceDefinition says about it, compiled.

Made by the registry when a definition changes, and held by the rows of its resource table (`Resource.custom`). Turns one entry of
`spec.versions` into a strategy, a node, a table and an OpenAPI schema, each when it is first asked for. Invariant: a CustomKind never
changes; a changed definition makes new ones.
Source: k8s.io/apiextensions-apiserver/pkg/apiserver/customresource_handler.go (getOrCreateServingInfoFor).
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

import msgspec

from wherry.api.objects import Obj
from wherry.api.resources import Resource, version_order
from wherry.api.schema import Node
from wherry.rules.custom.conditions import is_true
from wherry.rules.custom.structural import Structural
from wherry.rules.objects.scaling import paths as scale_paths
from wherry.rules.objects.scaling.paths import ScalePaths
from wherry.rules.objects.strategy import Strategy
from wherry.rules.showing.tables.column import Printer
from wherry.rules.writing.managed_fields import SPEC_AND_METADATA, STATUS, Reset
from wherry.rules.writing.managed_fields.reset import NOTHING


class CustomKind:
    """`definition`: the CustomResourceDefinition, shared. `version`: the entry of spec.versions."""

    def __init__(self, definition: Obj, version: Obj) -> None:
        self.definition = definition
        self.version = version
        spec = definition["spec"]
        self.api_version = f"{spec['group']}/{version['name']}"
        self.kind: str = spec["names"]["kind"]
        self.namespaced = spec["scope"] == "Namespaced"
        self.terminating = is_true(definition, "Terminating")
        self.storage_version: str = next(v["name"] for v in spec["versions"] if v.get("storage"))
        self.conversion: Obj = spec.get("conversion") or {"strategy": "None"}
        subresources = version.get("subresources") or {}
        self.has_status = subresources.get("status") is not None
        scale = subresources.get("scale")
        self.scale: ScalePaths | None = scale_paths.of(scale) if scale else None

    @property
    def asks_webhook(self) -> bool:
        """Its versions are made of each other by a webhook."""
        return bool(self.conversion.get("strategy") == "Webhook")

    @property
    def schema(self) -> Obj:
        """The OpenAPI v3 schema as the definition has it."""
        found: Obj = (self.version.get("schema") or {}).get("openAPIV3Schema") or {}
        return found

    @property
    def is_compiled(self) -> bool:
        """What a write needs of it was asked for before."""
        return "structural" in self.__dict__

    @cached_property
    def has_rules(self) -> bool:
        """Whether its objects are looked at by expressions."""
        return b'"x-kubernetes-validations":' in msgspec.json.encode(self.schema)

    @cached_property
    def structural(self) -> Structural:
        return Structural(self.schema).as_root()

    @cached_property
    def node(self) -> Node:
        from wherry.rules.custom import nodes

        return nodes.root(self.structural)

    @cached_property
    def strategy(self) -> Strategy:
        from wherry.rules.custom.strategy import strategy_of

        return strategy_of(self)

    @cached_property
    def printer(self) -> Printer:
        from wherry.rules.custom.printer import printer

        return printer(self.version.get("additionalPrinterColumns") or ())

    @cached_property
    def openapi(self) -> bytes:
        fields = [{"fieldPath": each["jsonPath"].removeprefix(".")} for each in self.version.get("selectableFields") or ()]
        return msgspec.json.encode({**self.schema, "x-kubernetes-selectable-fields": fields} if fields else self.schema)

    @cached_property
    def warnings(self) -> tuple[str, ...]:
        """What every request for this version is answered with."""
        if not self.version.get("deprecated"):
            return ()
        if (own := self.version.get("deprecationWarning")) is not None:
            return (own,)
        spec, name = self.definition["spec"], self.version["name"]
        better = [v["name"] for v in spec["versions"] if v.get("served") and not v.get("deprecated")]
        better = [v for v in sorted(better, key=version_order) if version_order(v) < version_order(name)]
        text = f"{self.api_version} {self.kind} is deprecated"
        return (f"{text}; use {spec['group']}/{better[0]} {self.kind}" if better else text,)

    def reset(self, subresource: str) -> Reset:
        """What a write does not own."""
        if subresource == "status":
            return SPEC_AND_METADATA
        return STATUS if self.has_status else NOTHING


def rows(definition: Obj) -> list[Resource]:
    """The rows that a definition adds to the resource table: its served versions, once its names are established."""
    if not is_true(definition, "Established"):
        return []
    spec, names = definition["spec"], definition["status"]["acceptedNames"]
    return [_row(definition, spec, names, version) for version in spec["versions"] if version.get("served")]


def _row(definition: Obj, spec: Obj, names: Obj, version: Obj) -> Resource:
    kind = CustomKind(definition, version)
    found: dict[str, Any] = {"status": kind.has_status, "scale": kind.scale is not None}
    return Resource(
        spec["group"], version["name"], names["kind"], names["plural"],
        singular=names.get("singular", ""),
        namespaced=kind.namespaced,
        short_names=tuple(names.get("shortNames") or ()),
        categories=tuple(names.get("categories") or ()),
        subresources=tuple(name for name, there in found.items() if there),
        schema=f"{'.'.join(reversed(spec['group'].split('.')))}.{version['name']}.{names['kind']}",
        list_kind=names.get("listKind", ""),
        custom=kind,
    )  # fmt: skip


def of(row: Resource) -> CustomKind | None:
    """The custom kind behind a row, None for a built-in one."""
    return row.custom if isinstance(row.custom, CustomKind) else None
