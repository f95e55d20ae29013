"""What a node tells at `/metrics` of itself, under the kubelet's names. Pure.

Called by `server`. Source: pkg/kubelet/metrics/metrics.go, pkg/kubelet/pleg/generic.go (which states count as running pods and containers).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from wherry.api.objects import Obj
from wherry.kit.metrics import Family

_FIELDS = ("initContainerStatuses", "containerStatuses", "ephemeralContainerStatuses")
_STATES = {"running": "running", "terminated": "exited", "waiting": "created"}


def families(node: str, pods: Iterable[Obj]) -> Iterator[Family]:
    pods = list(pods)
    yield Family("gauge", "kubelet_node_name", "The node's name. The count is always 1.", ("node",), [((node,), 1.0)])
    states: Counter[str] = Counter()
    running = 0
    for pod in pods:
        found = list(_states(pod))
        running += "running" in found
        states.update(found)
    yield Family("gauge", "kubelet_running_pods", "Number of pods that have a running pod sandbox", (), [((), float(running))])
    yield Family("gauge", "kubelet_running_containers", "Number of containers currently running", ("container_state",),
                 [((state,), float(count)) for state, count in sorted(states.items())])  # fmt: skip
    yield Family("gauge", "kubelet_active_pods", "The number of pods the kubelet considers active", (), [((), float(len(pods)))])


def _states(pod: Obj) -> Iterator[str]:
    """Of containers that were made: one that waits without an id was not."""
    for entry in (entry for field in _FIELDS for entry in (pod.get("status") or {}).get(field) or ()):
        for kind in entry.get("state") or ():
            if kind != "waiting" or entry.get("containerID"):
                yield _STATES[kind]
