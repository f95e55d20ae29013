"""Delete, one or many: asks `rules.deletion` what happens, and does it."""

from __future__ import annotations

from wherry.api import errors
from wherry.api.errors import NotFound
from wherry.api.options import DeleteOptions, ListOptions, Target, User
from wherry.registry import custom_versions, storing
from wherry.registry.admission.chain import Request
from wherry.registry.core import Core, target_key
from wherry.registry.encode import transient
from wherry.registry.reads import list_, served
from wherry.registry.results import Deleted
from wherry.registry.subresources.views import strategy_of
from wherry.rules.deletion import check_options, judge
from wherry.store.protocol import CompareFailed, Record


async def delete(core: Core, target: Target, options: DeleteOptions, user: User) -> Deleted:
    """Raises NotFound, Conflict (a precondition), Invalid (options), Forbidden."""
    check_options(options)
    resource = core.table.storage(target.resource)
    strategy = strategy_of(core, target.resource)
    at = target_key(core, target)
    record = await core.store.get(at)
    while True:
        if record is None:
            raise errors.not_found(resource.group_resource, target.name)
        obj = (await served(core, resource, record)).object()
        asked = target.resource
        request = Request("DELETE", resource, "", target.namespace, target.name, obj, obj, user, options.dry_run, options, asked=asked)
        await core.admission.admit(request)
        await core.admission.validate(request)
        verdict = judge(obj, resource, strategy, options, core.now())
        if verdict.step == "pending" or (verdict.obj == obj and verdict.step == "mark"):
            return Deleted(await served(core, target.resource, record), False)
        draft = {**verdict.obj, "metadata": dict(verdict.obj["metadata"])}
        gone = verdict.step == "remove"
        if options.dry_run:
            return Deleted(await served(core, target.resource, transient(draft, record.revision, at)), gone)
        try:
            write = storing.remove if gone else storing.replace
            draft = await custom_versions.stored(core, resource, draft)
            written = await write(core.store, at, draft, record)
        except CompareFailed as error:
            record = error.current
            continue
        # an object that went without being marked is shown as it was
        shown = await served(core, target.resource, record if gone and strategy.grace is None else written)
        return Deleted(shown, gone, tuple(request.warnings))


async def delete_collection(core: Core, target: Target, options: DeleteOptions, selection: ListOptions, user: User) -> list[Record]:
    """Deletes what the selection finds, one by one; what went meanwhile is passed over. Returns what was found."""
    check_options(options)
    page = await list_(core, target, selection)
    for record in page.records:
        meta = record.object()["metadata"]
        one = Target(target.resource, meta.get("namespace", ""), meta["name"])
        try:
            await delete(core, one, options, user)
        except NotFound:
            continue
    return page.records
