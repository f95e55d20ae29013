"""What a pod and its containers come to as configurations of the Container Runtime Interface. Pure: nested dictionaries.

Called by the engine, which fills messages with them. Labels and annotations are those by which the kubelet's own are found (`crictl pods`,
`crictl ps` show them), and two of wherry's that say whose a pod is. What cannot be carried is refused (StartFailed).
Source of the rules: pkg/kubelet/kuberuntime (kuberuntime_sandbox.go, kuberuntime_container.go, labels.go).
"""

from __future__ import annotations

import os.path
from collections.abc import Mapping
from typing import Any

from wherry.linux.signals import number_of
from wherry.node.cri import resources, security
from wherry.node.engine import ContainerBox, Mount, PodBox, StartFailed

POD_NAME, POD_SPACE, POD_UID = "io.kubernetes.pod.name", "io.kubernetes.pod.namespace", "io.kubernetes.pod.uid"
CONTAINER_NAME, RUN = "io.kubernetes.container.name", "io.kubernetes.container.restartCount"
#: whose a sandbox or container is, and on which node; and, of what shall not outlive its process, which one that is
OWNER, NODE, PROCESS = "wherry.dev/owner", "wherry.dev/node", "wherry.dev/process"
_PROTOCOLS = {"TCP": 0, "UDP": 1, "SCTP": 2}
_PROPAGATION = {"": 0, "HostToContainer": 1, "Bidirectional": 2}


def sandbox(pod: PodBox, attempt: int, own: Mapping[str, str], *, systemd: bool) -> dict[str, Any]:
    """`own`: labels that say whose it is."""
    return {
        "metadata": {"name": pod.name, "uid": pod.id, "namespace": pod.namespace, "attempt": attempt},
        "hostname": "" if pod.host_network else pod.hostname, "log_directory": pod.logs, "labels": {**dict(pod.labels), **_named(pod, own)},
        "annotations": {**dict(pod.annotations)},
        "dns_config": {"servers": pod.names.servers, "searches": pod.names.searches, "options": pod.names.options},
        "port_mappings": [
            {"protocol": _PROTOCOLS[each.protocol], "container_port": each.container_port, "host_port": each.port, "host_ip": each.address}
            for each in pod.ports
        ],
        "linux": {
            "cgroup_parent": resources.parent(pod, systemd=systemd), "sysctls": dict(pod.sysctls),
            "security_context": security.of_pod(pod),
        },
    }  # fmt: skip


def container(pod: PodBox, box: ContainerBox, image: str, own: Mapping[str, str], attempt: int) -> dict[str, Any]:
    """`image`: its id at the runtime; `attempt`: unlike that of any other of its name in the pod. Raises StartFailed."""
    return {
        "metadata": {"name": box.name, "attempt": attempt}, "image": {"image": image, "user_specified_image": box.image},
        "command": box.command, "args": box.args, "working_dir": box.working_dir,
        "envs": [{"key": name, "value": value.encode()} for name, value in box.env], "mounts": [_mount(each) for each in box.mounts],
        "labels": {**_named(pod, own), CONTAINER_NAME: box.name}, "annotations": {RUN: str(box.run)}, "log_path": _log(pod, box),
        "stdin": box.stdin, "stdin_once": box.stdin_once, "tty": box.tty, "stop_signal": signal_value(box.stop_signal),
        "linux": {"resources": resources.linux(box.limits), "security_context": security.of_container(pod, box.security, box.target)},
    }  # fmt: skip


def _named(pod: PodBox, own: Mapping[str, str]) -> dict[str, str]:
    return {POD_NAME: pod.name, POD_SPACE: pod.namespace, POD_UID: pod.id, NODE: pod.node, **own}


def _log(pod: PodBox, box: ContainerBox) -> str:
    if not box.log:
        return ""
    path = os.path.relpath(box.log, pod.logs) if pod.logs else ""
    if not path or path.startswith(".."):
        raise StartFailed("CreateContainerConfigError", f"the log {box.log} is not below the pod's folder of logs")
    return path


def _mount(mount: Mount) -> dict[str, Any]:
    if not mount.source:
        raise StartFailed("CreateContainerConfigError", f"the container runtime makes no memory of its own for {mount.target}")
    if not os.path.exists(mount.source):  # the runtime would make a folder of it
        raise StartFailed("CreateContainerError", f"{mount.source}: No such file or directory")
    return {
        "host_path": mount.source, "container_path": mount.target, "readonly": mount.read_only,
        "propagation": _PROPAGATION[mount.propagation],
    }  # fmt: skip


def signal_value(name: str) -> int:
    """The interface's number of a signal: by the order of their names, 0 for the runtime's default."""
    if not name:
        return 0
    if not number_of(name):
        raise StartFailed("CreateContainerConfigError", f"{name!r} is no signal")
    return _SIGNALS.get(name.replace("+", "PLUS").replace("-", "MINUS"), 0)


_SIGNALS = {name: number for number, name in enumerate((
    "SIGABRT", "SIGALRM", "SIGBUS", "SIGCHLD", "SIGCLD", "SIGCONT", "SIGFPE", "SIGHUP", "SIGILL", "SIGINT", "SIGIO", "SIGIOT", "SIGKILL",
    "SIGPIPE", "SIGPOLL", "SIGPROF", "SIGPWR", "SIGQUIT", "SIGSEGV", "SIGSTKFLT", "SIGSTOP", "SIGSYS", "SIGTERM", "SIGTRAP", "SIGTSTP",
    "SIGTTIN", "SIGTTOU", "SIGURG", "SIGUSR1", "SIGUSR2", "SIGVTALRM", "SIGWINCH", "SIGXCPU", "SIGXFSZ", "SIGRTMIN",
    *(f"SIGRTMINPLUS{plus}" for plus in range(1, 16)), *(f"SIGRTMAXMINUS{minus}" for minus in range(14, 0, -1)), "SIGRTMAX",
), 1)}  # fmt: skip
