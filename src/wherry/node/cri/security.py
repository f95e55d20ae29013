"""Who a program is and what it may do, in the words of the Container Runtime Interface. Pure.

Source of the rules: pkg/kubelet/kuberuntime/security_context.go, kuberuntime_sandbox.go, pkg/securitycontext/util.go.
"""

from __future__ import annotations

from typing import Any

from wherry.node.engine import PodBox, Security

#: namespaces: of the pod, of the container alone, of the machine, of another container
POD, CONTAINER, NODE, TARGET = 0, 1, 2, 3
_RUNTIME_DEFAULT, _UNCONFINED, _LOCALHOST = 0, 1, 2
#: where profiles of the node are
_SECCOMP = "/var/lib/kubelet/seccomp/"
_MASKED = (
    "/proc/asound", "/proc/acpi", "/proc/interrupts", "/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/timer_list",
    "/proc/timer_stats", "/proc/sched_debug", "/proc/scsi", "/sys/firmware", "/sys/devices/virtual/powercap",
)
_READ_ONLY = ("/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger")


def of_pod(pod: PodBox) -> dict[str, Any]:
    """For the sandbox, which is always held to the runtime's own seccomp profile."""
    security = pod.security
    return {
        "namespace_options": namespaces(pod), "privileged": security.privileged, "seccomp": {"profile_type": _RUNTIME_DEFAULT},
        **_user(security),
    }  # fmt: skip


def of_container(pod: PodBox, security: Security, target: str = "") -> dict[str, Any]:
    """`target`: the container whose processes it sees, by the runtime's id."""
    open_proc = security.unmasked_proc
    return {
        "namespace_options": namespaces(pod, target), "privileged": security.privileged, "readonly_rootfs": security.read_only_root,
        "no_new_privs": security.no_new_privileges, "masked_paths": () if open_proc else _MASKED,
        "readonly_paths": () if open_proc else _READ_ONLY, "seccomp": _seccomp(security.seccomp), **_apparmor(security.apparmor),
        "capabilities": {"add_capabilities": security.add, "drop_capabilities": security.drop}, **_user(security),
    }  # fmt: skip


def namespaces(pod: PodBox, target: str = "") -> dict[str, Any]:
    """The machine's where the pod asks for it; processes are a container's own unless the pod shares them, or it looks at another's."""
    processes = NODE if pod.host_pid else POD if pod.share_processes else CONTAINER
    shown = {"network": NODE if pod.host_network else POD, "ipc": NODE if pod.host_ipc else POD, "pid": processes}
    if target and processes == CONTAINER:
        return {**shown, "pid": TARGET, "target_id": target}
    return shown


def _user(security: Security) -> dict[str, Any]:
    found: dict[str, Any] = {"supplemental_groups": security.groups, "supplemental_groups_policy": int(security.strict_groups)}
    if security.uid is not None:
        found["run_as_user"] = {"value": security.uid}
    if security.gid is not None:
        found["run_as_group"] = {"value": security.gid}
    if security.selinux is not None:
        found["selinux_options"] = dict(zip(("user", "role", "type", "level"), security.selinux, strict=True))
    return found


def _seccomp(said: str) -> dict[str, Any]:
    """Nothing said is no filter, as the kubelet has it (seccompDefault)."""
    if said.startswith("localhost/"):
        return {"profile_type": _LOCALHOST, "localhost_ref": _SECCOMP + said.removeprefix("localhost/")}
    return {"profile_type": _RUNTIME_DEFAULT if said == "RuntimeDefault" else _UNCONFINED}


def _apparmor(said: str) -> dict[str, Any]:
    """In both forms: runtimes know one or the other."""
    if said.startswith("localhost/"):
        return {"apparmor_profile": said, "apparmor": {"profile_type": _LOCALHOST, "localhost_ref": said.removeprefix("localhost/")}}
    if said == "RuntimeDefault":
        return {"apparmor_profile": "runtime/default", "apparmor": {"profile_type": _RUNTIME_DEFAULT}}
    if said == "Unconfined":
        return {"apparmor_profile": "unconfined", "apparmor": {"profile_type": _UNCONFINED}}
    return {}
