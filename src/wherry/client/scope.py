"""What an informer follows: a resource, of one namespace or all, narrowed by selectors.

Made by `Informers.of`; two callers with equal scopes share an informer. The server chooses what belongs to a scope; `selects` answers the
same for an object that a write of the informer's owner returned, so that it is taken in only where it belongs.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from wherry.api.objects import Obj, labels, namespace
from wherry.api.resources import Resource
from wherry.rules.objects import field_selectors, selectors


class Scope(NamedTuple):
    """`namespace`: "" for all; the selectors as in a list's query, "" for none."""

    resource: Resource
    namespace: str = ""
    label_selector: str = ""
    field_selector: str = ""

    @property
    def whole(self) -> bool:
        """All objects of the resource."""
        return not (self.namespace or self.label_selector or self.field_selector)

    def __str__(self) -> str:
        narrowed = [part for part in (self.namespace, self.label_selector, self.field_selector) if part]
        return f"{self.resource.group_resource}[{' '.join(narrowed)}]" if narrowed else self.resource.group_resource

    def selects(self, obj: Obj) -> bool:
        """Whether the object belongs to it. A field that is absent is the empty text, as in the server's selection of fields."""
        if self.namespace and namespace(obj) != self.namespace:
            return False
        if self.label_selector and not selectors.parse(self.label_selector).matches(labels(obj)):
            return False
        return not self.field_selector or field_selectors.parse(self.field_selector).matches(lambda path: _text(obj, path))


def _text(obj: Obj, path: str) -> str:
    """The text at a dotted path, as `spec.nodeName`."""
    value: Any = obj
    for step in path.split("."):
        value = value.get(step) if isinstance(value, dict) else None
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None else str(value)
