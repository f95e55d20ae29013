"""A pod and its containers, as the engine is told of them. Pure.

Called by the runtime. What an engine cannot keep is refused (StartFailed with CreateContainerError) and not left out.
Source of the rules: pkg/kubelet/kuberuntime (generateContainerConfig, security_context.go), kubelet_pods.go; docs on security contexts.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from wherry.api import quantity
from wherry.api.objects import Obj, name, namespace, uid
from wherry.node.engine import ContainerBox, Limits, Mount, PodBox, Security, StartFailed
from wherry.rules.pods.kubelet.expansion import expand
from wherry.rules.pods.kubelet.network_files import kernel_name, names
from wherry.rules.pods.kubelet.security import setting_of

_SHARE = 1024
_LEAST_SHARES = 2


def pod_box(pod: Obj, node: str, addresses: tuple[str, ...]) -> PodBox:
    spec = pod["spec"]
    context = spec.get("securityContext") or {}
    return PodBox(
        id=uid(pod), namespace=namespace(pod), name=name(pod), node=node, hostname=kernel_name(pod), domain=names(pod)[1],
        addresses=addresses, host_network=bool(spec.get("hostNetwork")), host_pid=bool(spec.get("hostPID")),
        share_processes=bool(spec.get("shareProcessNamespace")),
        sysctls=tuple((each["name"], each["value"]) for each in context.get("sysctls") or ()),
    )  # fmt: skip


def container_box(pod: Obj, container: Obj, id_: str, variables: Mapping[str, str], mounts: tuple[Mount, ...], log: str) -> ContainerBox:
    """Raises StartFailed."""
    return ContainerBox(
        id=id_, name=container["name"], image=container.get("image", ""),
        command=tuple(expand(word, variables) for word in container.get("command") or ()),
        args=tuple(expand(word, variables) for word in container.get("args") or ()),
        env=tuple(variables.items()), working_dir=container.get("workingDir") or "", mounts=mounts,
        security=security(pod["spec"], container), limits=limits(container), tty=bool(container.get("tty")),
        stdin=bool(container.get("stdin")), stdin_once=bool(container.get("stdinOnce")), log=log,
        stop_signal=(container.get("lifecycle") or {}).get("stopSignal") or "",
    )  # fmt: skip


def security(pod_spec: Obj, container: Obj) -> Security:
    """Raises StartFailed for what is not kept."""
    context, whole = container.get("securityContext") or {}, pod_spec.get("securityContext") or {}
    profile: Any = setting_of(pod_spec, container, "seccompProfile") or {}
    if profile.get("type") == "Localhost":
        raise StartFailed("CreateContainerError", f"seccomp profiles of the node are not loaded here: {profile.get('localhostProfile')}")
    capabilities = context.get("capabilities") or {}
    groups = [*(whole.get("supplementalGroups") or ()), *([whole["fsGroup"]] if whole.get("fsGroup") is not None else ())]
    user, group = setting_of(pod_spec, container, "runAsUser"), setting_of(pod_spec, container, "runAsGroup")
    return Security(
        uid=user if isinstance(user, int) else None, gid=group if isinstance(group, int) else None, groups=tuple(groups),
        privileged=bool(context.get("privileged")), read_only_root=bool(context.get("readOnlyRootFilesystem")),
        no_new_privileges=context.get("allowPrivilegeEscalation") is False, add=tuple(capabilities.get("add") or ()),
        drop=tuple(capabilities.get("drop") or ()), seccomp="RuntimeDefault" if profile.get("type") == "RuntimeDefault" else "",
        unmasked_proc=context.get("procMount") == "Unmasked",
    )  # fmt: skip


def limits(container: Obj) -> Limits:
    resources = container.get("resources") or {}
    most, least = resources.get("limits") or {}, resources.get("requests") or {}
    cpu = quantity.milli(most["cpu"]) if "cpu" in most else 0
    asked = quantity.milli(least.get("cpu") or most.get("cpu") or "0")
    return Limits(
        memory=quantity.to_int(most["memory"]) if "memory" in most else 0,
        cpu=cpu / 1000,
        shares=max(asked * _SHARE // 1000, _LEAST_SHARES),
    )
