"""When a node is short of something, and which of its pods goes first: thresholds, pressures, ranks, and the kubelet's words for it.

Called by the node every ten seconds with what it sees. `look` says which pressures hold and what has to be freed; `ranked` who is thrown
out for that. At most one pod goes at a time. Invariant: a pressure lasts until it was not seen for the transition period.
Source of the rules and texts: pkg/kubelet/eviction/{eviction_manager,helpers}.go; https://kubernetes.io/docs/concepts/scheduling-eviction/node-pressure-eviction/.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from wherry.api import quantity
from wherry.api.objects import Obj
from wherry.rules.pods.kubelet.configuration import KubeletConfiguration, Threshold
from wherry.rules.pods.qos import BEST_EFFORT, qos_class
from wherry.rules.pods.requests import amounts, of_spec
from wherry.rules.pods.tolerations import tolerated

REASON = "Evicted"
_CRITICAL = 2_000_000_000
_CONDITIONS = {"memory": "MemoryPressure", "ephemeral-storage": "DiskPressure", "inodes": "DiskPressure", "pids": "PIDPressure"}
_RESOURCES = {
    "memory.available": "memory", "nodefs.available": "ephemeral-storage", "imagefs.available": "ephemeral-storage",
    "nodefs.inodesFree": "inodes", "imagefs.inodesFree": "inodes", "pid.available": "pids",
}  # fmt: skip
_MEMORY_TAINT = {"key": "node.kubernetes.io/memory-pressure", "effect": "NoSchedule"}


class Observation(NamedTuple):
    """Of a signal: how much is left, of how much."""

    available: int
    capacity: int


class ContainerUse(NamedTuple):
    """Bytes. `written`: beside volumes."""

    memory: int = 0
    written: int = 0
    logs: int = 0


@dataclass(frozen=True, slots=True)
class PodUse:
    """Of a pod that runs: its containers by name, and the bytes in its volumes of the kind emptyDir, on disk and in memory."""

    containers: Mapping[str, ContainerUse] = field(default_factory=dict)
    volumes: Mapping[str, int] = field(default_factory=dict)
    memory_volumes: Mapping[str, int] = field(default_factory=dict)
    processes: int = 0

    @property
    def memory(self) -> int:
        return sum(each.memory for each in self.containers.values())

    @property
    def disk(self) -> int:
        return sum(each.written + each.logs for each in self.containers.values()) + sum(self.volumes.values())


class Watched(NamedTuple):
    """What was seen before: since when each threshold is met, when each condition was seen last, and which are met by now."""

    since: Mapping[Threshold, float] = {}
    seen: Mapping[str, float] = {}
    met: tuple[Threshold, ...] = ()


class Finding(NamedTuple):
    """`pressures`: the conditions that hold. `starved`: the threshold to free something for, None when there is nothing to do."""

    watched: Watched
    pressures: frozenset[str]
    starved: Threshold | None = None


def resource_of(threshold: Threshold) -> str:
    return _RESOURCES[threshold.signal]


def look(configuration: KubeletConfiguration, before: Watched, observations: Mapping[str, Observation], now: float) -> Finding:
    """What holds now, and what it comes to."""
    found = _met(configuration.thresholds, observations)
    found += [each for each in _met(before.met, observations, reclaiming=True) if each not in found]
    since = {each: before.since.get(each, now) for each in found}
    seen = {**before.seen, **{_CONDITIONS[resource_of(each)]: now for each in found}}
    pressures = frozenset(kind for kind, at in seen.items() if now - at < configuration.transition)
    due = sorted((each for each in found if now - since[each] >= each.grace), key=lambda each: each.signal != "memory.available")
    return Finding(Watched(since, seen, tuple(due)), pressures, due[0] if due else None)


def _met(thresholds: Iterable[Threshold], observations: Mapping[str, Observation], *, reclaiming: bool = False) -> list[Threshold]:
    found = []
    for each in thresholds:
        seen = observations.get(each.signal)
        if seen is not None and (each.reclaimed if reclaiming else each.least)(seen.capacity) > seen.available:
            found.append(each)
    return found


# --- who goes ---
def is_critical(pod: Obj) -> bool:
    """The system needs it: it is never thrown out."""
    origin = (pod["metadata"].get("annotations") or {}).get("kubernetes.io/config.source", "api")
    mirrored = "kubernetes.io/config.mirror" in (pod["metadata"].get("annotations") or {})
    return mirrored or origin != "api" or (pod["spec"].get("priority") or 0) >= _CRITICAL


def ranked(pods: Sequence[Obj], uses: Mapping[str, PodUse], resource: str) -> list[Obj]:
    """Who goes first is first. `uses` by uid; a pod of which nothing is known goes before those that take nothing too much."""
    rank = {"memory": _by_memory, "pids": _by_processes}.get(resource, _by_disk)

    def known(pod: Obj) -> tuple[object, ...]:
        use = uses.get(pod["metadata"]["uid"])
        return (0,) if use is None else (1, *rank(pod, use))

    return sorted(pods, key=known)


def _by_memory(pod: Obj, use: PodUse) -> tuple[object, ...]:
    over = use.memory - of_spec(pod["spec"]).get("memory", 0)
    return over <= 0, pod["spec"].get("priority") or 0, -over


def _by_disk(pod: Obj, use: PodUse) -> tuple[object, ...]:
    over = use.disk - of_spec(pod["spec"]).get("ephemeral-storage", 0)
    return over <= 0, pod["spec"].get("priority") or 0, -over


def _by_processes(pod: Obj, use: PodUse) -> tuple[object, ...]:
    return pod["spec"].get("priority") or 0, -use.processes


def grace(configuration: KubeletConfiguration, threshold: Threshold, pod: Obj) -> float:
    """Seconds that the pod gets to end."""
    if threshold.hard:
        return 1.0
    own = pod["spec"].get("terminationGracePeriodSeconds")
    return min(configuration.most_eviction_grace, own) if own is not None else configuration.most_eviction_grace


def message(pod: Obj, use: PodUse | None, starved: Threshold, observations: Mapping[str, Observation]) -> str:
    """Of the event, and of the pod's status."""
    resource = resource_of(starved)
    text = f"The node was low on resource: {resource}. "
    seen = observations.get(starved.signal)
    shown = _decimal if resource in ("inodes", "pids") else _binary
    if seen is not None:
        text += f"Threshold quantity: {shown(starved.least(seen.capacity))}, available: {shown(seen.available)}. "
    if use is None or resource not in ("memory", "ephemeral-storage"):
        return text
    own = (pod["spec"].get("resources") or {}).get("requests") or {}
    if resource == "memory" and "memory" in own:
        text += _larger("Pod", pod["metadata"]["name"], use.memory, own["memory"], resource)
    for container in (*pod["spec"]["containers"], *(pod["spec"].get("initContainers") or ())):
        taken = use.containers.get(container["name"])
        asked = ((container.get("resources") or {}).get("requests") or {}).get(resource, "0")
        if taken is None:
            continue
        amount = taken.memory if resource == "memory" else taken.written + taken.logs
        if amount > quantity.to_int(asked):
            text += _larger("Container", container["name"], amount, asked, resource)
    return text


def _larger(what: str, name: str, amount: int, asked: str, resource: str) -> str:
    return f"{what} {name} was using {_binary(amount)}, request is {quantity.canonical(asked)}, has larger consumption of {resource}. "


def _binary(amount: int) -> str:
    return quantity.format_(amount, quantity.BINARY_SI)


def _decimal(amount: int) -> str:
    return quantity.format_(amount, quantity.DECIMAL_SI)


# --- who is over its own limit ---
def over_limit(pod: Obj, use: PodUse) -> str:
    """What it wrote too much, as the event says it; "" when it keeps to its limits on local storage."""
    for check in (_over_volume, _over_whole, _over_container):
        text = check(pod, use)
        if text:
            return text
    return ""


def _over_volume(pod: Obj, use: PodUse) -> str:
    for volume in pod["spec"].get("volumes") or ():
        most = (volume.get("emptyDir") or {}).get("sizeLimit")
        taken = use.volumes.get(volume["name"]) or use.memory_volumes.get(volume["name"], 0)
        if most is not None and 0 < quantity.to_int(most) < taken:
            return f'Usage of EmptyDir volume "{volume["name"]}" exceeds the limit "{quantity.canonical(most)}". '
    return ""


def _over_whole(pod: Obj, use: PodUse) -> str:
    whole = _limit_of(pod["spec"])
    over = whole and use.disk > whole
    return f"Pod ephemeral local storage usage exceeds the total limit of containers {_binary(whole)}. " if over else ""


def _over_container(pod: Obj, use: PodUse) -> str:
    for container in pod["spec"]["containers"]:
        most = _ephemeral(container)
        taken = use.containers.get(container["name"])
        if most and taken is not None and taken.written + taken.logs > most:
            return f'Container {container["name"]} exceeded its local ephemeral storage limit "{_binary(most)}". '
    return ""


def _ephemeral(container: Obj) -> int:
    return amounts((container.get("resources") or {}).get("limits")).get("ephemeral-storage", 0)


def _limit_of(spec: Obj) -> int:
    """Containers and sidecars together, or the greediest init container if that is more; 0 when nobody has one."""
    first = spec.get("initContainers") or ()
    side: Callable[[Obj], bool] = lambda container: container.get("restartPolicy") == "Always"  # noqa: E731
    together = sum(_ephemeral(container) for container in (*spec["containers"], *filter(side, first)))
    return max([together, *(_ephemeral(container) for container in first if not side(container))])


# --- who is let in ---
def refusal(pod: Obj, pressures: frozenset[str]) -> str:
    """Why a node under these pressures does not take the pod; "" when it does."""
    if not pressures or is_critical(pod):
        return ""
    if pressures == {"MemoryPressure"} and (
        qos_class(pod) != BEST_EFFORT or tolerated(pod["spec"].get("tolerations") or (), _MEMORY_TAINT)
    ):
        return ""
    return f"The node had condition: [{' '.join(sorted(pressures))}]. "
