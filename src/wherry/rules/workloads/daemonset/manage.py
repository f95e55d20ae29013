"""The first step of a DaemonSet's reconciliation: a pod on every node that should have one, and none elsewhere.

Called by `plan`. A node's pods go in; whether one is needed there, and which are to go, comes out. Finished pods go (failed ones with
pauses), and of several the oldest stays. With surge a node may have two: an old one that is ready, and a new one that is not yet.
Source of the rule: pkg/controller/daemon podsShouldBeOnNode, getUnscheduledPodsWithoutNode.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from wherry.api import objects
from wherry.api.objects import Obj
from wherry.rules.objects.plan import Emit
from wherry.rules.pods.state_of_replica import is_ready
from wherry.rules.workloads.daemonset import backoff, strategy
from wherry.rules.workloads.daemonset.backoff import Pause, Pauses
from wherry.rules.workloads.daemonset.pod import oldest_first
from wherry.rules.workloads.daemonset.view import View, staying
from wherry.rules.workloads.revisions import POD_LABEL


@dataclass(slots=True)
class Needs:
    """What the nodes need: names of nodes without a pod, pods to delete, what to tell, and the pauses after failed pods."""

    nodes: list[str] = field(default_factory=list)
    pods: list[Obj] = field(default_factory=list)
    events: list[Emit] = field(default_factory=list)
    pauses: dict[str, Pause] = field(default_factory=dict)
    waits: list[float] = field(default_factory=list)


def pause_key(daemon_set: Obj, node: str) -> str:
    observed = (daemon_set.get("status") or {}).get("observedGeneration", 0)
    return f"{objects.uid(daemon_set)}/{observed}/{node}"


def needs(view: View, pauses: Pauses) -> Needs:
    """`pauses`: those of earlier failed pods, by `pause_key`."""
    found, surge = Needs(), strategy.allows_surge(view.daemon_set)
    for node, verdict in view.verdicts.items():
        pods = view.on.get(node)
        if pods is None:
            if verdict.run:
                found.nodes.append(node)
        elif not verdict.keep:
            found.pods += staying(pods)
        else:
            _tidy(view, node, staying(pods), found, pauses, surge=surge)
    found.pods += _nowhere(view)
    return found


def _tidy(view: View, node: str, pods: Sequence[Obj], found: Needs, pauses: Pauses, *, surge: bool) -> None:
    """A node that may keep its pod."""
    running = [pod for pod in pods if not _is_over(view, node, pod, found, pauses)]
    if not surge:
        if len(running) > 1:
            found.pods += oldest_first(running)[1:]
    elif not running:
        if view.verdicts[node].run:
            found.nodes.append(node)
    elif len(running) > 1:
        found.pods += _superfluous(view, running)


def _is_over(view: View, node: str, pod: Obj, found: Needs, pauses: Pauses) -> bool:
    """A finished pod is deleted, and told of."""
    phase = (pod.get("status") or {}).get("phase")
    if phase not in ("Failed", "Succeeded"):
        return False
    where = f"daemon pod {objects.namespace(pod)}/{objects.name(pod)} on node {node}"
    if phase == "Succeeded":
        found.events.append(Emit(view.daemon_set, "Normal", "SucceededDaemonPod", f"Found succeeded {where}, will try to delete it"))
    else:
        key = pause_key(view.daemon_set, node)
        pause = found.pauses.get(key) or pauses.get(key)
        if wait := backoff.left(pause, view.now):
            found.waits.append(wait)
            return True
        found.pauses[key] = backoff.following(pause, view.now)
        found.events.append(Emit(view.daemon_set, "Warning", "FailedDaemonPod", f"Found failed {where}, will try to kill it"))
    found.pods.append(pod)
    return True


def _superfluous(view: View, running: Sequence[Obj]) -> list[Obj]:
    """With surge: the oldest new and the oldest old pod stay, and the old one only while it is ready and the new one not available."""
    ordered = oldest_first(running)
    new = [p for p in ordered if objects.labels(p).get(POD_LABEL) == view.code]
    old = [p for p in ordered if objects.labels(p).get(POD_LABEL) != view.code]
    superfluous = [p for p in ordered if p not in (*new[:1], *old[:1])]
    if new and old and (not is_ready(old[0]) or view.is_available(new[0])):
        superfluous.append(old[0])
    return superfluous


def _nowhere(view: View) -> list[Obj]:
    """Pods that wait for a node that is gone: no scheduler and no node will ever end them."""
    return [p for node, pods in view.on.items() if node not in view.verdicts for p in pods if not p["spec"].get("nodeName")]
