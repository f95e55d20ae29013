"""The binding subresource of pods: the scheduler's one write, `spec.nodeName` and the PodScheduled condition.

Source: pkg/registry/core/pod/storage (BindingREST.assignPod).
"""

from __future__ import annotations

from functools import lru_cache
from typing import cast

from wherry.api import errors, field
from wherry.api.errors import BadRequest, Cause, StatusError
from wherry.api.objects import Obj, is_deleting
from wherry.api.options import Target
from wherry.api.resources import resource
from wherry.registry import storing
from wherry.registry.admission.topology_labels import labels_of_node
from wherry.registry.core import Core, key
from wherry.registry.encode import transient
from wherry.registry.results import RawBody, Written
from wherry.registry.subresources.action import Action, success
from wherry.registry.verbs.view import ObjectView
from wherry.registry.verbs.write import Stage, Write
from wherry.registry.versions import bodies
from wherry.store.protocol import CompareFailed

BINDING = resource("bindings")
PODS = resource("pods")


def decode_binding(write: Write) -> None:
    """Raises BadRequest."""
    body = _decoded(write)
    write.draft = {**body, "metadata": dict(body.get("metadata") or {})}
    bodies.check_namespace(write.draft, write.target)


def _decoded(write: Write) -> Obj:
    if not isinstance(write.body, RawBody):
        return cast("Obj", write.body)
    return bodies.decoded(BINDING, write.body, write.options.field_validation)[0]


def _is_known(write: Write) -> bool:
    """Our scheduler binds what it saw: all that is left to the plug-ins is to copy labels."""
    return write.options.trusted and write.core.admission.quiet


async def admit(write: Write) -> None:
    """Raises what admission refuses with."""
    if not _is_known(write):
        await write.core.admission.admit(write)
    elif labels := await labels_of_node(write.core.store, write.draft["target"]["name"]):
        write.draft["metadata"]["labels"] = labels


def check(write: Write) -> None:
    """Raises BadRequest, StatusError (500)."""
    if not write.options.trusted:
        _check(write.draft.get("target") or {}, write.draft["metadata"].get("name", ""), write.target.name)


async def validate_admission(write: Write) -> None:
    """Raises what admission refuses with."""
    if not _is_known(write):
        await write.core.admission.validate(write)


async def bind(write: Write) -> None:
    """The pod is on that node. Raises NotFound, Conflict (assigned already, deleting, gated)."""
    core, target, binding = write.core, write.target, write.draft
    at = key(target.resource, target.namespace, target.name)
    write.record = transient(success(201))
    record = await core.store.get(at)
    while True:
        if record is None:
            raise errors.not_found("pods", target.name)
        _check_uid(record.object(), binding)
        draft = _bound(core, record.object(), binding["target"]["name"], binding)
        if write.dry_run:
            return
        try:
            await storing.replace(core.store, at, draft, record)
        except CompareFailed as error:
            record = error.current
        else:
            return


STAGES: tuple[Stage, ...] = (decode_binding, admit, check, validate_admission, bind)


class Bindings(ObjectView):
    """The same posted to `/bindings`: the body says which pod."""

    async def create(self, write: Write) -> Written:
        name = (_decoded(write).get("metadata") or {}).get("name", "")
        view = Action(STAGES)
        of_pod = Write(write.core, Target(PODS, write.namespace, name, "binding"), view, write.options, write.user)
        of_pod.body = write.body
        return await view.create(of_pod)


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
