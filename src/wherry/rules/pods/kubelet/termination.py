"""How containers are told to end: how long they get, who goes first, and what is left of the time after a preStop hook.

Called by the pod worker. All preStop hooks run at once; then containers are stopped together, and sidecars only when what they serve has
ended, the last one first. Invariant: a container gets two seconds at least.
Source of the rule: pkg/kubelet/kuberuntime (kuberuntime_container.go killContainer, setTerminationGracePeriod,
kuberuntime_termination_order.go); KEP-753.
"""

from __future__ import annotations

from wherry.api.objects import Obj
from wherry.rules.pods.kubelet.container import Container, Running
from wherry.rules.pods.kubelet.probes import Kind, spec_of

MINIMUM = 2.0
DEFAULT = 30


def grace(pod: Obj, container: Obj, because: Kind | None = None) -> float:
    """Seconds that a container may take to end. `because`: the probe that failed."""
    asked = pod["metadata"].get("deletionGracePeriodSeconds")
    if asked is not None:
        return float(asked)
    probe = spec_of(container, because) if because is not None else None
    if probe is not None and probe.get("terminationGracePeriodSeconds") is not None:
        return float(probe["terminationGracePeriodSeconds"])
    return float(pod["spec"].get("terminationGracePeriodSeconds", DEFAULT))


def remaining(total: float, spent: float) -> float:
    """What the container's own end gets after hooks and waiting; whole seconds count as spent."""
    return max(total - int(spent), MINIMUM)


def next_to_stop(containers: list[Container]) -> list[Container]:
    """Of the containers that still run, those whose turn it is: all but the sidecars, then the sidecars from the last to the first."""
    running = [c for c in containers if isinstance(c.state, Running)]
    first = [c for c in running if c.role != "sidecar"]
    return first or running[-1:]
