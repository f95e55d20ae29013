"""What a table is made of: columns with their descriptions, and for each kind a function from an object to its cells.

Used by the modules of this package, one per area of the API. A column's description is written out where the reference does so,
else it is the API documentation of a field (`doc`), looked up in the official schemas when columns are first asked for.
Source: pkg/printers/internalversion/printers.go, metav1.TableColumnDefinition.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from wherry.api import schema_data
from wherry.api.objects import Obj

META = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"

#: (object, seconds since the epoch) -> cells, one per column
Cells = Callable[[Obj, float], list[Any]]


class Doc(NamedTuple):
    """The documentation of a field: definition's name and field."""

    definition: str
    field: str

    def text(self) -> str:
        properties = schema_data.definition(self.definition).get("properties", {})
        text: str = properties.get(self.field, {}).get("description", "")
        return text


class Column(NamedTuple):
    """`priority` 1: only shown when wide."""

    name: str
    type: str
    description: str | Doc = ""
    format: str = ""
    priority: int = 0

    def definition(self) -> Obj:
        text = self.description if isinstance(self.description, str) else self.description.text()
        return {"name": self.name, "type": self.type, "format": self.format, "description": text, "priority": self.priority}


class Printer(NamedTuple):
    """How the objects of a kind become rows."""

    columns: tuple[Column, ...]
    cells: Cells
    #: the conditions of an object's row
    conditions: Callable[[Obj], list[Obj]] | None = None
    #: what the rows are sorted by; None: as they come
    order: Callable[[Obj], Any] | None = None


def doc(type_: str, field: str) -> Doc:
    """`type_` is `group.version.Type` below `io.k8s.api`."""
    return Doc(f"io.k8s.api.{type_}", field)


def text(name: str, description: str | Doc) -> Column:
    return Column(name, "string", description)


def integer(name: str, description: str | Doc) -> Column:
    return Column(name, "integer", description)


def boolean(name: str, description: str | Doc) -> Column:
    return Column(name, "boolean", description)


def wide(name: str, description: str | Doc) -> Column:
    return Column(name, "string", description, "", 1)


NAME = Column("Name", "string", Doc(META, "name"), "name")
AGE = text("Age", Doc(META, "creationTimestamp"))
CONTAINERS = wide("Containers", "Names of each container in the template.")
IMAGES = wide("Images", "Images referenced by each container in the template.")
