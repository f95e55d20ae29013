"""Whether a container has a log to read, by its pod's status.

Called by runtimes when somebody asks for logs.
Source of the rule and of the texts: pkg/kubelet/kubelet_pods.go validateContainerLogStatus.
"""

from __future__ import annotations

from wherry.api import timestamps
from wherry.api.errors import BadRequest
from wherry.api.objects import Obj, name

_PULLING = {"ErrImagePull": "image can't be pulled", "ImagePullBackOff": "trying and failing to pull image"}


def logged_since(pod: Obj, container: str, *, previous: bool) -> float:
    """When the run began whose log is asked for, in seconds since 1970. Raises BadRequest when there is none."""
    status = pod.get("status") or {}
    fields = ("containerStatuses", "initContainerStatuses", "ephemeralContainerStatuses")
    entry = next((e for field in fields for e in status.get(field) or () if e["name"] == container), None)
    if entry is None:
        raise BadRequest(f'container "{container}" in pod "{name(pod)}" is not available')
    state, last = entry.get("state") or {}, (entry.get("lastState") or {}).get("terminated")
    if previous:
        if not last:
            raise BadRequest(f'previous terminated container "{container}" in pod "{name(pod)}" not found')
        return timestamps.parse(last["startedAt"])
    found = state.get("running") or state.get("terminated") or last
    if found:
        return timestamps.parse(found["startedAt"])
    reason = (state.get("waiting") or {}).get("reason", "")
    raise BadRequest(f'container "{container}" in pod "{name(pod)}" is waiting to start: {_PULLING.get(reason, reason)}')
