"""Fields that a write of a kind's main resource or of a subresource cannot change, and so never owns.

Called by `track` and `apply`. `status` for a main resource, `spec` for `/status`; some subresources own nothing but a few fields.
Source: GetResetFields and GetResetFieldsFilter of the strategies in pkg/registry; for custom resources, apiextensions-apiserver's.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from wherry.rules.writing.managed_fields.sets import EMPTY, SELF, Set, children, member, of_paths, without

#: stands for any path element in a pattern, and for everything below in place of a deeper pattern
ANY = "*"
_ALL: Set = {ANY: EMPTY}


@dataclass(frozen=True, slots=True)
class Reset:
    """`exclude`: paths that are dropped with all below them. `include`: if there is one, only what it matches is kept."""

    exclude: Set = field(default_factory=dict)
    include: Set | None = None
    #: top-level fields that are dropped as a whole: need not even be compared
    skipped: frozenset[str] = frozenset()
    nested: Set = field(default_factory=dict)

    def filter(self, tree: Set) -> Set:
        """What of `tree` a write may own."""
        if self.include is not None:
            return _matching(tree, self.include)
        return without(tree, self.exclude) if self.exclude else tree


def excluding(*paths: tuple[str, ...]) -> Reset:
    exclude = of_paths(*(tuple(f"f:{name}" for name in path) for path in paths))
    top = {element for element, below in exclude.items() if member(below)}
    nested = {element: below for element, below in exclude.items() if element not in top}
    return Reset(exclude, None, frozenset(element[2:] for element in top), nested)


def _including(pattern: Set) -> Reset:
    return Reset(include=pattern)


def _matching(tree: Set, pattern: Set) -> Set:
    out: Set = {}
    for element, below in tree.items():
        deeper = pattern.get(ANY, pattern.get(element))
        if element == SELF or deeper is None:
            continue
        kept = below if deeper is _ALL else _matching(children(below), deeper)
        if kept or member(below):
            out[element] = {SELF: EMPTY, **kept} if kept and member(below) else kept
    return out


NOTHING = Reset()
STATUS = excluding(("status",))
SPEC = excluding(("spec",))
SPEC_AND_METADATA = excluding(("spec",), ("metadata",))

_RESIZED = {ANY: {"f:resources": _ALL, "f:resizePolicy": _ALL}}

#: (apiVersion, kind, subresource); what is not here and not by the rules below resets nothing
_SPECIAL: dict[tuple[str, str, str], Reset] = {
    ("apps/v1", "Deployment", "status"): excluding(("spec",), ("metadata", "labels")),
    ("v1", "Pod", "status"): excluding(("spec",), ("metadata", "deletionTimestamp"), ("metadata", "ownerReferences")),
    ("v1", "Pod", "ephemeralcontainers"): _including({"f:spec": {"f:ephemeralContainers": _ALL}}),
    ("v1", "Pod", "resize"): _including({"f:spec": {"f:containers": _RESIZED, "f:initContainers": _RESIZED}}),
    ("v1", "Namespace", "finalize"): STATUS,
    ("certificates.k8s.io/v1", "CertificateSigningRequest", ""): excluding(("spec",), ("status",)),
    ("certificates.k8s.io/v1", "CertificateSigningRequest", "status"): excluding(("spec",), ("status", "conditions")),
    ("certificates.k8s.io/v1", "CertificateSigningRequest", "approval"): excluding(("spec",), ("status", "certificate")),
}

#: kinds with a status that only `/status` writes
_WITH_STATUS = {
    "v1": {
        "Namespace", "Node", "PersistentVolume", "PersistentVolumeClaim", "Pod", "ReplicationController", "ResourceQuota", "Service",
    },
    "apps/v1": {"DaemonSet", "Deployment", "ReplicaSet", "StatefulSet"},
    "autoscaling/v1": {"HorizontalPodAutoscaler"},
    "autoscaling/v2": {"HorizontalPodAutoscaler"},
    "batch/v1": {"CronJob", "Job"},
    "networking.k8s.io/v1": {"Ingress", "ServiceCIDR"},
    "policy/v1": {"PodDisruptionBudget"},
    "storage.k8s.io/v1": {"VolumeAttachment"},
    "resource.k8s.io/v1": {"ResourceClaim"},
    "admissionregistration.k8s.io/v1": {"ValidatingAdmissionPolicy"},
    "apiextensions.k8s.io/v1": {"CustomResourceDefinition"},
    "apiregistration.k8s.io/v1": {"APIService"},
    "flowcontrol.apiserver.k8s.io/v1": {"FlowSchema", "PriorityLevelConfiguration"},
}  # fmt: skip

#: of these, `/status` leaves metadata alone too
_STATUS_ALONE = {
    "ServiceCIDR", "VolumeAttachment", "ResourceClaim", "ValidatingAdmissionPolicy", "CustomResourceDefinition", "APIService", "FlowSchema",
    "PriorityLevelConfiguration",
}  # fmt: skip

_cache: dict[tuple[str, str, str], Reset] = {}


def of_kind(api_version: str, kind: str, subresource: str) -> Reset:
    """What a write of that kind's (sub)resource resets. Custom resources: the caller says (STATUS, or SPEC_AND_METADATA for `/status`)."""
    key = (api_version, kind, subresource)
    found = _cache.get(key)
    if found is None:
        found = _find(key)
        if len(_cache) < 4096:
            _cache[key] = found
    return found


def _find(key: tuple[str, str, str]) -> Reset:
    api_version, kind, subresource = key
    if key in _SPECIAL:
        return _SPECIAL[key]
    if kind not in _WITH_STATUS.get(api_version, ()) or subresource not in ("", "status"):
        return NOTHING
    if not subresource:
        return STATUS
    return SPEC_AND_METADATA if kind in _STATUS_ALONE else SPEC
