"""What a write of a pod's `/resize` keeps and may change: cpu and memory of containers and of the pod, and resize policies.

Called through the strategy of that subresource. Pure. The class of the pod stays; nothing that was requested or limited goes away.
Source: pkg/registry/core/pod/strategy.go dropNonResizeUpdates, pkg/apis/core/validation ValidatePodResize; KEP-1287, KEP-5419.
"""

from __future__ import annotations

from wherry.api.field import Errors, child, forbidden, index, invalid
from wherry.api.objects import Obj
from wherry.rules.pods import qos

_MIRROR = "kubernetes.io/config.mirror"
_KINDS = ("containers", "initContainers")
_RESIZED = ("cpu", "memory")
_PARTS = ("requests", "limits")
_OTHERS = "only cpu and memory resources are mutable"
_METADATA = ("labels", "annotations", "finalizers", "ownerReferences")


def keep_all_else(draft: Obj, old: Obj) -> None:
    """Only what a resize may change is taken from the draft; containers that do not line up are left to the validation."""
    spec, was = draft.get("spec") or {}, old["spec"]
    if any(len(spec.get(kind) or ()) != len(was.get(kind) or ()) for kind in _KINDS):
        return
    made = {k: v for k, v in was.items() if k != "resources"}
    for kind in _KINDS:
        if spec.get(kind):
            made[kind] = _merged(spec[kind], was[kind])
    if spec.get("resources") is not None:
        made["resources"] = spec["resources"]
    draft["spec"] = made
    keep_metadata(draft, old)


def keep_metadata(draft: Obj, old: Obj) -> None:
    """As a write of a part of the object does: labels, annotations, finalizers and owners stay."""
    meta, before = draft["metadata"], old["metadata"]
    for name in _METADATA:
        if before.get(name):
            meta[name] = before[name]
        else:
            meta.pop(name, None)


def _merged(new: list[Obj], old: list[Obj]) -> list[Obj]:
    if [c.get("name") for c in new] != [c.get("name") for c in old]:
        return new
    merged = []
    for mine, before in zip(new, old, strict=True):
        container = {k: v for k, v in before.items() if k not in ("resources", "resizePolicy")}
        container |= {k: mine[k] for k in ("resources", "resizePolicy") if k in mine}
        merged.append(container)
    return merged


def never_resized(old: Obj) -> Errors:
    """Pods that cannot be resized at all."""
    if _MIRROR in (old["metadata"].get("annotations") or {}):
        return [forbidden("", "static pods cannot be resized")]
    if (old["spec"].get("os") or {}).get("name") == "windows":
        return [forbidden("", "windows pods cannot be resized")]
    return []


def resize_changes(new: Obj, old: Obj) -> Errors:
    """Errors of the change of `.spec`."""
    after, before = new["spec"], old["spec"]
    errors: Errors = []
    if qos.qos_class(old) != qos.computed(after):
        shown = (new.get("status") or {}).get("qosClass", "")
        errors.append(invalid("spec", shown, "Pod QOS Class may not change as a result of resizing"))
    if not _supported(old):
        errors.append(forbidden("spec", "Pod running on node without support for resize"))
    errors += _pod_level(after, before)
    if (old.get("status") or {}).get("nodeAllocatableResourceClaimStatuses"):
        errors.append(forbidden("spec", "pods with node allocatable resource claims cannot be resized"))
    if order := _order(after, before):
        return errors + order
    for kind in reversed(_KINDS):
        for i, (mine, was) in enumerate(zip(after.get(kind) or (), before.get(kind) or (), strict=True)):
            errors += _removed(mine, was, child(index(f"spec.{kind}", i), "resources"), "resource")
    return errors + _others(after, before)


def _supported(pod: Obj) -> bool:
    """Whether the node says what its containers hold; one that runs none of them is taken to."""
    for status in (pod.get("status") or {}).get("containerStatuses") or ():
        if (status.get("state") or {}).get("running") is not None:
            return status.get("resources") is not None
    return True


def _pod_level(after: Obj, before: Obj) -> Errors:
    mine, was = after.get("resources"), before.get("resources")
    if not any((own or {}).get(part) for own in (mine, was) for part in _PARTS):
        return []
    if was is not None and mine is None:
        return [forbidden("spec.resources", "pod-level resources cannot be removed")]
    errors = _removed(after, before, "spec.resources", "pod-level resource") if was is not None else []
    if _without(mine or {}) != _without(was or {}):
        errors.append(forbidden("spec", "only cpu and memory resources are mutable at pod-level"))
    return errors


def _removed(new: Obj, old: Obj, path: str, what: str) -> Errors:
    mine, was = new.get("resources") or {}, old.get("resources") or {}
    return [
        forbidden(child(path, part), f"{what} {part} cannot be removed")
        for part in _PARTS
        if set(was.get(part) or ()) - set(mine.get(part) or ())
    ]


def _order(after: Obj, before: Obj) -> Errors:
    errors: Errors = []
    for kind in _KINDS:
        mine, was = after.get(kind) or [], before.get(kind) or []
        if len(mine) != len(was):
            errors.append(forbidden(f"spec.{kind}", f"{kind} may not be added or removed on resize"))
            continue
        text = f"{kind} may not be renamed or reordered on resize"
        errors += [
            forbidden(child(index(f"spec.{kind}", i), "name"), text) for i in range(len(was)) if mine[i].get("name") != was[i].get("name")
        ]
    return errors


def _without(resources: Obj) -> Obj:
    """All but the amounts that a resize changes."""
    rest = {k: v for k, v in resources.items() if k not in _PARTS}
    kept = {part: {n: v for n, v in (resources.get(part) or {}).items() if n not in _RESIZED} for part in _PARTS}
    return {**rest, **{part: listed for part, listed in kept.items() if listed}}


def _differs(mine: Obj, was: Obj) -> bool:
    """In more than cpu and memory. Claims of devices are no part of it: the reference drops them from the comparison."""

    def rest(container: Obj) -> Obj:
        return {**container, "resources": _without(container.get("resources") or {})}

    return rest(mine) != rest(was)


def _others(after: Obj, before: Obj) -> Errors:
    errors: Errors = []
    for mine, was in zip(after.get("containers") or (), before.get("containers") or (), strict=True):
        if _differs(mine, was):
            errors.append(forbidden("spec", _OTHERS))
    for i, (mine, was) in enumerate(zip(after.get("initContainers") or (), before.get("initContainers") or (), strict=True)):
        path = index("spec.initContainers", i)
        if _differs(mine, was):
            errors.append(forbidden(path, "only cpu and memory resources for init or sidecar containers are mutable"))
        if mine != was and mine.get("restartPolicy") != "Always":
            text = "non-sidecar init containers with a resize policy of RestartContainer cannot be resized"
            errors += [forbidden(path, text) for p in mine.get("resizePolicy") or () if p.get("restartPolicy") == "RestartContainer"]
    return errors
