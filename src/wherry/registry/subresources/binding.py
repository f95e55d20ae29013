"""The binding subresource of pods: the scheduler's one write, `spec.nodeName` and the PodScheduled condition.

Source: pkg/registry/core/pod/storage (BindingREST.assignPod).
"""

from __future__ import annotations

from functools import lru_cache

from wherry.api import errors, field
from wherry.api.errors import BadRequest, Cause, StatusError
from wherry.api.objects import Obj, is_deleting
from wherry.api.options import Target, User, WriteOptions
from wherry.api.resources import resource
from wherry.registry import bodies, storing
from wherry.registry.admission.chain import Request
from wherry.registry.admission.topology_labels import labels_of_node
from wherry.registry.core import Core, key
from wherry.registry.encode import transient
from wherry.registry.results import Body, RawBody, Written
from wherry.rules import decode
from wherry.store.protocol import CompareFailed

BINDING = resource("bindings")
PODS = resource("pods")
SUCCESS: Obj = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201}


async def create(core: Core, target: Target, body: Body, options: WriteOptions, user: User) -> Written:
    """Raises BadRequest, Invalid, NotFound, Conflict (assigned already, deleting, gated)."""
    if isinstance(body, RawBody):
        body = decode.decode(BINDING, decode.parse(body.content, body.content_type), options.field_validation).obj
    body = {**body, "metadata": dict(body.get("metadata") or {})}
    bodies.check_namespace(body, target)
    aim = body.get("target") or {}
    if options.trusted and core.admission.quiet:
        # our scheduler binds what it saw: all that is left to the plug-ins is to copy labels
        if labels := await labels_of_node(core.store, aim["name"]):
            body["metadata"]["labels"] = labels
    else:
        request = Request("CREATE", target.resource, "binding", target.namespace, target.name, body, None, user, options.dry_run, options)
        await core.admission.admit(request)
        await core.admission.validate(request)
    if not options.trusted:
        _check(aim, body["metadata"].get("name", ""), target.name)
    at = key(target.resource, target.namespace, target.name)
    record = await core.store.get(at)
    while True:
        if record is None:
            raise errors.not_found("pods", target.name)
        _check_uid(record.object(), body)
        draft = _bound(core, record.object(), aim["name"], body)
        if options.dry_run:
            break
        try:
            await storing.replace(core.store, at, draft, record)
            break
        except CompareFailed as error:
            record = error.current
    return Written(transient(SUCCESS), True)


async def create_legacy(core: Core, target: Target, body: Body, options: WriteOptions, user: User) -> Written:
    """The same posted to `/bindings`: the body says which pod."""
    if isinstance(body, RawBody):
        body = decode.decode(BINDING, decode.parse(body.content, body.content_type), options.field_validation).obj
    name = (body.get("metadata") or {}).get("name", "")
    return await create(core, Target(PODS, target.namespace, name, "binding"), body, options, user)


def _check(aim: Obj, said: str, name: str) -> None:
    """The reference's errors here are no Invalid: they come out as a plain 500."""
    if said != name:
        raise BadRequest("name in URL does not match name in Binding object")
    causes: list[Cause] = []
    if aim.get("kind") not in (None, "", "Node"):
        causes.append(field.not_supported("target.kind", aim["kind"], ("Node", "<empty>")))
    if not aim.get("name"):
        causes.append(field.required("target.name"))
    if causes:
        raise StatusError(errors.aggregate(causes), code=500)
    if not name:
        raise BadRequest("Name parameter required.")


def _check_uid(pod: Obj, binding: Obj) -> None:
    wanted = (binding.get("metadata") or {}).get("uid")
    if wanted and wanted != pod["metadata"]["uid"]:
        why = f"Precondition failed: UID in precondition: {wanted}, UID in object meta: {pod['metadata']['uid']}"
        raise errors.conflict("pods/binding", pod["metadata"]["name"], why)


def _bound(core: Core, pod: Obj, node: str, binding: Obj) -> Obj:
    name, spec = pod["metadata"]["name"], pod["spec"]
    why = ""
    if is_deleting(pod):
        why = f"pod {name} is being deleted, cannot be assigned to a host"
    elif spec.get("nodeName"):
        why = f'pod {name} is already assigned to node "{spec["nodeName"]}"'
    elif spec.get("schedulingGates"):
        why = f"pod {name} has non-empty .spec.schedulingGates"
    if why:
        raise errors.conflict("pods/binding", name, why)
    meta = pod["metadata"]
    for part in ("annotations", "labels"):
        if given := binding["metadata"].get(part):
            meta = {**meta, part: {**(meta.get(part) or {}), **given}}
    status = pod.get("status") or {}
    others = [c for c in status.get("conditions") or () if c["type"] != "PodScheduled"]
    status = {**status, "conditions": [*others, _scheduled(core.timestamp())]}
    return {**pod, "metadata": dict(meta), "spec": core.pod_specs.bound(spec, node), "status": status}


@lru_cache(maxsize=1024)
def _scheduled(now: str) -> Obj:
    """Shared by the pods of a second."""
    return {"type": "PodScheduled", "status": "True", "lastProbeTime": None, "lastTransitionTime": now}
