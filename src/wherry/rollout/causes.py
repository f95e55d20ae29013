"""Why pods of a rollout are not ready: a pure function of pods, their owner and their events.

Called by `held`. A cause is `final` when waiting alone will not mend it: an image that cannot be pulled, a ConfigMap that is not there,
a container that keeps crashing. What may pass by itself (no room on a node, a probe that fails, a quota that is full) is not.
Source of the reasons: pkg/kubelet/images/types.go, pkg/kubelet/container/sync_result.go, pkg/kubelet/kuberuntime, the scheduler's and the
ReplicaSet controller's events and conditions.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal

from wherry.api import timestamps
from wherry.api.objects import Obj

Kind = Literal["image", "config", "crash", "start", "probe", "gate", "unschedulable", "quota", "create", "budget", "leaving"]
_IMAGE = ("ImagePullBackOff", "ErrImagePull", "InvalidImageName", "ErrImageNeverPull", "ImageInspectError", "RegistryUnavailable")
_CONFIG = ("CreateContainerConfigError",)
#: reasons of events about a pod whose containers wait without saying for what
MOUNTS = ("FailedMount", "FailedAttachVolume", "FailedCreatePodSandBox")
_MISSING = ("configmap", "secret", "object ")
_START = ("CreateContainerError", "RunContainerError", "PreCreateHookError", "PreStartHookError", "PostStartHookError")


#: seconds after its grace period from which on a pod counts as stuck
OVERDUE = 10.0
#: so many pods are named where one cause holds up many
_NAMED = 3


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


def of_pod(pod: Obj, unhealthy: Iterable[str] = (), mounts: Iterable[tuple[str, str]] = ()) -> list[Cause]:
    """Everything that holds one pod up. `unhealthy`: messages of its Unhealthy events, newest last; `mounts`: (reason, message) of events
    about volumes and the sandbox.
    """
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
    messages, troubles = list(unhealthy), list(mounts)
    if troubles and status.get("phase") == "Pending":
        reason, message = troubles[-1]
        missing = "not found" in message and any(word in message for word in _MISSING)
        return [Cause("config" if missing else "start", name, "", reason, message, missing)]
    if messages:
        return [Cause("probe", name, "", "Unhealthy", messages[-1], False)]
    return _gates(pod, name)


def _gates(pod: Obj, name: str) -> list[Cause]:
    """Readiness gates that nobody has opened, when the containers themselves are ready."""
    if _condition(pod, "ContainersReady").get("status") != "True":
        return []
    closed = [gate["conditionType"] for gate in pod["spec"].get("readinessGates") or ()
              if _condition(pod, gate["conditionType"]).get("status") != "True"]
    return [Cause("gate", name, "", "ReadinessGatesNotReady", f"condition {', '.join(closed)} is not true", False)] if closed else []


def of_waiting(pod: Obj, now: float) -> list[Cause]:
    """Running for a while and not ready, without anybody saying why: all there is to tell is which containers are not."""
    ready = _condition(pod, "ContainersReady")
    if (pod.get("status") or {}).get("phase") != "Running" or ready.get("status") != "False" or not ready.get("lastTransitionTime"):
        return []
    if pod["metadata"].get("deletionTimestamp") or now - timestamps.parse(ready["lastTransitionTime"]) < OVERDUE:
        return []
    return [Cause("probe", pod["metadata"]["name"], "", ready.get("reason") or "ContainersNotReady", ready.get("message", ""), False)]


def of_leaving(pod: Obj, now: float) -> list[Cause]:
    """A pod that should be gone: its grace period is over, and it is still there."""
    until = pod["metadata"].get("deletionTimestamp")
    if not until or now - timestamps.parse(until) < OVERDUE:
        return []
    finalizers = pod["metadata"].get("finalizers") or ()
    why = f"finalizers {', '.join(finalizers)}" if finalizers else f"node {pod['spec'].get('nodeName', '')} has not let it go"
    return [Cause("leaving", pod["metadata"]["name"], "", "Terminating",
                  f"still there {now - timestamps.parse(until):.0f}s after its grace period: {why}", False)]


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
        # a kubelet of v1.36 leaves it at that until the back-off is over: one that was started again and ended again is in its loop
        restarts = status.get("restartCount", 0)
        return _crash(pod, container, ended.get("reason") or "Error", ended, restarts, restarts > 0)
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
    return [_refused(failure.get("reason") or "FailedCreate", failure.get("message", ""))]


def _refused(reason: str, message: str) -> Cause:
    return Cause("quota" if "exceeded quota" in message or "failed quota" in message else "create", "", "", reason, message, False)


def of_events(events: Iterable[Obj]) -> list[Cause]:
    """The same from the events of a StatefulSet or DaemonSet, which have no such condition."""
    failed = [e for e in events if e.get("type") == "Warning" and e.get("reason") == "FailedCreate"]
    return [_refused("FailedCreate", str(failed[-1].get("message", "")))] if failed else []


def grouped(causes: Iterable[Cause]) -> list[str]:
    """Each cause once, with the pods it is of: a hundred pods of one bad image are one line."""
    pods: dict[Cause, list[str]] = {}
    for cause in causes:
        pods.setdefault(replace(cause, pod="", log=()), []).append(cause.pod)
    lines = []
    for cause, names in pods.items():
        more = len(names) - _NAMED
        if len(names) == 1:
            lines.append(str(replace(cause, pod=names[0])))
        else:
            named = ", ".join(names[:_NAMED]) + (f" and {more} more" if more > 0 else "")
            lines.append(str(replace(cause, pod=named)).replace("pod ", "pods ", 1))
    return lines
