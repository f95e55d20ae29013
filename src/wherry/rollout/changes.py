"""The patches that undo, pause, resume and restart a workload, as kubectl makes them: pure functions of the object.

Source: kubectl's polymorphichelpers (rollback.go, objectpauser.go, objectresumer.go, objectrestarter.go).
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from wherry.api.objects import Obj, annotations_of
from wherry.api.options import JSON_PATCH, STRATEGIC_PATCH, PatchType
from wherry.rollout.errors import Paused, Unchanged, Unsupported
from wherry.rollout.revisions import HASH_LABEL, REVISION, Revision
from wherry.rules.workloads.template_hash import same_template

CAUSE = "kubernetes.io/change-cause"
RESTARTED_AT = "kubectl.kubernetes.io/restartedAt"
#: annotations that belong to the Deployment itself and do not come back with an old revision
KEPT = ("kubectl.kubernetes.io/last-applied-configuration", REVISION, "deployment.kubernetes.io/revision-history",
        "deployment.kubernetes.io/desired-replicas", "deployment.kubernetes.io/max-replicas", "deprecated.deployment.rollback.to")
#: annotations that say something of one object only, and neither go with a revision nor come back with it
OURS = "wherry.dev/"
_NOTHING: Mapping[str, str] = MappingProxyType({})
_RESTARTED = ("Deployment", "StatefulSet", "DaemonSet")


class Change(NamedTuple):
    patch: Any
    patch_type: PatchType


def without_hash(template: Obj) -> Obj:
    """The template as the Deployment has it: without the label that a ReplicaSet adds."""
    meta = template.get("metadata") or {}
    labels = {k: v for k, v in (meta.get("labels") or {}).items() if k != HASH_LABEL}
    return {**template, "metadata": {**meta, "labels": labels}}


def undo(workload: Obj, revision: Revision, cause: str = "", notes: Mapping[str, str] = _NOTHING) -> Change | None:
    """None when the workload has that template already. `cause`: why, instead of the revision's own; `notes`: more annotations.

    Raises Paused.
    """
    added = {**notes, **({CAUSE: cause} if cause else {})}
    if workload["kind"] == "Deployment":
        return _undo_deployment(workload, revision, added)
    if same_template(revision.template, workload["spec"]["template"]):
        return None
    data = revision.source.get("data") or {}
    return Change({**data, "metadata": {"annotations": added}} if added else data, STRATEGIC_PATCH)


def _undo_deployment(deployment: Obj, revision: Revision, added: Mapping[str, str]) -> Change | None:
    if deployment["spec"].get("paused"):
        raise Paused("you cannot rollback a paused deployment; resume it first with 'kubectl rollout resume' and try again")
    template = without_hash(revision.template)
    if same_template(template, deployment["spec"]["template"]):
        return None
    annotations = {**annotations_back(deployment, revision), **added}
    return Change([{"op": "replace", "path": "/spec/template", "value": template},
                   {"op": "replace", "path": "/metadata/annotations", "value": annotations}], JSON_PATCH)


def annotations_back(deployment: Obj, revision: Revision) -> dict[str, str]:
    """The annotations of a Deployment that goes back to a revision: the revision's, and those that are the Deployment's own."""
    own = {k: v for k, v in annotations_of(deployment).items() if k in KEPT or k.startswith(OURS)}
    return own | {k: v for k, v in annotations_of(revision.source).items() if k not in KEPT and not k.startswith(OURS)}


def pause(workload: Obj) -> Change:
    """Raises Paused when it is paused already, Unsupported for a kind that cannot pause."""
    _can_pause(workload, "pausing")
    if workload["spec"].get("paused"):
        raise Paused("is already paused")
    return Change({"spec": {"paused": True}}, STRATEGIC_PATCH)


def resume(workload: Obj) -> Change:
    """Raises Paused when it is not paused, Unsupported for a kind that cannot pause."""
    _can_pause(workload, "resuming")
    if not workload["spec"].get("paused"):
        raise Paused("is not paused")
    return Change({"spec": {"paused": None}}, STRATEGIC_PATCH)


def _can_pause(workload: Obj, doing: str) -> None:
    if workload["kind"] != "Deployment":
        raise Unsupported(f"{doing} is not supported")


def restart(workload: Obj, at: str, cause: str = "") -> Change:
    """`at`: an RFC 3339 time. Raises Paused, Unsupported, and Unchanged when a restart was asked for in the same second."""
    if workload["kind"] not in _RESTARTED:
        raise Unsupported("restarting is not supported")
    if workload["spec"].get("paused"):
        raise Paused("can't restart paused deployment (run rollout resume first)")
    meta = workload["spec"]["template"].get("metadata") or {}
    if (meta.get("annotations") or {}).get(RESTARTED_AT) == at:
        raise Unchanged(f"failed to create patch for {workload['metadata']['name']}: if restart has already been triggered within the past "
                        "second, please wait before attempting to trigger another")
    patch: Obj = {"spec": {"template": {"metadata": {"annotations": {RESTARTED_AT: at}}}}}
    return Change({**patch, "metadata": {"annotations": {CAUSE: cause}}} if cause else patch, STRATEGIC_PATCH)
