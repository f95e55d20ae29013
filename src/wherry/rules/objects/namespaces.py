"""The end of a namespace: how long to wait for its content, and what its status says meanwhile.

Called by `wherry.controllers.namespace`, which deletes resource by resource and hands the counts in here. Pods go first, all else after the
last of them is gone; the namespace is finalized when nothing is left.
Source: pkg/controller/namespace/deletion (namespaced_resources_deleter.go, status_condition_utils.go).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from wherry.api import timestamps
from wherry.api.objects import Obj
from wherry.api.resources import STORED_AS, Resource

#: how long finalizers of what remains are expected to take, in seconds
FINALIZER_ESTIMATE = 15
FINALIZER = "kubernetes"

#: condition type -> (reason, message) when all is well, in the order of the status
_WELL = {
    "NamespaceDeletionDiscoveryFailure": ("ResourcesDiscovered", "All resources successfully discovered"),
    "NamespaceDeletionGroupVersionParsingFailure": ("ParsedGroupVersions", "All legacy kube types successfully parsed"),
    "NamespaceDeletionContentFailure": ("ContentDeleted", "All content successfully deleted, may be waiting on finalization"),
    "NamespaceContentRemaining": ("ContentRemoved", "All content successfully removed"),
    "NamespaceFinalizersRemaining": ("ContentHasNoFinalizers", "All content-preserving finalizers finished"),
}


@dataclass(slots=True)
class Progress:
    """What a pass over a namespace's content found. `estimate`: seconds until the rest is gone; 0: nothing is left."""

    errors: list[str] = field(default_factory=list)
    remaining: dict[Resource, int] = field(default_factory=dict)
    finalizers: Counter[str] = field(default_factory=Counter)
    estimate: int = 0

    def add(self, namespace: str, resource: Resource, left: Sequence[Obj], estimate: int) -> None:
        """Count what is left of a resource after its deletion; `estimate` is what graceful termination may take."""
        if not left:
            return
        found = Counter(name for obj in left for name in obj["metadata"].get("finalizers") or ())
        if not estimate and found:
            estimate = FINALIZER_ESTIMATE
        self.remaining[resource] = len(left)
        self.finalizers += found
        self.fail(estimate)
        if not estimate:
            self.errors.append(f"unexpected items still remain in namespace: {namespace} for gvr: "
                               f"{resource.group}/{resource.version}, Resource={resource.plural}")

    def fail(self, estimate: int, error: str = "") -> None:
        """A resource that could not be deleted or counted."""
        self.estimate = max(self.estimate, estimate)
        if error:
            self.errors.append(error)


def content(resources: Iterable[Resource]) -> list[Resource]:
    """The resources to delete, pods first; views of what another row stores are left out."""
    found = [r for r in resources if r.namespaced and "delete" in r.verbs and (r.group, r.version, r.plural) not in STORED_AS]
    return sorted(found, key=lambda r: r.group_resource != "pods")


def pod_estimate(pods: Iterable[Obj], deleted_at: str, now: float) -> int:
    """Seconds in which the pods may still end: the longest grace period, or 0 when that is over."""
    running = (p for p in pods if (p.get("status") or {}).get("phase") not in ("Succeeded", "Failed"))
    longest: int = max((p["spec"].get("terminationGracePeriodSeconds") or 0 for p in running), default=0)
    return 0 if now - timestamps.parse(deleted_at) >= longest else longest


def conditions(current: Sequence[Obj], progress: Progress, now: float, *, pods_only: bool = False) -> list[Obj]:
    """The conditions of the status; equal to `current` when nothing changed. While pods remain the totals are not yet told."""
    bad = _troubles(progress, with_totals=not pods_only)
    by_type = {c["type"]: c for c in current}
    for type_, (reason, message) in _WELL.items():
        status = "True" if type_ in bad else "False"
        if type_ in bad:
            reason, message = bad[type_]
        old = by_type.get(type_)
        since = old["lastTransitionTime"] if old is not None and old["status"] == status else timestamps.time(now)
        by_type[type_] = {**(old or {"type": type_}), "status": status, "lastTransitionTime": since, "reason": reason, "message": message}
    return list(by_type.values())


def _troubles(progress: Progress, *, with_totals: bool) -> dict[str, tuple[str, str]]:
    found = {}
    if progress.errors:
        text = f"Failed to delete all resource types, {len(progress.errors)} remaining: {', '.join(sorted(progress.errors))}"
        found["NamespaceDeletionContentFailure"] = ("ContentDeletionFailed", text)
    if with_totals and progress.remaining:
        parts = sorted(f"{r.plural}.{r.group} has {n} resource instances" for r, n in progress.remaining.items())
        found["NamespaceContentRemaining"] = ("SomeResourcesRemain", f"Some resources are remaining: {', '.join(parts)}")
    if with_totals and progress.finalizers:
        parts = sorted(f"{name} in {n} resource instances" for name, n in progress.finalizers.items())
        found["NamespaceFinalizersRemaining"] = (
            "SomeFinalizersRemain", f"Some content in the namespace has finalizers remaining: {', '.join(parts)}")
    return found


def look_again(estimate: int) -> float:
    """Seconds to the next pass."""
    return float(estimate // 2 + 1)


def finalized(namespace: Obj) -> Obj:
    """The namespace without the finalizer of this controller, for its `finalize` subresource."""
    rest = sorted({f for f in namespace["spec"].get("finalizers") or () if f != FINALIZER})
    spec = {k: v for k, v in namespace["spec"].items() if k != "finalizers"}
    return {**namespace, "spec": {**spec, "finalizers": rest} if rest else spec}
