"""The views that most (sub)resources have: the object itself, and its status.

`registry.subresources` has the table of all views; those that show something else than the object (Scale), or do something else than write
it (Binding, Eviction, ...), are there and build on these.
"""

from __future__ import annotations

from wherry.api.errors import StatusError
from wherry.api.field import Errors
from wherry.api.objects import Obj
from wherry.api.options import Target
from wherry.api.resources import Resource
from wherry.registry.core import Core
from wherry.registry.results import Written
from wherry.registry.verbs import creates, field_managers, patches, reads, updates
from wherry.registry.verbs.write import Write
from wherry.registry.versions import bodies
from wherry.registry.versions.patched import as_version, stored_draft
from wherry.rules.objects.strategy import Strategy
from wherry.rules.schema.validation.given import gave_empty
from wherry.rules.schema.validation.write import status_errors, update_errors
from wherry.rules.writing.managed_fields import Reset
from wherry.store.protocol import Record

#: what no rule of a kind looks at when it is asked whether the generation rises
_BESIDE_SPEC = ("metadata", "status", "kind", "apiVersion")


class ObjectView:
    """The object as it is. `rules`: where a subresource writes the object under rules of its own."""

    def __init__(self, rules: Strategy | None = None) -> None:
        self._rules = rules

    async def read(self, core: Core, target: Target, resource_version: str = "") -> Record:
        return await reads.get(core, target, resource_version)

    async def create(self, write: Write) -> Written:
        if write.subresource:
            raise not_served(write.target)
        return await creates.create(write)

    async def update(self, write: Write) -> Written:
        return await updates.update(write)

    async def patch(self, write: Write) -> Written:
        return await patches.patch(write)

    def strategy(self, core: Core, row: Resource) -> Strategy:
        return self._rules or core.strategy_asked(row)

    def form(self, row: Resource) -> Resource:
        return row

    def reset(self, write: Write) -> Reset | None:
        return field_managers.reset_of(write.row, write.subresource)

    def shown(self, write: Write) -> Obj:
        return as_version(write.core, write.row, write.old or {})

    def live(self, write: Write) -> Obj:
        return self.shown(write)

    def merged(self, write: Write, sent: Obj) -> Obj:
        return stored_draft(write.core, write.target, sent)

    def track(self, write: Write) -> None:
        if write.applied is None:  # an apply's merge did it
            field_managers.track(write)

    def prepare(self, write: Write) -> None:
        draft, old = write.draft, write.old or {}
        write.strategy.prepare_update(draft, old)
        if not _counts_changes(write.strategy, old):
            return
        changed = any(draft.get(k) != old.get(k) for k in {*draft, *old} if k not in _BESIDE_SPEC)
        if changed or write.strategy.raises_generation(draft, old) or _gave_empty(write):
            draft["metadata"]["generation"] = old["metadata"].get("generation", 0) + 1

    def errors(self, write: Write) -> Errors:
        return update_errors(write.strategy, write.draft, write.old or {}, namespaced=write.resource.namespaced)

    async def answered(self, core: Core, row: Resource, record: Record) -> Record:
        return await reads.served(core, row, record)


class StatusView(ObjectView):
    """A write changes `.status` and, of metadata, what the kind's strategy lets it."""

    def prepare(self, write: Write) -> None:
        write.strategy.prepare_status(write.draft, write.old or {})

    def errors(self, write: Write) -> Errors:
        """What our own components write is right by construction; test mode makes sure of it."""
        if write.options.trusted and not write.core.test_mode:
            return []
        return status_errors(write.strategy, write.draft, write.old or {}, namespaced=write.resource.namespaced)


OBJECT, STATUS = ObjectView(), StatusView()


def _counts_changes(strategy: Strategy, old: Obj) -> bool:
    if strategy.counts_changes is None:
        return strategy.generation and "generation" in old["metadata"]
    return strategy.counts_changes


def _gave_empty(write: Write) -> bool:
    parts = write.strategy.tells_empty_from_none
    if not parts:
        return False
    given = bodies.given(write.body) or {}
    return any(gave_empty(given.get(part), write.draft.get(part)) for part in parts)


def not_served(target: Target) -> StatusError:
    what = f"{target.resource.group_resource}/{target.subresource}"
    return StatusError(f"wherry does not serve {what} yet", code=501, reason="NotImplemented")
