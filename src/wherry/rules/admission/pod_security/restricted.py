"""Restricted checks: no way to more privilege, no capabilities, only volumes that hold no host, and no root.

Source: k8s.io/pod-security-admission/policy (a file each).
"""

from __future__ import annotations

from wherry.api.objects import Obj
from wherry.rules.admission.pod_security.profiles import seccomp_required
from wherry.rules.admission.pod_security.words import (
    Violation,
    containers_of,
    counted,
    has_own_users,
    is_windows,
    listed,
    quoted,
    security,
    setters,
)


def privilege_escalation(meta: Obj, spec: Obj) -> Violation | None:
    bad = [c.get("name", "") for c in containers_of(spec) if security(c).get("allowPrivilegeEscalation") is not False]
    if not bad:
        return None
    return Violation("allowPrivilegeEscalation != false", f"{listed(bad)} must set securityContext.allowPrivilegeEscalation=false")


def privilege_escalation_1_25(meta: Obj, spec: Obj) -> Violation | None:
    return None if is_windows(spec) else privilege_escalation(meta, spec)


def capabilities(meta: Obj, spec: Obj) -> Violation | None:
    keeping: list[str] = []
    adding: list[str] = []
    names: set[str] = set()
    for container in containers_of(spec):
        given = security(container).get("capabilities") or {}
        if "ALL" not in (given.get("drop") or ()):
            keeping.append(container.get("name", ""))
        if added := set(given.get("add") or ()) - {"NET_BIND_SERVICE"}:
            adding.append(container.get("name", ""))
            names |= added
    details = []
    if keeping:
        details.append(f'{listed(keeping)} must set securityContext.capabilities.drop=["ALL"]')
    if adding:
        details.append(f"{listed(adding)} must not include {quoted(sorted(names))} in securityContext.capabilities.add")
    return Violation("unrestricted capabilities", "; ".join(details)) if details else None


def capabilities_1_25(meta: Obj, spec: Obj) -> Violation | None:
    return None if is_windows(spec) else capabilities(meta, spec)


_ALLOWED = ("configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "image", "persistentVolumeClaim", "projected", "secret")
_REFUSED = (
    "hostPath", "gcePersistentDisk", "awsElasticBlockStore", "gitRepo", "nfs", "iscsi", "glusterfs", "rbd", "flexVolume", "cinder",
    "cephfs", "flocker", "fc", "azureFile", "vsphereVolume", "quobyte", "azureDisk", "photonPersistentDisk", "portworxVolume", "scaleIO",
    "storageos",
)  # fmt: skip


def volumes(meta: Obj, spec: Obj) -> Violation | None:
    bad = [v for v in spec.get("volumes") or () if not any(v.get(kind) is not None for kind in _ALLOWED)]
    if not bad:
        return None
    names = [v.get("name", "") for v in bad]
    kinds = sorted({next((kind for kind in _REFUSED if v.get(kind) is not None), "unknown") for v in bad})
    what = counted(kinds, "restricted volume type")
    return Violation("restricted volume types", f"{listed(names, 'volume')} {counted(names, 'uses', 'use')} {what} {quoted(kinds)}")


def non_root(meta: Obj, spec: Obj) -> Violation | None:
    own = security(spec).get("runAsNonRoot")
    said = {c.get("name", ""): security(c).get("runAsNonRoot") for c in containers_of(spec)}
    if who := setters(own is False, [name for name, value in said.items() if value is False]):
        return Violation("runAsNonRoot != true", f"{who} must not set securityContext.runAsNonRoot=false")
    silent = [name for name, value in said.items() if value is None]
    if own or not silent:
        return None
    return Violation("runAsNonRoot != true", f"pod or {listed(silent)} must set securityContext.runAsNonRoot=true")


def non_root_1_35(meta: Obj, spec: Obj) -> Violation | None:
    return None if has_own_users(spec) else non_root(meta, spec)


def user(meta: Obj, spec: Obj) -> Violation | None:
    bad = [c.get("name", "") for c in containers_of(spec) if security(c).get("runAsUser") == 0]
    who = setters(security(spec).get("runAsUser") == 0, bad)
    return Violation("runAsUser=0", f"{who} must not set runAsUser=0") if who else None


def user_1_35(meta: Obj, spec: Obj) -> Violation | None:
    return None if has_own_users(spec) else user(meta, spec)


def seccomp_1_25(meta: Obj, spec: Obj) -> Violation | None:
    return None if is_windows(spec) else seccomp_required(meta, spec)
