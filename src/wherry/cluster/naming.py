"""Names of objects as people write them: "deployment/web", "pods/web-1", "certificates.example.com/mine", to the resource they mean.

Used by the verbs of a cluster. Custom kinds are found as soon as they are served.
"""

from __future__ import annotations

from wherry.api.resources import Resource, ResourceTable


def find(table: ResourceTable, text: str) -> tuple[Resource, str]:
    """The resource and the name ("" for all of the kind). Raises ValueError."""
    word, _, name = text.partition("/")
    kind, _, rest = word.lower().partition(".")
    for row in table:
        if kind in (row.plural, row.singular, row.kind.lower(), *row.short_names) and rest in (
            "",
            row.group,
            f"{row.version}.{row.group}".rstrip("."),
        ):
            return row, name
    raise ValueError(f"{text!r} names no object: no resource is called {word!r}")
