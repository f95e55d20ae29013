"""Baseline checks of what a pod takes from its node: namespaces, paths, ports, addresses, privilege, kernel settings.

Source: k8s.io/pod-security-admission/policy (a file each).
"""

from __future__ import annotations

from collections.abc import Iterable

from wherry.api.objects import Obj
from wherry.rules.admission.pod_security.words import (
    Violation,
    containers_of,
    counted,
    has_own_users,
    listed,
    quoted,
    security,
    setters,
)


def host_namespaces(meta: Obj, spec: Obj) -> Violation | None:
    used = [f"{name}=true" for name in ("hostNetwork", "hostPID", "hostIPC") if spec.get(name)]
    return Violation("host namespaces", ", ".join(used)) if used else None


def host_path_volumes(meta: Obj, spec: Obj) -> Violation | None:
    names = [v.get("name", "") for v in spec.get("volumes") or () if v.get("hostPath") is not None]
    return Violation("hostPath volumes", listed(names, "volume")) if names else None


def host_ports(meta: Obj, spec: Obj) -> Violation | None:
    ports = {c.get("name", ""): [p["hostPort"] for p in c.get("ports") or () if p.get("hostPort")] for c in containers_of(spec)}
    bad = [name for name, used in ports.items() if used]
    if not bad:
        return None
    numbers = sorted({str(port) for used in ports.values() for port in used})
    return Violation("hostPort", f"{listed(bad)} {counted(bad, 'uses', 'use')} {counted(numbers, 'hostPort')} {', '.join(numbers)}")


def hosts_asked(meta: Obj, spec: Obj) -> Violation | None:
    """Probes and lifecycle handlers that ask another host than the pod."""
    bad: set[str] = set()
    hosts: set[str] = set()
    for container in containers_of(spec):
        if found := set(_hosts(container)):
            bad.add(container.get("name", ""))
            hosts |= found
    if not bad:
        return None
    names, shown = sorted(bad), sorted(hosts)
    what = counted(shown, "probe or lifecycle host")
    return Violation("probe or lifecycle host", f"{listed(names)} {counted(names, 'uses', 'use')} {what} {quoted(shown)}")


def _hosts(container: Obj) -> Iterable[str]:
    lifecycle = container.get("lifecycle") or {}
    handlers = [container.get(name) for name in ("livenessProbe", "readinessProbe", "startupProbe")]
    for handler in (*handlers, lifecycle.get("postStart"), lifecycle.get("preStop")):
        for action in ("httpGet", "tcpSocket"):
            if host := ((handler or {}).get(action) or {}).get("host"):
                yield host


def privileged(meta: Obj, spec: Obj) -> Violation | None:
    bad = [c.get("name", "") for c in containers_of(spec) if security(c).get("privileged")]
    return Violation("privileged", f"{listed(bad)} must not set securityContext.privileged=true") if bad else None


def proc_mount(meta: Obj, spec: Obj) -> Violation | None:
    found = {c.get("name", ""): kind for c in containers_of(spec) if (kind := security(c).get("procMount", "Default")) != "Default"}
    if not found:
        return None
    return Violation("procMount", f"{listed(list(found))} must not set securityContext.procMount to {quoted(sorted(set(found.values())))}")


def proc_mount_1_35(meta: Obj, spec: Obj) -> Violation | None:
    return None if has_own_users(spec) else proc_mount(meta, spec)


_SYSCTLS = frozenset({
    "kernel.shm_rmid_forced", "net.ipv4.ip_local_port_range", "net.ipv4.tcp_syncookies", "net.ipv4.ping_group_range",
    "net.ipv4.ip_unprivileged_port_start",
})  # fmt: skip
_SYSCTLS_1_27 = _SYSCTLS | {"net.ipv4.ip_local_reserved_ports"}
_SYSCTLS_1_29 = _SYSCTLS_1_27 | {
    "net.ipv4.tcp_keepalive_time",
    "net.ipv4.tcp_fin_timeout",
    "net.ipv4.tcp_keepalive_intvl",
    "net.ipv4.tcp_keepalive_probes",
}
_SYSCTLS_1_32 = _SYSCTLS_1_29 | {"net.ipv4.tcp_rmem", "net.ipv4.tcp_wmem"}


def _sysctls(spec: Obj, allowed: frozenset[str]) -> Violation | None:
    bad = [s.get("name", "") for s in security(spec).get("sysctls") or () if s.get("name") not in allowed]
    return Violation("forbidden sysctls", ", ".join(bad)) if bad else None


def sysctls(meta: Obj, spec: Obj) -> Violation | None:
    return _sysctls(spec, _SYSCTLS)


def sysctls_1_27(meta: Obj, spec: Obj) -> Violation | None:
    return _sysctls(spec, _SYSCTLS_1_27)


def sysctls_1_29(meta: Obj, spec: Obj) -> Violation | None:
    return _sysctls(spec, _SYSCTLS_1_29)


def sysctls_1_32(meta: Obj, spec: Obj) -> Violation | None:
    return _sysctls(spec, _SYSCTLS_1_32)


def windows_host_process(meta: Obj, spec: Obj) -> Violation | None:
    def asks(of: Obj) -> bool:
        return bool((security(of).get("windowsOptions") or {}).get("hostProcess"))

    who = setters(asks(spec), [c.get("name", "") for c in containers_of(spec) if asks(c)])
    return Violation("hostProcess", f"{who} must not set securityContext.windowsOptions.hostProcess=true") if who else None
