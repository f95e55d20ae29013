"""Why pods of a rollout are not ready: a pure function of pods, their owner and their events.

Called by `explain`. A cause is `final` when waiting alone will not mend it: an image that cannot be pulled, a ConfigMap that is not there,
a container that keeps crashing. What may pass by itself (no room on a node, a probe that fails, a quota that is full) is not.
Source of the reasons: pkg/kubelet/images/types.go, pkg/kubelet/container/sync_result.go, pkg/kubelet/kuberuntime, the scheduler's and the
ReplicaSet controller's events and conditions.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from wherry.api.objects import Obj

Kind = Literal["image", "config", "crash", "start", "probe", "unschedulable", "create"]
_IMAGE = ("ImagePullBackOff", "ErrImagePull", "InvalidImageName", "ErrImageNeverPull", "ImageInspectError", "RegistryUnavailable")
_CONFIG = ("CreateContainerConfigError",)
_START = ("CreateContainerError", "RunContainerError", "PreCreateHookError", "PreStartHookError", "PostStartHookError")


@dataclass(frozen=True, slots=True)
class Cause:
    """`pod` is "" for what keeps pods from being created at all. `log`: the last lines of a container that crashed."""

    kind: Kind
    pod: str
    container: str
    reason: str
    message: str
    final: bool
    log: tuple[str, ...] = ()

    def __str__(self) -> str:
        where = f"pod {self.pod}" + (f", container {self.container}" if self.container else "") if self.pod else "no pods can be created"
        return f"{where}: {self.reason}" + (f": {self.message}" if self.message else "")


def of_pod(pod: Obj, unhealthy: Iterable[str] = ()) -> list[Cause]:
    """Everything that holds one pod up. `unhealthy`: messages of its Unhealthy events, newest last."""
    status, name = pod.get("status") or {}, pod["metadata"]["name"]
    if pod["metadata"].get("deletionTimestamp") or _condition(pod, "Ready").get("status") == "True":
        return []
    images = {c["name"]: c.get("image", "") for f in ("initContainers", "containers") for c in pod["spec"].get(f) or ()}
    found = [cause for field in ("initContainerStatuses", "containerStatuses") for container in status.get(field) or ()
             if (cause := _of_container(name, container, images)) is not None]
    if found:
        return found
    scheduled = _condition(pod, "PodScheduled")
    if scheduled.get("status") == "False":
        return [Cause("unschedulable", name, "", scheduled.get("reason") or "Unschedulable", scheduled.get("message", ""), False)]
    if status.get("phase") == "Failed":
        return [Cause("start", name, "", status.get("reason") or "Failed", status.get("message", ""), True)]
    messages = list(unhealthy)
    return [Cause("probe", name, "", "Unhealthy", messages[-1], False)] if messages else []


def _of_container(pod: str, status: Obj, images: dict[str, str]) -> Cause | None:
    container, state = status["name"], status.get("state") or {}
    waiting = state.get("waiting") or {}
    reason, message = waiting.get("reason", ""), waiting.get("message", "")
    if reason in _IMAGE:
        image = images.get(container) or status.get("image", "")
        return Cause("image", pod, container, reason, f'image "{image}"', True)
    if reason in _CONFIG:
        return Cause("config", pod, container, reason, message, True)
    if reason in _START:
        return Cause("start", pod, container, reason, message, True)
    if reason == "CrashLoopBackOff":
        return _crash(pod, container, reason, (status.get("lastState") or {}).get("terminated") or {}, status.get("restartCount", 0), True)
    ended = state.get("terminated") or {}
    if ended and ended.get("exitCode", 0) != 0:
        return _crash(pod, container, ended.get("reason") or "Error", ended, status.get("restartCount", 0), False)
    return None


def _crash(pod: str, container: str, reason: str, ended: Obj, restarts: int, final: bool) -> Cause:
    why = f"exit code {ended.get('exitCode', '?')}"
    if ended.get("reason") and ended["reason"] not in ("Error", reason):
        why += f" ({ended['reason']})"
    lines = tuple((ended.get("message") or "").strip().splitlines()[-5:])
    return Cause("crash", pod, container, reason, f"{why}, {restarts} restart{'' if restarts == 1 else 's'}", final, lines)


def _condition(obj: Obj, kind: str) -> Obj:
    return next((c for c in (obj.get("status") or {}).get("conditions") or () if c.get("type") == kind), {})


def of_owner(owner: Obj) -> list[Cause]:
    """What keeps a ReplicaSet (or its Deployment) from creating pods: quota, limits, admission."""
    failure = _condition(owner, "ReplicaFailure")
    if failure.get("status") != "True":
        return []
    return [Cause("create", "", "", failure.get("reason") or "FailedCreate", failure.get("message", ""), False)]


def of_events(events: Iterable[Obj]) -> list[Cause]:
    """The same from the events of a StatefulSet or DaemonSet, which have no such condition."""
    failed = [e for e in events if e.get("type") == "Warning" and e.get("reason") == "FailedCreate"]
    return [Cause("create", "", "", "FailedCreate", str(failed[-1].get("message", "")), False)] if failed else []
