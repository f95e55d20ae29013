"""Carries out one decision about steps: the one place that writes for them.

Called by the driver and by `Steps` (promote, abort, ...). The workload is written whole, against the version that was looked at, so that a
write by somebody else in between is a Conflict and means a new look. Pods are deleted by uid.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import Any

from wherry.api.errors import NotFound
from wherry.api.objects import Obj, annotations_of, labels, name, uid
from wherry.api.options import DeleteOptions, WriteOptions
from wherry.api.resources import resource
from wherry.client.protocol import Client
from wherry.rollout.changes import CAUSE, annotations_back, without_hash
from wherry.rollout.errors import RevisionNotFound
from wherry.rollout.revisions import Revision, of_sources, typed
from wherry.rollout.targets import DEPLOYMENTS, PODS, REPLICA_SETS, Named
from wherry.rules.workloads.steps import state as states
from wherry.rules.workloads.steps.decide import Decision
from wherry.rules.workloads.steps.view import View
from wherry.rules.workloads.template_hash import template_hash

MANAGER = "wherry-steps"
SERVICES = resource("services")
#: what steps hold a share by
_HELD = ("f:strategy", "f:updateStrategy", "f:minReadySeconds", "f:progressDeadlineSeconds", "f:paused")
_OPTIONS = WriteOptions(field_manager=MANAGER)


async def carry_out(client: Client, target: Named, view: View, decision: Decision, steps: int) -> Obj | None:
    """The workload, when it was written. Raises StatusError (Conflict: somebody wrote in between), RevisionNotFound: nothing to undo to."""
    if decision.service is not None:
        await client.update(SERVICES, typed(SERVICES, decision.service), options=_OPTIONS)
    if decision.move is not None:
        await _move(client, view, decision)
    if decision.state is None:
        return None
    return await client.update(target.resource, drafted(target, view, decision, steps), options=_OPTIONS)


async def _move(client: Client, view: View, decision: Decision) -> None:
    assert decision.move is not None
    namespace = view.workload["metadata"].get("namespace", "")
    for pod in decision.move.deletes:
        with suppress(NotFound):
            await client.delete(PODS, namespace, name(pod), DeleteOptions(uid=uid(pod)))
    if decision.move.scale is not None:
        replica_set, to = decision.move.scale
        await client.update(REPLICA_SETS, {**replica_set, "spec": {**replica_set["spec"], "replicas": to}}, options=_OPTIONS)


def drafted(target: Named, view: View, decision: Decision, steps: int) -> Obj:
    """The workload as the decision wants it. Raises RevisionNotFound."""
    state, spec, noted = decision.state, dict(view.workload["spec"]), dict(annotations_of(view.workload))
    assert state is not None
    if decision.undo:
        revision = of_revision(target, view, state.stable)
        spec["template"] = without_hash(revision.template) if target.resource is DEPLOYMENTS else revision.template
        if target.resource is DEPLOYMENTS:
            noted = {**annotations_back(view.workload, revision), CAUSE: cause(state.why)}
        state = replace(state, release=template_hash(spec["template"]))
    spec = {field: value for field, value in (spec | dict(decision.fields)).items() if value is not None}
    draft = changed(view.workload, spec, {**noted, states.STATE: states.text_of(state)}, states.labels(state, steps))
    return given_back(draft) if state.is_over else draft


def changed(workload: Obj, spec: Obj, annotations: dict[str, str], more_labels: dict[str, str]) -> Obj:
    meta: dict[str, Any] = {**workload["metadata"], "annotations": annotations, "labels": {**labels(workload), **more_labels}}
    return {**workload, "metadata": meta, "spec": spec}


def given_back(workload: Obj) -> Obj:
    """Without our claim on the fields that are as their owner wrote them again, so that the owner's next apply meets no conflict."""
    meta = workload["metadata"]
    managed = [_without_claim(entry) if entry.get("manager") == MANAGER else entry for entry in meta.get("managedFields") or ()]
    return {**workload, "metadata": {**meta, "managedFields": managed}} if managed else workload


def _without_claim(entry: Obj) -> Obj:
    fields = entry.get("fieldsV1") or {}
    spec = {key: value for key, value in (fields.get("f:spec") or {}).items() if key not in _HELD}
    return {**entry, "fieldsV1": {key: value for key, value in fields.items() if key != "f:spec"} | ({"f:spec": spec} if spec else {})}


def cause(why: str) -> str:
    """The change-cause of the revision that came back."""
    return f"aborted by steps: {why}"[:512]


def of_revision(target: Named, view: View, wanted: str) -> Revision:
    """Raises RevisionNotFound."""
    for revision in of_sources(target, view.workload, view.sources):
        if name(revision.source) == wanted:
            return revision
    raise RevisionNotFound(f"the revision {wanted or 'to go back to'} is not there any more")
