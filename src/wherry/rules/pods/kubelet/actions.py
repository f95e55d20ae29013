"""What the node agent does next for a pod: which containers to start or stop, and when to look again.

Called after every change. Init containers run one after the other, each to success; a sidecar has to have started before what follows
it; then all others start in the order of the spec, each when the start before it has come to something. When the last of these has ended
for good, sidecars are stopped. Ephemeral containers start once, at any time.
Source of the rule: https://kubernetes.io/docs/concepts/workloads/pods/init-containers/, KEP-753 (kuberuntime computePodActions).
"""

from __future__ import annotations

from typing import NamedTuple

from wherry.api.objects import Obj
from wherry.rules.pods.kubelet.container import Container, Running, Terminated, Waiting
from wherry.rules.pods.kubelet.restart import should_restart


class Actions(NamedTuple):
    start: tuple[Container, ...] = ()
    stop: tuple[Container, ...] = ()
    look_again_at: float | None = None


def ended_for_good(container: Container, pod_spec: Obj) -> bool:
    """It has ended and will not be started again."""
    state = container.state
    if not isinstance(state, Terminated):
        return False
    return container.role == "ephemeral" or not should_restart(container.spec, pod_spec, state.exit_code)


def failed_for_good(containers: list[Container], pod_spec: Obj) -> bool:
    """An init container failed and will not be started again: nothing after it ever runs."""
    for c in containers:
        if c.role == "init" and isinstance(c.state, Terminated) and c.state.exit_code and ended_for_good(c, pod_spec):
            return True
    return False


def all_done(containers: list[Container], pod_spec: Obj) -> bool:
    """Everything that counts has ended for good; sidecars may still run."""
    for c in containers:
        if c.role == "app" and not ended_for_good(c, pod_spec):
            return failed_for_good(containers, pod_spec)
    return True


def _wants_start(container: Container, pod_spec: Obj) -> bool:
    if container.busy or isinstance(container.state, Running):
        return False
    if isinstance(container.state, Waiting) or container.role == "sidecar":
        return True
    return container.role != "ephemeral" and should_restart(container.spec, pod_spec, container.state.exit_code)


def _due(containers: list[Container], pod_spec: Obj) -> list[Container]:
    """The containers whose turn it is, whether or not their back-off is over."""
    due: list[Container] = []
    for container in containers:
        state = container.state
        if container.held:
            return due
        if container.role == "init":
            if isinstance(state, Terminated) and state.exit_code == 0:
                continue
            return [*due, container] if _wants_start(container, pod_spec) else due
        if _wants_start(container, pod_spec):
            due.append(container)
        if container.role == "sidecar" and not container.started:
            return due
    return due


def _in_turn(containers: list[Container], pod_spec: Obj) -> list[Container]:
    """Containers of a pod that was initialized; nothing starts while a hook of one that starts is on its way."""
    due: list[Container] = []
    for container in containers:
        if container.held:
            return due
        if container.role != "init" and _wants_start(container, pod_spec):
            due.append(container)
    return due


def next_actions(containers: list[Container], pod_spec: Obj, now: float) -> Actions:
    """For a pod that is to run. When it is done, `stop` is all that still runs."""
    if all_done(containers, pod_spec):
        return Actions(stop=tuple(c for c in containers if c.role in ("sidecar", "ephemeral") and isinstance(c.state, Running)))
    if any(c.starting for c in containers):
        return Actions()
    # ephemeral containers are listed last and wait for nobody
    asked = [c for c in containers if c.role == "ephemeral" and _wants_start(c, pod_spec)] if containers[-1].role == "ephemeral" else []
    counted = [c for c in containers if c.role != "ephemeral"] if containers[-1].role == "ephemeral" else containers
    begun = any(c.role == "app" and (c.last or not isinstance(c.state, Waiting)) for c in counted)
    # once the pod is initialized, a sidecar that restarts holds nothing back
    due = _in_turn(counted, pod_spec) if begun else _due(counted, pod_spec)
    due = asked + due
    later = [c.retry_at for c in due if c.retry_at > now]
    return Actions(start=tuple(c for c in due if c.retry_at <= now), look_again_at=min(later, default=None))
