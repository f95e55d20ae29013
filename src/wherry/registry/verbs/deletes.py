"""Delete, one or many: asks `rules.deletion` what happens, then admission, and does it.

Source of the order: k8s.io/apiserver/pkg/registry/generic/registry/store.go (Delete): preconditions first, nothing at all for what is going
already, and admission is asked right before the store changes.
"""

from __future__ import annotations

from wherry.api.errors import NotFound
from wherry.api.options import ListOptions, Target
from wherry.registry import storing
from wherry.registry.core import target_key
from wherry.registry.encode import transient
from wherry.registry.results import Deleted
from wherry.registry.verbs.pipeline import DELETE, run
from wherry.registry.verbs.reads import list_, served
from wherry.registry.verbs.write import Stage, Write
from wherry.registry.versions import custom_versions
from wherry.rules.objects.deletion import Verdict, check_options, judge
from wherry.store.protocol import CompareFailed, Record


async def delete(write: Write, stages: tuple[Stage, ...] = DELETE) -> Deleted:
    """`write.options` are DeleteOptions. Raises NotFound, Conflict (a precondition), Invalid (options), Forbidden.

    Without `stages` nobody is asked: who evicts a pod was asked about the eviction.
    """
    check_options(write.options)
    core = write.core
    current = await core.store.get(target_key(core, write.target))
    while True:
        if current is None:
            raise write.not_found()
        old = (await served(core, write.resource, current)).object()
        verdict = judge(old, write.resource, write.strategy, write.options, core.now())
        unchanged = verdict.step == "pending" or (verdict.step == "mark" and verdict.obj == old)
        if not unchanged or (verdict.step == "mark" and not write.strategy.holds(old)):
            # what has its grace period, or waits for its content, is going whoever asks: admission is not
            write.begin("DELETE", current, old)
            write.draft = old
            await run(write, stages)
        if unchanged:
            return Deleted(await served(core, write.row, current), False, tuple(write.warnings))
        try:
            record = await _carry_out(write, current, verdict)
        except CompareFailed as error:
            current = error.current
            continue
        return Deleted(await served(core, write.row, record), verdict.step == "remove", tuple(write.warnings))


async def _carry_out(write: Write, current: Record, verdict: Verdict) -> Record:
    """The object as the client is shown it."""
    core, store = write.core, write.core.store
    draft = {**verdict.obj, "metadata": dict(verdict.obj["metadata"])}
    if write.dry_run:
        return transient(draft, current.revision, current.key)
    if verdict.step == "mark":
        if write.resource.custom is not None:
            draft = await custom_versions.stored(core, write.resource, draft)
        return await storing.replace(store, current.key, draft, current)
    if write.strategy.grace is not None:
        return await storing.remove(store, current.key, current, draft)
    # an object that goes without being marked is shown as it was, by watches too
    await storing.remove(store, current.key, current)
    return current


async def delete_collection(write: Write, selection: ListOptions) -> list[Record]:
    """Deletes what the selection finds, one by one; what went meanwhile is passed over. Returns what was found."""
    check_options(write.options)
    page = await list_(write.core, write.target, selection)
    for record in page.records:
        meta = record.object()["metadata"]
        one = Target(write.row, meta.get("namespace", ""), meta["name"])
        try:
            await delete(Write(write.core, one, write.view, write.options, write.user))
        except NotFound:
            continue
    return page.records
