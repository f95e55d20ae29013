"""What a change of a Job may do to its pod template: nothing, unless the Job is suspended.

Called by `jobs.validate_job_update`. A suspended Job that has not started, or whose pods are gone, may change the resources of its
containers, where its pods may run, and the template's labels and annotations.
Source: pkg/apis/batch/validation validatePodTemplateUpdate, validatePodResourceUpdatesOnly (KEP-2926, KEP-5440).
"""

from __future__ import annotations

from typing import Any

from wherry.api.field import Errors
from wherry.api.objects import Obj
from wherry.rules.schema.validation.metadata import IMMUTABLE
from wherry.rules.schema.validation.workloads.workloads import as_written, spec_of, status_of
from wherry.rules.texts.go_structs.internal_pod import internal_spec

#: beside node affinity, what says where pods of a suspended Job may run
_DIRECTIVES = ("nodeSelector", "tolerations", "schedulingGates")
_META = ("name", "generateName", "namespace", "labels", "annotations", "finalizers")


def changes(spec: Obj, old: Obj) -> Errors:
    """Errors of the new spec's template, seen from the old Job."""
    before = spec_of(old)
    template, was = spec.get("template") or {}, before.get("template") or {}
    if template == was:
        return []
    if not _open(old):
        return [as_written("spec.template", _as_held(template), IMMUTABLE)]
    pod = template.get("spec") or {}
    if _plain(pod) == _plain(_allowed(pod, was.get("spec") or {})):
        return []
    return [as_written("spec.template.spec", internal_spec(pod), IMMUTABLE)]


def _open(old: Obj) -> bool:
    """Suspended, and without pods."""
    status = status_of(old)
    paused = any(c.get("type") == "Suspended" and c.get("status") == "True" for c in status.get("conditions") or ())
    return bool(spec_of(old).get("suspend")) and (not status.get("startTime") or paused) and not status.get("active")


def _allowed(pod: Obj, was: Obj) -> Obj:
    """The old pod with what may change taken from the new one."""
    made = {**was, **{k: pod.get(k) for k in _DIRECTIVES}}
    made["affinity"] = _affinity(pod.get("affinity"), was.get("affinity"))
    for kind in ("containers", "initContainers"):
        made[kind] = _with_resources(pod.get(kind) or [], was.get(kind) or [])
    return made


def _affinity(new: Obj | None, old: Obj | None) -> Obj | None:
    """Only the part about nodes may change; all of it may go when it is about nodes alone."""
    rest = {k: v for k, v in (old or {}).items() if k != "nodeAffinity"}
    if new is None:
        return rest or None
    return {**rest, "nodeAffinity": new["nodeAffinity"]} if new.get("nodeAffinity") is not None else rest


def _with_resources(new: list[Obj], old: list[Obj]) -> list[Obj]:
    if len(new) != len(old):
        return old
    return [{**b, "resources": a.get("resources")} if a.get("name") == b.get("name") else b for a, b in zip(new, old, strict=True)]


def _plain(value: Any) -> Any:
    """Without nulls, and without empty lists: to compare."""
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items() if v is not None and v != []}
    return [_plain(v) for v in value] if isinstance(value, list) else value


def _as_held(template: Obj) -> Obj:
    """The template as messages show it: metadata as in v1, the spec with the names of the reference's own type."""
    meta = template.get("metadata") or {}
    shown = {k: dict(sorted(meta[k].items())) if isinstance(meta[k], dict) else meta[k] for k in _META if meta.get(k)}
    return {**shown, "Spec": internal_spec(template.get("spec") or {})}
