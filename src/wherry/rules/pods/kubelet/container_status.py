"""A container's entry in `containerStatuses`, and back: what an agent that starts finds in the status it wrote before.

Called by `status`. Two detail levels: `full` is what the kubelet of v1.36 writes; plain leaves out what is only said about real
containers (id, resources, mounts, user), as the simulated nodes of the recordings do.
Source of the shape: pkg/kubelet/kubelet_pods.go convertToAPIContainerStatuses; API reference of v1.ContainerStatus.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from wherry.api import timestamps
from wherry.api.objects import Obj
from wherry.rules.pods.kubelet.container import CREATING, Container, Running, State, Terminated, User, Waiting, of_pod

#: the last state of a container that has not ended yet
NEVER: Obj = {}


def _state(state: State) -> Obj:
    if isinstance(state, Waiting):
        return {"waiting": {"reason": state.reason, "message": state.message} if state.message else {"reason": state.reason}}
    if isinstance(state, Running):
        return _running(timestamps.time(state.started_at))
    said: Obj = {"exitCode": state.exit_code}
    if state.signal:
        said["signal"] = state.signal
    said["reason"] = state.reason
    if state.message:
        said["message"] = state.message
    said["startedAt"], said["finishedAt"] = timestamps.time(state.started_at), timestamps.time(state.finished_at)
    if state.container_id:
        said["containerID"] = state.container_id
    return {"terminated": said}


@lru_cache(maxsize=4096)
def _running(since: str) -> Obj:
    """Shared: of the pods of a rollout many start in the same second."""
    return {"running": {"startedAt": since}}


@lru_cache(maxsize=4096)
def _mount(name: str, path: str, read_only: bool) -> Obj:
    """Shared by the pods of a template."""
    entry: Obj = {"name": name, "mountPath": path}
    return {**entry, "readOnly": True, "recursiveReadOnly": "Disabled"} if read_only else entry


_ROOT = User(0, 0, (0,))


def user_of(spec: Obj, pod_spec: Obj) -> User:
    """Who it is if its image says nothing."""
    context = {**(pod_spec.get("securityContext") or {}), **(spec.get("securityContext") or {})}
    if not context:
        return _ROOT
    uid, gid = context.get("runAsUser", 0), context.get("runAsGroup", 0)
    groups = {gid, *(context.get("supplementalGroups") or ()), *([context["fsGroup"]] if "fsGroup" in context else ())}
    return User(uid, gid, tuple(sorted(groups)))


@lru_cache(maxsize=4096)
def _shown_user(user: User) -> Obj:
    """Shared by the pods of a template."""
    return {"linux": {"uid": user.uid, "gid": user.gid, "supplementalGroups": list(user.groups)}}


def container_status(container: Container, *, full: bool) -> Obj:
    """The entry, fields in the reference's order."""
    entry: Obj = {
        "name": container.name,
        "state": _state(container.state),
        "lastState": _state(container.last) if container.last is not None else NEVER,
        "ready": container.ready,
        "restartCount": container.restarts,
        "image": container.image_name or container.image,
        "imageID": container.image_id,
    }
    if full and container.id:
        entry["containerID"] = container.id
    if container.role != "ephemeral":
        entry["started"] = container.started
    if full:
        _details(entry, container)
    return entry


def _details(entry: Obj, container: Container) -> None:
    if container.id:
        resources = container.spec.get("resources") or {}
        if resources.get("requests"):
            entry["allocatedResources"] = resources["requests"]
        entry["resources"] = resources
    mounts = container.spec.get("volumeMounts")
    if mounts:
        entry["volumeMounts"] = [_mount(m["name"], m["mountPath"], bool(m.get("readOnly"))) for m in mounts]
    if container.id and container.user is not None:
        entry["user"] = _shown_user(container.user)


def _parse_terminated(said: Obj) -> Terminated:
    started, finished = (timestamps.parse(said[k]) if said.get(k) else 0.0 for k in ("startedAt", "finishedAt"))
    reason, message, id_ = (said.get(k, "") for k in ("reason", "message", "containerID"))
    return Terminated(said["exitCode"], reason, started, finished, message, id_, said.get("signal", 0))


def _parse_state(said: dict[str, Any]) -> State:
    if said.get("running") is not None:
        return Running(timestamps.parse(said["running"]["startedAt"]))
    if said.get("terminated") is not None:
        return _parse_terminated(said["terminated"])
    waiting = said.get("waiting") or {}
    return Waiting(waiting["reason"], waiting.get("message", "")) if waiting.get("reason") else CREATING


def from_status(pod: Obj) -> list[Container]:
    """The pod's containers as its status tells; those it says nothing about have not begun."""
    status = pod.get("status") or {}
    fields = ("initContainerStatuses", "containerStatuses", "ephemeralContainerStatuses")
    said = {s["name"]: s for field in fields for s in status.get(field) or ()}
    containers = of_pod(pod)
    for container in containers:
        entry = said.get(container.name)
        if entry is None:
            continue
        last = (entry.get("lastState") or {}).get("terminated")
        container.state = _parse_state(entry.get("state") or {})
        container.last = _parse_terminated(last) if last else None
        container.restarts, container.ready = entry.get("restartCount", 0), bool(entry.get("ready"))
        container.started = bool(entry.get("started"))
        container.id, container.image_id = entry.get("containerID", ""), entry.get("imageID", "")
        who = (entry.get("user") or {}).get("linux")
        container.user = User(who["uid"], who["gid"], tuple(who.get("supplementalGroups") or ())) if who else None
    return containers
