"""Baseline checks of security profiles: AppArmor, SELinux, seccomp, and added capabilities.

Source: k8s.io/pod-security-admission/policy (a file each).
"""

from __future__ import annotations

from wherry.api.field import show
from wherry.api.objects import Obj
from wherry.rules.admission.pod_security.words import Violation, containers_of, counted, listed, quoted, security, setters

_APPARMOR = "container.apparmor.security.beta.kubernetes.io/"
_SECCOMP_POD = "seccomp.security.alpha.kubernetes.io/pod"
_SECCOMP_CONTAINER = "container.seccomp.security.alpha.kubernetes.io/"
PROFILES = ("RuntimeDefault", "Localhost")


def app_armor(meta: Obj, spec: Obj) -> Violation | None:
    bad = {c.get("name", ""): kind for c in containers_of(spec) if (kind := _profile(c, "appArmorProfile")) not in (None, *PROFILES)}
    own = _profile(spec, "appArmorProfile")
    own_is_bad = own not in (None, *PROFILES)
    values = sorted({str(v) for v in (*bad.values(), *((own,) if own_is_bad else ()))})
    who = [who] if (who := setters(own_is_bad, list(bad))) else []
    notes = sorted(
        f"{name}={show(value)}"
        for name, value in (meta.get("annotations") or {}).items()
        if name.startswith(_APPARMOR) and value not in ("", "runtime/default") and not value.startswith("localhost/")
    )
    if notes:
        values += notes
        who.append(counted(notes, "annotation"))
    if not who:
        return None
    return Violation(
        counted(values, "forbidden AppArmor profile"), f"{' and '.join(who)} must not set AppArmor profile type to {quoted(values)}"
    )


def _profile(of: Obj, name: str) -> str | None:
    profile = security(of).get(name)
    return None if profile is None else str(profile.get("type", ""))


_CAPABILITIES = frozenset({
    "AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD", "NET_BIND_SERVICE", "SETFCAP", "SETGID", "SETPCAP",
    "SETUID", "SYS_CHROOT",
})  # fmt: skip


def capabilities(meta: Obj, spec: Obj) -> Violation | None:
    added = {c.get("name", ""): set((security(c).get("capabilities") or {}).get("add") or ()) - _CAPABILITIES for c in containers_of(spec)}
    bad = [name for name, names in added.items() if names]
    if not bad:
        return None
    names = quoted(sorted(set().union(*added.values())))
    return Violation("non-default capabilities", f"{listed(bad)} must not include {names} in securityContext.capabilities.add")


_SELINUX = frozenset({"", "container_t", "container_init_t", "container_kvm_t"})
_SELINUX_1_31 = _SELINUX | {"container_engine_t"}


def selinux(meta: Obj, spec: Obj) -> Violation | None:
    return _selinux(spec, _SELINUX)


def selinux_1_31(meta: Obj, spec: Obj) -> Violation | None:
    return _selinux(spec, _SELINUX_1_31)


def _selinux(spec: Obj, allowed: frozenset[str]) -> Violation | None:
    def is_bad(options: Obj | None) -> bool:
        return options is not None and bool(options.get("type", "") not in allowed or options.get("user") or options.get("role"))

    own = security(spec).get("seLinuxOptions")
    bad = {c.get("name", ""): options for c in containers_of(spec) if is_bad(options := security(c).get("seLinuxOptions"))}
    who = setters(is_bad(own), list(bad))
    if not who:
        return None
    all_ = [*bad.values(), *((own,) if is_bad(own) else ())]
    types = sorted({o.get("type", "") for o in all_} - allowed)
    what = [listed(types, "type")] if types else []
    what += [f"{part} may not be set" for part in ("user", "role") if any(o.get(part) for o in all_)]
    return Violation("seLinuxOptions", f"{who} set forbidden securityContext.seLinuxOptions: {'; '.join(what)}")


def seccomp(meta: Obj, spec: Obj) -> Violation | None:
    """By the annotations of old."""
    notes = meta.get("annotations") or {}
    keys = [_SECCOMP_POD, *(f"{_SECCOMP_CONTAINER}{c.get('name', '')}" for c in containers_of(spec))]
    bad = sorted({f"{k}={show(notes[k])}" for k in keys if k in notes and not _is_allowed(notes[k])})
    return Violation("seccompProfile", f"forbidden {counted(bad, 'annotation')} {', '.join(bad)}") if bad else None


def _is_allowed(value: str) -> bool:
    return value in ("runtime/default", "docker/default") or value.startswith("localhost/")


def seccomp_1_19(meta: Obj, spec: Obj) -> Violation | None:
    own = _profile(spec, "seccompProfile")
    own_is_bad = own not in (None, *PROFILES)
    bad = {c.get("name", ""): kind for c in containers_of(spec) if (kind := _profile(c, "seccompProfile")) not in (None, *PROFILES)}
    who = setters(own_is_bad, list(bad))
    if not who:
        return None
    values = sorted({str(v) for v in (*bad.values(), *((own,) if own_is_bad else ()))})
    return Violation("seccompProfile", f"{who} must not set securityContext.seccompProfile.type to {quoted(values)}")


def seccomp_required(meta: Obj, spec: Obj) -> Violation | None:
    """Restricted: everything must run under a profile."""
    if found := seccomp_1_19(meta, spec):
        return found
    if _profile(spec, "seccompProfile") is not None:
        return None
    bad = [c.get("name", "") for c in containers_of(spec) if _profile(c, "seccompProfile") is None]
    if not bad:
        return None
    return Violation(
        "seccompProfile", f'pod or {listed(bad)} must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost"'
    )
