"""A pod and its containers, as the engine is told of them. Pure.

Called by the runtime. What an engine cannot keep is refused (StartFailed with CreateContainerError) and not left out.
Source of the rules: pkg/kubelet/kuberuntime (generateContainerConfig, security_context.go), kubelet_pods.go; docs on security contexts.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from wherry.api import quantity
from wherry.api.objects import Obj, name, namespace
from wherry.node.engine import ContainerBox, HostPort, Limits, Mount, NameServers, PodBox, Security, StartFailed
from wherry.rules.pods.kubelet.expansion import expand
from wherry.rules.pods.kubelet.network_files import kernel_name, names
from wherry.rules.pods.kubelet.security import setting_of
from wherry.rules.pods.kubelet.static_pods import pod_id
from wherry.rules.pods.qos import BEST_EFFORT, GUARANTEED, qos_class

_SHARE = 1024
_LEAST_SHARES = 2
_PAGES = "hugepages-"
#: scores of who is killed first and last for want of memory
_FIRST, _LAST = 1000, -997


class Around(NamedTuple):
    """What a pod's spec does not say of it: its addresses, where its logs are, how names are looked up, how its RuntimeClass is run."""

    addresses: tuple[str, ...] = ()
    logs: str = ""
    names: NameServers = NameServers()
    handler: str = ""


def pod_box(pod: Obj, node: str, around: Around) -> PodBox:
    """Raises StartFailed."""
    spec = pod["spec"]
    context = spec.get("securityContext") or {}
    if spec.get("hostUsers") is False:
        raise StartFailed("CreatePodSandboxError", "user namespaces of pods (hostUsers: false) are not kept on this node")
    return PodBox(
        id=pod_id(pod), namespace=namespace(pod), name=name(pod), node=node, hostname=kernel_name(pod), domain=names(pod)[1],
        addresses=around.addresses, host_network=bool(spec.get("hostNetwork")), host_pid=bool(spec.get("hostPID")),
        host_ipc=bool(spec.get("hostIPC")), share_processes=bool(spec.get("shareProcessNamespace")), logs=around.logs, names=around.names,
        sysctls=tuple((each["name"], each["value"]) for each in context.get("sysctls") or ()), qos=qos_class(pod), handler=around.handler,
        labels=tuple((pod["metadata"].get("labels") or {}).items()), ports=_host_ports(spec),
        annotations=tuple((pod["metadata"].get("annotations") or {}).items()), security=_of_pod(spec, context),
    )  # fmt: skip


def _of_pod(spec: Obj, context: Obj) -> Security:
    """What of a pod's security context holds for the pod as a whole."""
    user, group = context.get("runAsUser"), context.get("runAsGroup")
    inside = (each for kind in ("initContainers", "containers") for each in spec.get(kind) or ())
    privileged = any((each.get("securityContext") or {}).get("privileged") for each in inside)
    return Security(uid=user, gid=group, groups=_groups(context), strict_groups=context.get("supplementalGroupsPolicy") == "Strict",
                    privileged=privileged, selinux=_selinux(context.get("seLinuxOptions")))


def _host_ports(spec: Obj) -> tuple[HostPort, ...]:
    """None of a pod on its node's network, whose ports these are anyway."""
    if spec.get("hostNetwork"):
        return ()
    return tuple(
        HostPort(each["hostPort"], each["containerPort"], each.get("protocol") or "TCP", each.get("hostIP") or "")
        for container in spec.get("containers") or () for each in container.get("ports") or () if each.get("hostPort")
    )


def _groups(context: Obj) -> tuple[int, ...]:
    own = [context["fsGroup"]] if context.get("fsGroup") is not None else []
    return (*(context.get("supplementalGroups") or ()), *own)


def _selinux(options: Obj | None) -> tuple[str, str, str, str] | None:
    if not options:
        return None
    user, role, kind, level = (options.get(part) or "" for part in ("user", "role", "type", "level"))
    return user, role, kind, level


class Run(NamedTuple):
    """Of one start of a container: its id, log, how often it was started before, and the id of the container that it looks into."""

    id: str
    log: str
    number: int = 0
    target: str = ""


def container_box(pod: Obj, container: Obj, run: Run, variables: Mapping[str, str], mounts: tuple[Mount, ...],
                  memory: int = 0) -> ContainerBox:
    """`memory`: of the machine, in bytes. Raises StartFailed."""
    return ContainerBox(
        id=run.id, name=container["name"], image=container.get("image", ""),
        command=tuple(expand(word, variables) for word in container.get("command") or ()),
        args=tuple(expand(word, variables) for word in container.get("args") or ()),
        env=tuple(variables.items()), working_dir=container.get("workingDir") or "", mounts=mounts,
        security=security(pod["spec"], container), limits=limits(container, oom_score(pod, container, memory)),
        tty=bool(container.get("tty")), stdin=bool(container.get("stdin")), stdin_once=bool(container.get("stdinOnce")), log=run.log,
        stop_signal=(container.get("lifecycle") or {}).get("stopSignal") or "", run=run.number, target=run.target,
    )  # fmt: skip


def security(pod_spec: Obj, container: Obj) -> Security:
    context, whole = container.get("securityContext") or {}, pod_spec.get("securityContext") or {}
    capabilities = context.get("capabilities") or {}
    user, group = setting_of(pod_spec, container, "runAsUser"), setting_of(pod_spec, container, "runAsGroup")
    selinux: Any = setting_of(pod_spec, container, "seLinuxOptions")
    return Security(
        uid=user if isinstance(user, int) else None, gid=group if isinstance(group, int) else None, groups=_groups(whole),
        strict_groups=whole.get("supplementalGroupsPolicy") == "Strict", privileged=bool(context.get("privileged")),
        read_only_root=bool(context.get("readOnlyRootFilesystem")), no_new_privileges=context.get("allowPrivilegeEscalation") is False,
        add=tuple(capabilities.get("add") or ()), drop=tuple(capabilities.get("drop") or ()),
        seccomp=_profile(setting_of(pod_spec, container, "seccompProfile")),
        apparmor=_profile(setting_of(pod_spec, container, "appArmorProfile")), selinux=_selinux(selinux),
        unmasked_proc=context.get("procMount") == "Unmasked",
    )  # fmt: skip


def _profile(said: Any) -> str:
    """RuntimeDefault, Unconfined, localhost/NAME, or "" for nothing said."""
    kind = (said or {}).get("type") or ""
    return f"localhost/{said.get('localhostProfile') or ''}" if kind == "Localhost" else str(kind)


def limits(container: Obj, score: int = 0) -> Limits:
    resources = container.get("resources") or {}
    most, least = resources.get("limits") or {}, resources.get("requests") or {}
    cpu = quantity.milli(most["cpu"]) if "cpu" in most else 0
    asked = quantity.milli(least.get("cpu") or most.get("cpu") or "0")
    pages = ((key.removeprefix(_PAGES), quantity.to_int(amount)) for key, amount in most.items() if key.startswith(_PAGES))
    return Limits(
        memory=quantity.to_int(most["memory"]) if "memory" in most else 0,
        cpu=cpu / 1000,
        shares=max(asked * _SHARE // 1000, _LEAST_SHARES),
        oom_score=score,
        huge_pages=tuple((f"{size.removesuffix('i')}B", amount) for size, amount in pages),
    )


def oom_score(pod: Obj, container: Obj, memory: int) -> int:
    """Who is killed first when the machine's memory is used up: by QoS class, and among burstable ones by what was asked for.

    `memory`: of the machine, in bytes. Source: pkg/kubelet/qos/policy.go.
    """
    kind = qos_class(pod)
    if kind == GUARANTEED or is_critical(pod):
        return _LAST
    if kind == BEST_EFFORT or not memory:
        return _FIRST
    score = _FIRST - _FIRST * _asked(container) // memory
    if container.get("restartPolicy") == "Always":
        least = min((_asked(each) for each in pod["spec"]["containers"]), default=0)
        score = min(score, _FIRST - _FIRST * least // memory)
    return min(max(score, _FIRST + _LAST), _FIRST - 1)


def _asked(container: Obj) -> int:
    return quantity.to_int(((container.get("resources") or {}).get("requests") or {}).get("memory") or "0")


def is_critical(pod: Obj) -> bool:
    """Its node cannot do without it."""
    return bool(pod["spec"].get("priorityClassName") == "system-node-critical")
