"""Rows of kinds without a printer of their own: built-in ones show when they were created, custom ones their age.

Called through `tables.row`. Source: k8s.io/apiserver/pkg/registry/rest/table.go,
k8s.io/apiextensions-apiserver pkg/registry/customresource/tableconvertor.
"""

from __future__ import annotations

from typing import Any

from wherry.api.objects import Obj
from wherry.rules.showing.tables.cells import name
from wherry.rules.showing.tables.column import META, NAME, Column, Doc, Printer
from wherry.rules.showing.tables.core import named


def _created(obj: Obj, now: float) -> list[Any]:
    return [name(obj), obj["metadata"].get("creationTimestamp", "")]


BUILT_IN = Printer((NAME, Column("Created At", "date", Doc(META, "creationTimestamp"))), _created)
CUSTOM = Printer((NAME, Column("Age", "date", Doc(META, "creationTimestamp"))), named)
