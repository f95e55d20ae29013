"""Create: from a body to a stored object, through the stages of `pipeline`.

Pods of our own controllers and events of our own recorder take short ways with the same result: in test mode both are gone.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from wherry.api import errors
from wherry.api.errors import AlreadyExists
from wherry.api.objects import Obj, is_deleting
from wherry.registry.event_writes import owned_fields
from wherry.registry.results import RawBody, Written
from wherry.registry.verbs.pipeline import CREATE, CREATE_DRAFT, EVENT, POD_OF_TEMPLATE, run
from wherry.registry.verbs.write import Stage, Write
from wherry.registry.versions import bodies, trusted_writes
from wherry.store.protocol import ClaimLost, CompareFailed

#: how often a generated name that is taken is made anew (KEP-4420)
NAME_TRIES = 8
_NO_NAME = "the server was not able to generate a unique name for the object"


async def create(write: Write) -> Written:
    """Raises BadRequest, Invalid, AlreadyExists, Forbidden, NotFound (namespace)."""
    if write.options.trusted and not isinstance(write.body, RawBody):
        if write.row.group_resource == "pods":
            return await _create_pod(write)
        if write.row.group_resource == "events":
            return await _create_event(write)
    return await _create(write, CREATE)


async def _create(write: Write, stages: tuple[Stage, ...]) -> Written:
    """With another name when the one that was drawn is taken."""
    tries = NAME_TRIES
    while True:
        try:
            return await finish(write, stages)
        except AlreadyExists:
            tries -= 1
            if not (write.named and tries):
                raise
        except ClaimLost:
            pass
        write.begin("CREATE", None, None)


async def create_draft(write: Write) -> Written:
    """Of what was to be replaced or applied to, and is not there; the draft is made. Raises Forbidden when the user may not create."""
    write.operation, write.old, write.creates_on_update = "CREATE", None, True
    while True:
        write.draft["metadata"].pop("resourceVersion", None)  # nothing is there to compare it with
        try:
            return await finish(write, CREATE_DRAFT)
        except ClaimLost:
            assert write.make is not None, "whoever creates on update makes the draft again"
            write.begin("CREATE", None, None)
            write.draft = await write.compute(partial(write.make, write))


async def _finish_short(write: Write, stages: tuple[Stage, ...]) -> Written:
    """Pods and core events are stored in the version they are made in."""
    try:
        await run(write, stages)
    except CompareFailed as error:
        raise _exists(write, error) from error
    return Written(write.stored(), True)


async def finish(write: Write, stages: tuple[Stage, ...]) -> Written:
    """Raises AlreadyExists, and what the stages raise."""
    try:
        await run(write, stages)
    except CompareFailed as error:
        raise _exists(write, error) from error
    record = await write.view.answered(write.core, write.row, write.stored())
    return Written(record, True, tuple(write.warnings))


async def _create_pod(write: Write) -> Written:
    """A pod of one of our controllers: what its spec becomes is worked out once per template (see `pod_specs`)."""
    core, pod = write.core, _object(write)
    seen = core.pod_specs.key(write.namespace, write.options.manager, pod)
    made = core.pod_specs.get(seen)
    each = await core.admission.each(write.row, write.namespace)
    if made is None or each:
        written = await _create(_long(write), CREATE)
        if not each:
            core.pod_specs.put(seen, written.record.object())
        return written
    status = {"phase": "Pending", "qosClass": made.qos_class}
    draft = {"kind": "Pod", "apiVersion": "v1", "metadata": dict(pod["metadata"]), "spec": made.spec, "status": status}
    if core.test_mode:
        await _check_alike(write, draft, made.fields)
    write.draft, write.applied = draft, made.fields
    return await _finish_short(write, POD_OF_TEMPLATE)


async def _create_event(write: Write) -> Written:
    """An event of one of our recorders (see `event_writes`)."""
    event = _object(write)
    if await write.core.admission.each(write.row, write.namespace):
        return await _create(_long(write), CREATE)
    if write.core.test_mode:
        await _check_alike(write, event, owned_fields(event))
    write.draft = event
    return await _finish_short(write, EVENT)


def _object(write: Write) -> Obj:
    assert isinstance(write.body, dict), "what our own components write is an object"
    return write.body


def _long(write: Write) -> Write:
    """The same write, with nothing taken on trust."""
    write.options = replace(write.options, trusted=False)
    return write


async def _check_alike(write: Write, draft: Obj, fields: Obj) -> None:
    """Test mode: the short way must make what the long way makes, all but the name, uid and times that each create draws anew."""
    core, long = write.core, replace(write.options, trusted=False, dry_run=True)
    again = Write(core, write.target, write.view, long, write.user)
    again.draft, _ = bodies.draft(core, write.row, trusted_writes.copy(_object(write)), long)
    slow = (await finish(again, CREATE_DRAFT)).record.object()
    drawn = ("name", "uid", "generation", "creationTimestamp", "managedFields", "namespace", "resourceVersion")
    trusted_writes.must_equal(core, draft, slow, write.options.manager, without=drawn)
    trusted_writes.must_own(core, draft, fields, slow)


def _exists(write: Write, failed: CompareFailed) -> AlreadyExists:
    name = write.draft["metadata"]["name"]
    error = errors.already_exists(write.resource.group_resource, name)
    if write.draft["metadata"].get("generateName"):
        error = AlreadyExists(f"{error.message}, {_NO_NAME}", {**(error.details or {}), "retryAfterSeconds": 1})
    if failed.current is not None and is_deleting(failed.current.object()):
        error = AlreadyExists(f"object is being deleted: {error.message}", error.details)
    error.warnings = tuple(write.warnings)
    return error
