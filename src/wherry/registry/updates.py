"""Update: from a body, or a function of the current object, to the next version.

Every change of an object that exists goes through `change`: compare, prepare, admit, validate, store, and once more when somebody else
was quicker (k8s.io/apiserver registry/rest/update.go, generic/registry/store.go).
"""

from __future__ import annotations

from collections.abc import Callable

from wherry.api import errors
from wherry.api.errors import StatusError
from wherry.api.objects import Obj
from wherry.api.options import Target, User, WriteOptions
from wherry.api.resources import Resource
from wherry.registry import bodies, custom_versions, hooks, managers, storing
from wherry.registry.admission.chain import Request
from wherry.registry.core import Core, key
from wherry.registry.creates import create_draft
from wherry.registry.encode import transient
from wherry.registry.managers import Track
from wherry.registry.reads import served
from wherry.registry.results import Body, Written
from wherry.registry.subresources.views import strategy_of
from wherry.rules.deletion import ends_with_update
from wherry.rules.kinds.core import finalize_namespace
from wherry.rules.kinds.times import STAMPS
from wherry.rules.managed_fields import keep_times
from wherry.rules.strategy import Strategy
from wherry.rules.validation.write import status_errors, update_errors
from wherry.store.protocol import CompareFailed, Record

#: (current object in the stored version, shared) -> (private draft, warnings)
Change = Callable[[Obj], tuple[Obj, list[str]]]
#: where the reference keeps what is not kept under its plural; this shows in one message
_PREFIXES = {
    "replicationcontrollers": "controllers", "endpoints": "services/endpoints", "services": "services/specs", "nodes": "minions",
    "ingresses": "ingress",
}  # fmt: skip
_GROUPED = ("apiextensions.k8s.io", "apiregistration.k8s.io")
_FROM_OLD = ("creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds", "generation", "selfLink")


async def update(core: Core, target: Target, body: Body, options: WriteOptions, user: User) -> Written:
    """Raises BadRequest, NotFound, Conflict, Invalid, Forbidden."""
    draft, warnings = bodies.draft(core, target.resource, body, options)
    bodies.check_name(draft, target)
    resource = core.table.storage(target.resource)
    strategy = core.strategy(resource)
    current = await core.store.get(key(resource, target.namespace, target.name))
    if current is None:
        if strategy.create_on_update and not target.subresource:
            if uid := draft["metadata"].get("uid"):
                raise _other_uid(resource, target.namespace, target.name, uid, "")
            draft["metadata"].pop("resourceVersion", None)  # nothing is there to compare it with
            return await create_draft(core, target, draft, options, user, warnings)
        raise errors.not_found(resource.group_resource, target.name)
    fresh = True

    def replace(old: Obj) -> tuple[Obj, list[str]]:
        nonlocal fresh
        if fresh:
            fresh = False
            return draft, warnings
        again, _ = bodies.draft(core, target.resource, body, options)
        bodies.check_name(again, target)
        return again, warnings

    return await change(core, target, replace, options, user, current)


async def change(
    core: Core,
    target: Target,
    make: Change,
    options: WriteOptions,
    user: User,
    current: Record | None = None,
    track: Track = managers.by_update,
) -> Written:
    """Apply `make` to the current object until it is stored. A draft with a resourceVersion must meet that version.

    Raises what `make` raises, NotFound, Conflict, Invalid, Forbidden.
    """
    resource = core.table.storage(target.resource)
    at = key(resource, target.namespace, target.name)
    if current is None:
        current = await core.store.get(at)
    while True:
        if current is None:
            raise errors.not_found(resource.group_resource, target.name)
        old = (await served(core, resource, current)).object()
        draft, warnings = make(old)
        async with hooks.guard(core, resource):
            draft, more = await prepare(core, target, draft, old, options, user, track)
            if draft is old:
                if custom_versions.is_stored_right(resource, current):
                    return Written(await served(core, target.resource, current), False, (*warnings, *more))
                draft = {**old, "metadata": dict(old["metadata"])}
            try:
                record = await _store(core, resource, at, draft, old, current, options)
            except CompareFailed as error:
                current = error.current
                continue
        return Written(await served(core, target.resource, record), False, (*warnings, *more))


async def prepare(
    core: Core, target: Target, draft: Obj, old: Obj, options: WriteOptions, user: User, track: Track
) -> tuple[Obj, list[str]]:
    """The draft as it would be stored, or `old` itself when nothing changes; and warnings."""
    resource = core.table.storage(target.resource)
    strategy = strategy_of(core, target.resource, target.subresource)
    meta, was = draft["metadata"], old["metadata"]
    _check_version(resource, strategy, meta, was)
    track(core, target.resource, old, draft, options, target.subresource)
    request = Request(
        "UPDATE", resource, target.subresource, target.namespace, target.name, draft, old, user, options.dry_run, options,
        asked=target.resource,
    )  # fmt: skip
    await core.admission.admit(request)
    for name in _FROM_OLD:
        if name in was:
            meta[name] = was[name]
        else:
            meta.pop(name, None)
    meta.setdefault("uid", was["uid"])
    if target.subresource == "status":
        strategy.prepare_status(draft, old)
    elif target.subresource == "finalize":
        finalize_namespace(draft, old)
    else:
        await hooks.give(core, resource, draft, old)
        strategy.prepare_update(draft, old)
    if (stamp := STAMPS.get(resource.group_kind)) is not None:
        stamp(draft, old, core.timestamp())
    if target.subresource != "status":
        _raise_generation(strategy, draft, old)
    warnings = [] if target.subresource else strategy.warnings(draft, old)
    # the statuses our own components write are right by construction; test mode makes sure of it
    if core.test_mode or not (options.trusted and target.subresource == "status"):
        _validate(resource, strategy, draft, old, target.subresource)
    strategy.canonicalize(draft)
    await core.admission.validate(request)
    draft = keep_times(old, draft)
    return (old if draft == old else draft), [*warnings, *request.warnings]


def _check_version(resource: Resource, strategy: Strategy, meta: Obj, was: Obj) -> None:
    """uid and resourceVersion of the draft are preconditions."""
    version = meta.get("resourceVersion", "")
    name = was["name"]
    if not version or version == "0":
        if not strategy.unconditional_update:
            raise errors.invalid(
                resource.group_resource,  # the reference names the resource where its kind belongs
                name,
                [errors.Cause("FieldValueInvalid", "Invalid value: 0: must be specified for an update", "metadata.resourceVersion")],
            )
    elif not (version.isascii() and version.isdigit()):
        raise StatusError(f'strconv.ParseUint: parsing "{version}": invalid syntax', code=500)
    uid = meta.get("uid", "")
    if uid and uid != was["uid"]:
        raise _other_uid(resource, was.get("namespace", ""), name, uid, was["uid"])
    if version and version != "0" and version != was["resourceVersion"]:
        raise errors.conflict(resource.group_resource, name, errors.MODIFIED)
    meta["resourceVersion"] = was["resourceVersion"]


def _other_uid(resource: Resource, namespace: str, name: str, wanted: str, uid: str) -> StatusError:
    grouped = resource.custom is not None or resource.group in _GROUPED
    at = f"{resource.group}/{resource.plural}" if grouped else _PREFIXES.get(resource.plural, resource.plural)
    at = "/".join(x for x in ("/registry", at, namespace, name) if x)
    why = (
        f"StorageError: invalid object, Code: 4, Key: {at}, ResourceVersion: 0, AdditionalErrorMsg: Precondition failed: "
        f"UID in precondition: {wanted}, UID in object meta: {uid}"
    )
    return errors.conflict(resource.group_resource, name, why)


def _raise_generation(strategy: Strategy, draft: Obj, old: Obj) -> None:
    counted = strategy.generation and "generation" in old["metadata"] if strategy.counts_changes is None else strategy.counts_changes
    if not counted:
        return
    skip = ("metadata", "status", "kind", "apiVersion")
    changed = any(draft.get(k) != old.get(k) for k in {*draft, *old} if k not in skip)
    if changed or strategy.raises_generation(draft, old):
        draft["metadata"]["generation"] = old["metadata"].get("generation", 0) + 1


def _validate(resource: Resource, strategy: Strategy, draft: Obj, old: Obj, subresource: str) -> None:
    if subresource == "status":
        found = status_errors(strategy, draft, old, namespaced=resource.namespaced)
    else:
        found = update_errors(strategy, draft, old, namespaced=resource.namespaced)
    if found:
        raise errors.invalid(resource.group_kind, old["metadata"]["name"], found)


async def _store(core: Core, resource: Resource, at: str, draft: Obj, old: Obj, current: Record, options: WriteOptions) -> Record:
    if ends_with_update(draft, old, core.strategy(resource)):
        final = transient({**draft, "metadata": dict(draft["metadata"])}, current.revision, at)
        if not options.dry_run:
            await storing.remove(core.store, at, draft, current)
        return final
    if options.dry_run:
        return transient(draft, current.revision, at)
    draft = await custom_versions.stored(core, resource, draft)
    return await storing.replace(core.store, at, draft, current)
