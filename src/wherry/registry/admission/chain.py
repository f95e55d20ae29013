"""The admission chain: plug-ins in order, each asked only for the operations it handles.

Called by the registry's creates, updates and deletes, twice: `admit` before an object is prepared and validated, when plug-ins may change
`request.draft` in place; `validate` after that, right before it is stored, when they may only look. Either refuses with a StatusError.
Source of the two rounds: k8s.io/apiserver/pkg/admission (MutationInterface, ValidationInterface, chain.go).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar, runtime_checkable

from wherry.api.errors import StatusError
from wherry.api.resources import Resource
from wherry.registry.core import Core
from wherry.registry.request import AUDITED, Operation, Request
from wherry.store.protocol import Record


@runtime_checkable
class Mutating(Protocol):
    def handles(self, operation: Operation, resource: Resource, subresource: str) -> bool: ...

    async def admit(self, request: Request) -> None:
        """Raises StatusError to refuse."""
        ...


@runtime_checkable
class Validating(Protocol):
    def handles(self, operation: Operation, resource: Resource, subresource: str) -> bool: ...

    async def validate(self, request: Request) -> None:
        """Raises StatusError to refuse."""
        ...


@runtime_checkable
class Distinguishing(Protocol):
    async def each(self, resource: Resource, namespace: str) -> bool:
        """Whether the plug-in must now see every new object there, even one that is made like another (pods of one template)."""
        ...


@runtime_checkable
class Dormant(Protocol):
    #: store tables; while one of them is empty the plug-in has nothing to do, and is not asked
    tables: tuple[str, ...]


@runtime_checkable
class Writing(Protocol):
    def bind(self, core: Core) -> None:
        """Called once, when the registry is built: the plug-in writes through it."""
        ...


Plugin = Mutating | Validating
P = TypeVar("P", bound=Plugin)
#: a custom kind may come back with another scope
_At = tuple[str, str, str, str, bool]


def _annotate(request: Request) -> None:
    if request.audit and (annotations := AUDITED.get()) is not None:
        annotations.update(request.audit)


class Chain:
    """Plug-ins in order; which of them handle a kind of request is worked out once."""

    def __init__(self, plugins: Sequence[Plugin] = ()) -> None:
        self._plugins = tuple(plugins)
        # asking a protocol takes longer than most plug-ins take: once, not for every kind
        self._mutators = tuple(p for p in self._plugins if isinstance(p, Mutating))
        self._validators = tuple(p for p in self._plugins if isinstance(p, Validating))
        self._dormant = {id(p): p.tables for p in self._plugins if isinstance(p, Dormant)}
        self._distinguishing = tuple(p for p in self._plugins if isinstance(p, Distinguishing))
        self._tables = frozenset(table for p in self._plugins if isinstance(p, Dormant) for table in p.tables)
        self._size: Callable[[str], int] | None = None
        self._stale = False
        self._mutating: dict[_At, tuple[Mutating, ...]] = {}
        self._validating: dict[_At, tuple[Validating, ...]] = {}
        self._each = self._distinguishing

    def bind(self, core: Core) -> None:
        self._size, self._stale = core.store.size, True
        for table in self._tables:
            core.store.follow(table, self._table_changed)
        for plugin in self._plugins:
            if isinstance(plugin, Writing):
                plugin.bind(core)

    def _table_changed(self, record: Record) -> None:
        """A plug-in may have got something to do, or have nothing to do any more."""
        self._stale = True

    def _wake(self) -> None:
        self._stale = False
        self._mutating.clear()
        self._validating.clear()
        self._each = tuple(p for p in self._distinguishing if self._is_awake(p))

    @property
    def quiet(self) -> bool:
        """No limits, quotas, policies or webhooks are configured: only the plug-ins that are always there have something to say."""
        if self._stale:
            self._wake()
        return not self._each

    def _is_awake(self, plugin: object) -> bool:
        size = self._size
        return size is None or all(size(table) for table in self._dormant.get(id(plugin), ()))

    def _chosen(self, request: Request, plugins: tuple[P, ...], kept: dict[_At, tuple[P, ...]]) -> tuple[P, ...]:
        """Those that are awake and handle such a request, worked out once for each kind of request."""
        if self._stale:
            self._wake()
        row = request.resource
        at = (request.operation, row.group, row.plural, request.subresource, row.namespaced)
        chosen = kept.get(at)
        if chosen is None:
            chosen = kept[at] = tuple(
                p for p in plugins if self._is_awake(p) and p.handles(request.operation, request.resource, request.subresource)
            )
        return chosen

    async def admit(self, request: Request) -> None:
        """The first round. Raises StatusError."""
        plugins = self._chosen(request, self._mutators, self._mutating)
        try:
            for plugin in plugins:
                await plugin.admit(request)
            if request.reinvoke:
                request.round = 1
                for plugin in plugins:
                    await plugin.admit(request)
        except StatusError as error:
            error.warnings = tuple(request.warnings)
            raise
        finally:
            _annotate(request)

    async def validate(self, request: Request) -> None:
        """The second round. Raises StatusError."""
        plugins = self._chosen(request, self._validators, self._validating)
        try:
            for plugin in plugins:
                await plugin.validate(request)
        except StatusError as error:
            error.warnings = tuple(request.warnings)
            raise
        finally:
            _annotate(request)

    async def each(self, resource: Resource, namespace: str) -> bool:
        """Whether some plug-in must see every new object there; else what became of one holds for those made like it."""
        if self._stale:
            self._wake()
        for plugin in self._each:
            if await plugin.each(resource, namespace):
                return True
        return False
