"""The eviction subresource of pods: a delete that asks the pod's PodDisruptionBudget first.

Source: pkg/registry/core/pod/storage/eviction.go; https://kubernetes.io/docs/concepts/scheduling-eviction/api-eviction/.
"""

from __future__ import annotations

from dataclasses import replace
from typing import cast

from wherry.api import errors
from wherry.api.errors import BadRequest, Conflict
from wherry.api.objects import Obj
from wherry.api.options import DeleteOptions, Target, User, WriteOptions
from wherry.api.resources import resource
from wherry.registry.core import Core, prefix
from wherry.registry.encode import transient
from wherry.registry.results import RawBody
from wherry.registry.subresources.action import success
from wherry.registry.verbs.deletes import delete
from wherry.registry.verbs.inside import change_status, note
from wherry.registry.verbs.reads import get
from wherry.registry.verbs.stages import asking
from wherry.registry.verbs.view import OBJECT
from wherry.registry.verbs.write import Stage, Write
from wherry.rules.objects import selectors
from wherry.rules.schema import decode
from wherry.rules.workloads.disruption import eviction as rule

_EVICTION = "io.k8s.api.policy.v1.Eviction"
_BUDGETS = resource("poddisruptionbudgets", "policy")
#: how often a pod that changes meanwhile is read again
_TRIES = 20


def decode_eviction(write: Write) -> None:
    """Raises BadRequest."""
    body = write.body
    parsed = decode.parse(body.content, body.content_type) if isinstance(body, RawBody) else cast("Obj", body)
    if isinstance(parsed, decode.Parsed) and isinstance(parsed.value, dict) and parsed.value.get("apiVersion") == "policy/v1beta1":
        parsed = replace(parsed, value={**parsed.value, "apiVersion": "policy/v1"})  # both versions are accepted, and are alike
    write.draft = decode.decode_into(_EVICTION, "policy/v1", "Eviction", parsed, write.options.field_validation).obj


def check(write: Write) -> None:
    """It names the pod of the path, and says whether it is a dry run too. Raises BadRequest."""
    write.dry_run = _options(write).dry_run


async def evict(write: Write) -> None:
    """Raises NotFound, TooManyRequests (the budget), Conflict (a precondition)."""
    core, target, wanted, user = write.core, write.target, _options(write), write.user
    write.record = transient(success(201))
    for last in range(_TRIES - 1, -1, -1):
        pod = (await get(core, target)).object()
        if not rule.ignores_budget(pod):
            break
        try:
            await _delete(core, target, _at_version(pod, wanted) if rule.needs_its_version(pod) else wanted, user)
        except Conflict:
            if wanted.resource_version or not last:
                raise
            continue
        return
    await _evict(core, target, pod, wanted, user)


STAGES: tuple[Stage, ...] = (decode_eviction, check, asking.admit, asking.validate_admission, evict)


async def _evict(core: Core, target: Target, pod: Obj, wanted: DeleteOptions, user: User) -> None:
    """Of a pod that runs."""
    budgets = await _budgets(core, pod)
    if len(budgets) > 1:
        raise rule.several_budgets()
    if not budgets:
        await _delete(core, target, wanted, user)
        return
    name = budgets[0]["metadata"]["name"]
    if not rule.is_outside_budget(pod, budgets[0]):
        await _spend(core, Target(_BUDGETS, target.namespace, name), target.name, wanted)
        await _delete(core, target, wanted, user)
        return
    try:
        await _delete(core, target, _at_version(pod, wanted), user)
    except Conflict as error:
        if wanted.resource_version:
            raise
        raise rule.being_processed(name) from error


async def _spend(core: Core, budget: Target, pod: str, wanted: DeleteOptions) -> None:
    def spent(old: Obj) -> Obj:
        rule.check(old)
        return {**old, "metadata": dict(old["metadata"]), "status": rule.spent(old, pod, core.timestamp())}

    await change_status(core, budget, spent, WriteOptions(user_agent="kube-apiserver", dry_run=wanted.dry_run))


async def _budgets(core: Core, pod: Obj) -> list[Obj]:
    """Those whose selector has the pod."""
    labels = pod["metadata"].get("labels") or {}
    found = await core.store.range(prefix(_BUDGETS, pod["metadata"]["namespace"]))
    objs = [record.object() for record in found.records]
    return [b for b in objs if selectors.from_label_selector((b.get("spec") or {}).get("selector")).matches(labels)]


async def _delete(core: Core, target: Target, wanted: DeleteOptions, user: User) -> None:
    """Tells on the pod why it goes, and deletes it."""
    pod = Target(target.resource, target.namespace, target.name)
    if not wanted.dry_run:
        now = core.timestamp()

        def told(old: Obj) -> Obj:
            _check(old, wanted)
            status = old.get("status") or {}
            return {**old, "metadata": dict(old["metadata"]), "status": {**status, "conditions": _with_condition(status, now)}}

        changed = (await note(core, pod, told, user)).record.object()
        if wanted.resource_version:
            wanted = _at_version(changed, replace(wanted, resource_version=""))
    await delete(Write(core, pod, OBJECT, wanted, user), ())


def _check(pod: Obj, wanted: DeleteOptions) -> None:
    meta = pod["metadata"]
    if wanted.uid and wanted.uid != meta["uid"]:
        why = f"the UID in the precondition ({wanted.uid}) does not match the UID in record ({meta['uid']}). "
        raise errors.conflict("Pod", meta["name"], why + "The object might have been deleted and then recreated")
    if wanted.resource_version and wanted.resource_version != meta["resourceVersion"]:
        why = f"the ResourceVersion in the precondition ({wanted.resource_version}) does not match the ResourceVersion in record "
        raise errors.conflict("Pod", meta["name"], f"{why}({meta['resourceVersion']}). The object might have been modified")


def _with_condition(status: Obj, now: str) -> list[Obj]:
    given = status.get("conditions") or []
    before = next((c for c in given if c["type"] == "DisruptionTarget"), None)
    since = before["lastTransitionTime"] if before and before["status"] == "True" else now
    mine = {
        "type": "DisruptionTarget",
        "status": "True",
        "lastProbeTime": None,
        "lastTransitionTime": since,
        "reason": "EvictionByEvictionAPI",
        "message": "Eviction API: evicting",
    }
    return [*(c for c in given if c is not before), mine]


def _at_version(pod: Obj, wanted: DeleteOptions) -> DeleteOptions:
    return wanted if wanted.resource_version else replace(wanted, resource_version=pod["metadata"]["resourceVersion"])


def _options(write: Write) -> DeleteOptions:
    """What the eviction says about the delete. Raises BadRequest."""
    target, eviction, options = write.target, write.draft, write.options
    meta = eviction.get("metadata") or {}
    if meta.get("name") != target.name:
        raise BadRequest("name in URL does not match name in Eviction object")
    if meta.get("namespace", target.namespace) != target.namespace:
        raise BadRequest("the namespace of the provided object does not match the namespace sent on the request")
    given = eviction.get("deleteOptions") or {}
    conditions = given.get("preconditions") or {}
    return DeleteOptions(
        given.get("gracePeriodSeconds"),
        given.get("propagationPolicy") or "",
        conditions.get("uid") or "",
        conditions.get("resourceVersion") or "",
        options.dry_run or bool(given.get("dryRun")),
    )
