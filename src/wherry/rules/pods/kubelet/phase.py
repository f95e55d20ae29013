"""The phase of a pod, from the states of its containers.

Source of the rule: https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#pod-phase (pkg/kubelet/kubelet_pods.go getPhase).
"""

from __future__ import annotations

from wherry.api.objects import Obj
from wherry.rules.pods.kubelet.actions import failed_for_good
from wherry.rules.pods.kubelet.container import Container, Running, Terminated, Waiting
from wherry.rules.pods.kubelet.restart import should_restart


def _pending_init(containers: list[Container], initialized: bool) -> bool:
    """An init container has not ended yet, or a sidecar of a pod that was never initialized has not started."""
    for c in containers:
        if c.role == "init":
            failed_before = isinstance(c.state, Waiting) and c.last is not None and c.last.exit_code != 0
            if not isinstance(c.state, Terminated) and not failed_before:
                return True
        if c.role == "sidecar" and not initialized:
            if isinstance(c.state, Running) and not c.started:
                return True
            if isinstance(c.state, Waiting) and c.last is None:
                return True
    return False


def _end(container: Container) -> Terminated | None:
    """How it ended, if it did and does not run again already."""
    if isinstance(container.state, Terminated):
        return container.state
    return container.last if isinstance(container.state, Waiting) else None


def phase(containers: list[Container], pod_spec: Obj, *, terminal: bool = False) -> str:
    """`terminal`: nothing will be started again, whatever the restart policy says (the pod is being deleted)."""
    if failed_for_good(containers, pod_spec):
        return "Failed"
    apps = [c for c in containers if c.role == "app"]
    initialized = any(isinstance(c.state, Running) or _end(c) is not None for c in apps)
    if _pending_init(containers, initialized):
        return "Pending"
    counted = [c for c in containers if c.role in ("app", "sidecar")]
    if any(isinstance(c.state, Waiting) and c.last is None for c in counted):
        return "Pending"
    if any(isinstance(c.state, Running) for c in counted):
        return "Running"
    ends = [(c, end) for c in apps if (end := _end(c)) is not None]
    if not ends:
        return "Pending"
    if not terminal and any(should_restart(c.spec, pod_spec, end.exit_code) for c, end in ends):
        return "Running"
    return "Succeeded" if all(end.exit_code == 0 for _, end in ends) else "Failed"
