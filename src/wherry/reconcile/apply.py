"""The one place that carries plans out.

Creates that follow each other go in batches of 1, 2, 4, ... so that a quota or a bad template costs few calls (the reference's slow
start); deletes go together; all else goes one by one. The first failure ends the plan. Every result is absorbed by the informers.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import NamedTuple

from wherry.api.errors import NotFound, StatusError
from wherry.api.objects import Obj, name, namespace
from wherry.api.options import DeleteOptions
from wherry.api.resources import TABLE, Resource, ResourceTable
from wherry.client.informer import Informers
from wherry.client.protocol import Client
from wherry.client.recorder import Recorder
from wherry.kit import eager
from wherry.rules.objects.plan import Action, Create, Delete, Emit, Patch, Plan, Update

SLOW_START = 1
LARGEST_BATCH = 512


class Applied(NamedTuple):
    """`results`: what the writes returned, in order (deletes and events give none); `error`: the failure that ended the plan.

    `done`: the actions that succeeded; `failed`: the one whose failure `error` is.
    """

    results: tuple[Obj, ...] = ()
    error: StatusError | None = None
    done: tuple[Action, ...] = ()
    failed: Action | None = None


class Applier:
    """Carries out plans of one component."""

    def __init__(self, client: Client, informers: Informers, recorder: Recorder, table: ResourceTable = TABLE) -> None:
        self.client = client
        self.informers = informers
        self.recorder = recorder
        self._table = table

    async def apply(self, plan: Plan) -> Applied:
        results: list[Obj] = []
        done: list[Action] = []
        for batch in _batches(plan.actions):
            if len(batch) == 1:
                outcomes: Sequence[Obj | BaseException | None] = [await self._caught(batch[0])]
            else:
                outcomes = await eager.gather([self._one(action) for action in batch])
            failure: tuple[StatusError, Action] | None = None
            for action, outcome in zip(batch, outcomes, strict=True):
                if isinstance(outcome, StatusError):
                    failure = failure or (outcome, action)
                elif isinstance(outcome, BaseException):
                    raise outcome
                else:
                    done.append(action)
                    if outcome is not None:
                        results.append(outcome)
            if failure is not None:
                return Applied(tuple(results), failure[0], tuple(done), failure[1])
        return Applied(tuple(results), None, tuple(done))

    async def _caught(self, action: Action) -> Obj | StatusError | None:
        try:
            return await self._one(action)
        except StatusError as error:
            return error

    async def _one(self, action: Action) -> Obj | None:
        match action:
            case Emit(about, type_, reason, message):
                self.recorder.event(about, type_, reason, message)
                return None
            case Create(obj):
                resource = resource_of(obj, self._table)
                written = await self.client.create(resource, namespace(obj), obj)
            case Update(obj, subresource):
                resource = resource_of(obj, self._table)
                written = await self.client.update(resource, obj, subresource=subresource)
            case Patch(target, patch, patch_type, subresource):
                resource = resource_of(target, self._table)
                written = await self.client.patch(resource, namespace(target), name(target), patch, patch_type, subresource=subresource)
            case Delete():
                await self._delete(action)
                return None
        if _went(written):
            self.informers.absorb_deleted(resource, written)
        else:
            self.informers.absorb(resource, written)
        return written

    async def _delete(self, action: Delete) -> None:
        target = action.target
        resource = resource_of(target, self._table)
        options = DeleteOptions(action.grace_period_seconds, action.propagation_policy, uid=target["metadata"].get("uid", ""))
        try:
            result = await self.client.delete(resource, namespace(target), name(target), options)
        except NotFound:
            self.informers.absorb_deleted(resource, target)
            return
        if _is_gone(result):
            self.informers.absorb_deleted(resource, target)
        else:
            self.informers.absorb(resource, result)


def raise_unless_gone(error: StatusError | None) -> None:
    """For the end of a reconciliation: an object that is gone needs nothing more; all else is tried again. Raises the error."""
    if error is not None and not isinstance(error, NotFound):
        raise error


def resource_of(obj: Obj, table: ResourceTable = TABLE) -> Resource:
    """The resource of an object. Raises KeyError for a kind that has none."""
    found = table.by_kind(obj["apiVersion"], obj["kind"])
    if found is None:
        raise KeyError(f"{obj['apiVersion']} {obj['kind']}")
    return found


def _went(written: Obj) -> bool:
    """The last finalizer was taken off by this write (a namespace has some in its spec too), so the object is no more."""
    return bool(written["metadata"].get("deletionTimestamp")) and _is_gone(written) and not (written.get("spec") or {}).get("finalizers")


def _is_gone(result: Obj) -> bool:
    if result.get("kind") == "Status":
        return True
    meta = result["metadata"]
    return not meta.get("deletionTimestamp") or (not meta.get("deletionGracePeriodSeconds") and not meta.get("finalizers"))


def _batches(actions: Sequence[Action]) -> Iterator[list[Action]]:
    for kind, group in groupby(actions, type):
        run = list(group)
        if kind is Create:
            size = SLOW_START
            while run:
                yield run[:size]
                run = run[size:]
                size = min(size * 2, LARGEST_BATCH)
        elif kind is Delete:
            for at in range(0, len(run), LARGEST_BATCH):
                yield run[at : at + LARGEST_BATCH]
        else:
            for action in run:
                yield [action]
