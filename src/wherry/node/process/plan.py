"""What a container box and its image come to: the request that the helper gets. Pure.

Source: https://kubernetes.io/docs/tasks/inject-data-application/define-command-argument-container/ (which of command, args, entrypoint and
cmd count), the CRI plugin of containerd for PATH, TERM and HOSTNAME.
"""

from __future__ import annotations

from signal import SIGTERM
from typing import Any

from wherry.linux import capabilities
from wherry.linux.signals import number_of
from wherry.node.engine import ContainerBox, ImageConfig, Limits, PodBox, Security, StartFailed

_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def arguments(box: ContainerBox, config: ImageConfig) -> list[str]:
    """Command and arguments of the program. Raises StartFailed when there are none."""
    if box.command:
        out = [*box.command, *box.args]
    elif box.args:
        out = [*config.entrypoint, *box.args]
    else:
        out = [*config.entrypoint, *config.command]
    if not out or not out[0]:
        raise StartFailed("CreateContainerError", "no command specified")
    return out


def environment(box: ContainerBox, config: ImageConfig, hostname: str) -> list[tuple[str, str]]:
    """A later one of a name wins."""
    start = {"PATH": _PATH, "HOSTNAME": hostname, **({"TERM": "xterm"} if box.tty else {})}
    return list({**start, **dict(config.env), **dict(box.env)}.items())


def process(pod: PodBox, box: ContainerBox, config: ImageConfig) -> dict[str, Any]:
    """Raises StartFailed for what cannot be kept."""
    security = box.security
    _refuse(pod, box)
    allowed = _capabilities(security)
    if security.gid is not None and security.uid is None and not config.user:
        raise StartFailed("CreateContainerError", "runAsGroup is specified without a runAsUser")
    return {
        "pod": pod.id, "container": box.id, "argv": arguments(box, config), "env": environment(box, config, pod.hostname),
        "cwd": box.working_dir or config.working_dir or "/", "user": config.user, "uid": security.uid, "gid": security.gid,
        "groups": list(security.groups), "capabilities": sorted(allowed), "no_new_privileges": security.no_new_privileges,
        "seccomp": security.seccomp == "RuntimeDefault" and not security.privileged, "privileged": security.privileged,
        "read_only": security.read_only_root, "masked": not (security.privileged or security.unmasked_proc), "tty": box.tty,
        "mounts": [[mount.source, mount.target, mount.read_only, mount.size, mount.mode] for mount in box.mounts],
        "limits": limits(box.limits), "oom_score": box.limits.oom_score,
    }


def stop_signal(box: ContainerBox, config: ImageConfig, asked: str = "") -> int:
    """By name or number, with or without SIG. One that is none is SIGTERM, as container runtimes have it."""
    return number_of(asked or box.stop_signal or config.stop_signal) or SIGTERM


def _refuse(pod: PodBox, box: ContainerBox) -> None:
    """What namespaces without a container runtime do not give."""
    if box.security.seccomp.startswith("localhost/"):
        profile = box.security.seccomp.removeprefix("localhost/")
        raise StartFailed("CreateContainerError", f"seccomp profiles of the node are not loaded here: {profile}")
    if box.security.apparmor.startswith("localhost/"):
        raise StartFailed("CreateContainerError", "Cannot enforce AppArmor: profiles of the node are not loaded here")
    for mount in box.mounts:
        if mount.propagation:
            raise StartFailed("CreateContainerError", f"mountPropagation {mount.propagation} is not kept on this node")
    if pod.handler:
        raise StartFailed("CreateContainerError", f'no runtime for "{pod.handler}" is configured')


def _capabilities(security: Security) -> frozenset[str]:
    if security.privileged:
        return frozenset(capabilities.NAMES)
    try:
        return capabilities.wanted(security.add, security.drop)
    except ValueError as error:
        raise StartFailed("CreateContainerError", str(error)) from error


def limits(wanted: Limits) -> list[float]:
    """As the helper takes them."""
    return [wanted.memory, wanted.cpu, wanted.shares, wanted.processes]
