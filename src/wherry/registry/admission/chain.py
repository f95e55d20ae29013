"""The admission chain: plug-ins in order, each asked only for the operations it handles.

Called by the registry's creates, updates and deletes. A plug-in may change `request.draft` in place, or raise a StatusError to refuse.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from wherry.api.objects import Obj
from wherry.api.options import User
from wherry.api.resources import Resource

Operation = Literal["CREATE", "UPDATE", "DELETE", "CONNECT"]


@dataclass(slots=True)
class Request:
    """One write. `draft` is private and may be changed (on DELETE it is the object about to go and must not be)."""

    operation: Operation
    resource: Resource
    subresource: str
    namespace: str
    name: str
    draft: Obj
    old: Obj | None
    user: User
    dry_run: bool


class Plugin(Protocol):
    def handles(self, operation: Operation, resource: Resource, subresource: str) -> bool: ...

    async def admit(self, request: Request) -> None:
        """Raises StatusError to refuse."""
        ...


class Chain:
    """Plug-ins in order; which of them handle a kind of request is worked out once."""

    def __init__(self, plugins: Sequence[Plugin] = ()) -> None:
        self._plugins = tuple(plugins)
        self._cache: dict[tuple[str, str, str, str], tuple[Plugin, ...]] = {}

    async def admit(self, request: Request) -> None:
        at = (request.operation, request.resource.group, request.resource.plural, request.subresource)
        plugins = self._cache.get(at)
        if plugins is None:
            plugins = self._cache[at] = tuple(
                p for p in self._plugins if p.handles(request.operation, request.resource, request.subresource)
            )
        for plugin in plugins:
            await plugin.admit(request)
