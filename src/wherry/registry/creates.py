"""Create: from a body to a stored object.

The order is the reference's (k8s.io/apiserver handlers/create.go, registry/rest/create.go): decode, default, field managers, admission,
system metadata, preparation, validation, store.
"""

from __future__ import annotations

from dataclasses import replace

from wherry.api import errors
from wherry.api.errors import AlreadyExists, StatusError
from wherry.api.objects import Obj, is_deleting
from wherry.api.options import Target, User, WriteOptions
from wherry.api.resources import Resource
from wherry.registry import bodies, custom_versions, hooks, managers, storing, trusted
from wherry.registry.admission.chain import Request
from wherry.registry.core import MAX_GENERATED_PREFIX, Core, key
from wherry.registry.encode import transient
from wherry.registry.event_writes import managed_fields, owned_fields
from wherry.registry.managers import Track
from wherry.registry.reads import served
from wherry.registry.results import Body, RawBody, Written
from wherry.rules.kinds.times import STAMPS
from wherry.rules.strategy import Strategy
from wherry.rules.validation.metadata import validate_metadata
from wherry.rules.validation.write import create_errors
from wherry.store.protocol import CompareFailed, Record

#: how often a generated name that is taken is made anew (KEP-4420)
NAME_TRIES = 8


async def create(core: Core, target: Target, body: Body, options: WriteOptions, user: User) -> Written:
    """Raises BadRequest, Invalid, AlreadyExists, Forbidden, NotFound (namespace)."""
    if options.trusted and not isinstance(body, RawBody):
        if target.resource.group_resource == "pods":
            return await _create_pod(core, target, body, options, user)
        if target.resource.group_resource == "events":
            return await _create_event(core, target, body, options, user)
    for last in range(NAME_TRIES - 1, -1, -1):
        draft, warnings = bodies.draft(core, target.resource, body, options)
        generated = "name" not in draft.get("metadata", {}) and bool(draft["metadata"].get("generateName"))
        try:
            return await create_draft(core, target, draft, options, user, warnings)
        except AlreadyExists:
            if not (generated and last):
                raise
    raise AssertionError("no try left")


async def _create_pod(core: Core, target: Target, pod: Obj, options: WriteOptions, user: User) -> Written:
    """A pod of one of our controllers: what its spec becomes is worked out once per template (see `pod_specs`)."""
    seen = core.pod_specs.key(target.namespace, options.manager, pod)
    made = core.pod_specs.get(seen)
    each = await core.admission.each(target.resource, target.namespace)
    if made is None or each:
        draft, warnings = bodies.draft(core, target.resource, pod, replace(options, trusted=False))
        written = await create_draft(core, target, draft, options, user, warnings)
        if not each:
            core.pod_specs.put(seen, written.record.object())
        return written
    status = {"phase": "Pending", "qosClass": made.qos_class}
    draft = {"kind": "Pod", "apiVersion": "v1", "metadata": dict(pod["metadata"]), "spec": made.spec, "status": status}
    if core.test_mode:
        await _check_alike(core, target, pod, draft, options, user, made.fields)
    return await _create_alike(core, target, draft, options, made.fields)


async def _create_event(core: Core, target: Target, event: Obj, options: WriteOptions, user: User) -> Written:
    """An event of one of our recorders, which builds them all alike (see `event_writes`)."""
    if await core.admission.each(target.resource, target.namespace):
        draft, warnings = bodies.draft(core, target.resource, event, replace(options, trusted=False))
        return await create_draft(core, target, draft, options, user, warnings)
    name, now = event["metadata"]["name"], core.timestamp()
    if target.namespace not in core.events:
        await core.admission.admit(Request("CREATE", target.resource, "", target.namespace, name, event, None, user, False))
        core.events.add(target.namespace)
    if core.test_mode:
        await _check_alike(core, target, event, event, options, user, owned_fields(event))
    # its name is an object's and a number, its metadata nothing else: there is nothing to refuse
    meta = {"name": name, "namespace": target.namespace, "uid": core.new_uid(), "creationTimestamp": now}
    draft = {**event, "metadata": {**meta, "managedFields": managed_fields(event, options.manager, now)}}
    try:
        return Written(await _store(core, target.resource, draft, options), True)
    except CompareFailed as error:
        raise _exists(target.resource, draft, error.current) from error


async def _check_alike(core: Core, target: Target, body: Obj, draft: Obj, options: WriteOptions, user: User, fields: Obj) -> None:
    """Test mode: the short way must make what the long way makes, all but the name, uid and times that each create draws anew."""
    long = replace(options, trusted=False, dry_run=True)
    again, warnings = bodies.draft(core, target.resource, trusted.copy(body), long)
    slow = (await create_draft(core, target, again, long, user, warnings)).record.object()
    drawn = ("name", "uid", "generation", "creationTimestamp", "managedFields", "namespace", "resourceVersion")
    trusted.must_equal(core, draft, slow, options.manager, without=drawn)
    trusted.must_own(core, draft, fields, slow)


async def _create_alike(core: Core, target: Target, draft: Obj, options: WriteOptions, fields: Obj) -> Written:
    """Only what differs between objects of one make is looked at: their metadata. `fields`: what their maker owns."""
    resource = target.resource
    bodies.check_name(draft, target)
    strategy = core.strategy(resource)
    _system_metadata(core, draft, strategy)
    if found := validate_metadata(draft, namespaced=True, name_rule=strategy.name_rule):
        raise errors.invalid(resource.group_kind, draft["metadata"].get("name", ""), found)
    draft["metadata"]["managedFields"] = [core.pod_specs.owner(options.manager, core.timestamp(), fields)]
    try:
        record = await _store(core, resource, draft, options)
    except CompareFailed as error:
        raise _exists(resource, draft, error.current) from error
    return Written(record, True)


async def create_draft(
    core: Core, target: Target, draft: Obj, options: WriteOptions, user: User, warnings: list[str], track: Track = managers.by_update
) -> Written:
    """The rest of a create, from a draft in the stored version on."""
    resource = core.table.storage(target.resource)
    strategy = core.strategy_asked(target.resource)
    bodies.check_name(draft, target)
    if resource.custom is not None and resource.custom.terminating:
        why = "create not allowed while custom resource definition is terminating"
        raise errors.forbidden(resource.group_resource, draft["metadata"].get("name", ""), why)
    if draft["metadata"].get("resourceVersion"):
        raise StatusError("resourceVersion should not be set on objects to be created", code=500)
    track(core, target.resource, None, draft, options, "")
    name = draft["metadata"].get("name", "")
    request = Request("CREATE", resource, "", target.namespace, name, draft, None, user, options.dry_run, options, asked=target.resource)
    await core.admission.admit(request)
    _system_metadata(core, draft, strategy)
    async with hooks.guard(core, resource):
        await hooks.give(core, resource, draft, None)
        strategy.prepare_create(draft)
        if (stamp := STAMPS.get(resource.group_kind)) is not None:
            stamp(draft, None, core.timestamp())
        warnings = [*warnings, *strategy.warnings(draft, None)]
        _validate(resource, strategy, draft)
        strategy.canonicalize(draft)
        await core.admission.validate(request)
        try:
            record = await _store(core, resource, draft, options)
        except CompareFailed as error:
            raise _exists(resource, draft, error.current) from error
    return Written(await served(core, target.resource, record), True, (*warnings, *request.warnings))


def _system_metadata(core: Core, draft: Obj, strategy: Strategy) -> None:
    meta = draft["metadata"]
    for name in ("deletionTimestamp", "deletionGracePeriodSeconds", "selfLink", "generation"):
        meta.pop(name, None)
    if not meta.get("name") and meta.get("generateName"):
        meta["name"] = meta["generateName"][:MAX_GENERATED_PREFIX] + core.suffix()
    meta["uid"] = core.new_uid()
    meta["creationTimestamp"] = core.timestamp()
    if strategy.generation:
        meta["generation"] = 1


def _validate(resource: Resource, strategy: Strategy, draft: Obj) -> None:
    if found := create_errors(strategy, draft, namespaced=resource.namespaced):
        raise errors.invalid(resource.group_kind, draft["metadata"].get("name", ""), found)


async def _store(core: Core, resource: Resource, draft: Obj, options: WriteOptions) -> Record:
    """Raises CompareFailed when the name is taken."""
    at = key(resource, draft["metadata"].get("namespace", ""), draft["metadata"]["name"])
    if not options.dry_run:
        draft = await custom_versions.stored(core, resource, draft)
        return await storing.create(core.store, at, draft)
    current = await core.store.get(at)
    if current is not None:
        raise CompareFailed(at, current)
    return transient(draft)


def _exists(resource: Resource, draft: Obj, current: Record | None) -> AlreadyExists:
    name = draft["metadata"]["name"]
    error = errors.already_exists(resource.group_resource, name)
    if current is not None and is_deleting(current.object()):
        error = AlreadyExists(f"object is being deleted: {error.message}", error.details)
    return error
