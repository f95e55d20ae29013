"""The strategy of pods, and what a write of their subresources keeps.

Read by the registry through `STRATEGIES`. Invariants: only `/status` changes the status, only `/binding` the node, only
`/ephemeralcontainers` those containers; the class of a pod never changes.
Source: pkg/registry/core/pod/strategy.go.
"""

from __future__ import annotations

from wherry.api.field import Errors
from wherry.api.objects import Obj
from wherry.rules.objects.deletion import pod_grace
from wherry.rules.objects.strategy import Strategy, keep_spec, keep_status
from wherry.rules.pods.preparation import drop_gated_fields, prepare_pod
from wherry.rules.pods.warnings import pod_warnings
from wherry.rules.schema.defaults.pod import default_pod
from wherry.rules.schema.validation.metadata import validate_metadata
from wherry.rules.schema.validation.pods.pod import validate_again, validate_pod
from wherry.rules.schema.validation.pods.resize import keep_all_else, keep_metadata, never_resized, resize_changes
from wherry.rules.schema.validation.pods.status import status_changes
from wherry.rules.schema.validation.pods.update import annotation_changes, ephemeral_changes, spec_changes


def _update(draft: Obj, old: Obj) -> None:
    keep_status(draft, old)
    drop_gated_fields(draft["spec"], old["spec"])


def _update_status(draft: Obj, old: Obj) -> None:
    """Besides the spec, owners and the class stay, and so do observed generations that the writer does not know of."""
    keep_spec(draft, old)
    meta, owners = draft["metadata"], old["metadata"].get("ownerReferences")
    if owners is not None:
        meta["ownerReferences"] = owners
    else:
        meta.pop("ownerReferences", None)
    status, was = draft.setdefault("status", {}), old.get("status") or {}
    for name in ("qosClass", "observedGeneration"):
        if not status.get(name) and was.get(name):
            status[name] = was[name]
    _keep_generations(status, was)


def _keep_generations(status: Obj, was: Obj) -> None:
    """Condition types may come more than once: the n-th of a type follows the n-th."""
    known: dict[str, list[int]] = {}
    for condition in was.get("conditions") or ():
        known.setdefault(condition.get("type", ""), []).append(condition.get("observedGeneration") or 0)
    if not any(any(generations) for generations in known.values()):
        return
    conditions = []
    for condition in status.get("conditions") or ():
        generations = known.get(condition.get("type", ""))
        before = generations.pop(0) if generations else 0
        if before and not condition.get("observedGeneration"):
            condition = {**condition, "observedGeneration": before}
        conditions.append(condition)
    if conditions:
        status["conditions"] = conditions


def update_ephemeral_containers(draft: Obj, old: Obj) -> None:
    """Before a write of `/ephemeralcontainers`: nothing else of spec and status changes."""
    asked = (draft.get("spec") or {}).get("ephemeralContainers")
    draft["spec"] = {k: v for k, v in old["spec"].items() if k != "ephemeralContainers"}
    if asked:
        draft["spec"]["ephemeralContainers"] = asked
    keep_status(draft, old)
    keep_metadata(draft, old)
    drop_gated_fields(draft["spec"], old["spec"])


def validate_ephemeral_containers(new: Obj, old: Obj) -> Errors:
    """Errors of a write of `/ephemeralcontainers`, without those of the change of metadata."""
    changes = ephemeral_changes(new, old)
    if changes and not changes[0].field:
        return changes
    return _again(new, old) + annotation_changes(new, old) + changes


def update_resize(draft: Obj, old: Obj) -> None:
    """Before a write of `/resize`: only cpu and memory change."""
    keep_all_else(draft, old)
    keep_status(draft, old)
    drop_gated_fields(draft["spec"], old["spec"])


def validate_resize(new: Obj, old: Obj) -> Errors:
    """Errors of a write of `/resize`, without those of the change of metadata."""
    return never_resized(old) or _again(new, old) + resize_changes(new, old)


def _validate_update(new: Obj, old: Obj) -> Errors:
    return _again(new, old) + annotation_changes(new, old) + spec_changes(new, old)


def _again(new: Obj, old: Obj) -> Errors:
    """The reference looks at the whole pod once more; a spec that is as it was is still valid."""
    errors = validate_metadata(new, namespaced=True, name_rule="subdomain")
    if new["spec"] == old["spec"]:
        return errors
    return errors + validate_again(new)


def _validate_status(new: Obj, old: Obj) -> Errors:
    return annotation_changes(new, old) + status_changes(new, old)


def _pod_ip(pod: Obj) -> str:
    several = (pod.get("status") or {}).get("podIPs")
    return several[0].get("ip") or "" if several else ""


STRATEGIES: dict[str, Strategy] = {
    "Pod": Strategy(
        default=default_pod,
        prepare_create=prepare_pod,
        prepare_update=_update,
        prepare_status=_update_status,
        validate=validate_pod,
        validate_update=_validate_update,
        validate_status=_validate_status,
        warnings=pod_warnings,
        generation=True,
        grace=pod_grace,
        delete_returns_object=True,
        fields={
            "spec.nodeName": lambda o: o["spec"].get("nodeName") or "",
            "spec.restartPolicy": lambda o: o["spec"].get("restartPolicy") or "",
            "spec.schedulerName": lambda o: o["spec"].get("schedulerName") or "",
            "spec.serviceAccountName": lambda o: o["spec"].get("serviceAccountName") or "",
            "spec.hostNetwork": lambda o: "true" if o["spec"].get("hostNetwork") else "false",
            "status.phase": lambda o: (o.get("status") or {}).get("phase") or "",
            "status.podIP": _pod_ip,
            "status.podIPs": lambda o: "",  # may be asked for, but no pod has it
            "spec.host": lambda o: o["spec"].get("nodeName") or "",  # of old clients
            "status.nominatedNodeName": lambda o: (o.get("status") or {}).get("nominatedNodeName") or "",
        },
    ),
}
