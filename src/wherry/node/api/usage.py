"""What containers and the node use, in the two forms that are asked for: the summary, and Prometheus's text. Pure.

Called by `server` with what the engine and the machine say. Rates (usageNanoCores) are made from two looks, as the kubelet does; with one
look there is none.
Source: k8s.io/kubelet/pkg/apis/stats/v1alpha1/types.go, pkg/kubelet/metrics/collectors/resource_metrics.go.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from wherry.api import timestamps
from wherry.api.objects import Obj
from wherry.node.engine import Usage
from wherry.rules.pods.kubelet.eviction import Observation, PodUse

_NANO = 1_000_000_000
_FIELDS = ("initContainerStatuses", "containerStatuses", "ephemeralContainerStatuses")
_KINDS = (
    ("cpu_usage_seconds_total", "counter", "Cumulative cpu time consumed by the {} in core-seconds"),
    ("memory_working_set_bytes", "gauge", "Current working set of the {} in bytes"),
)


_STARTED = "Start time of the container since unix epoch in seconds"


class Machine(NamedTuple):
    """What the machine uses, and what is left of it, by signal of eviction."""

    usage: Usage
    signals: Mapping[str, Observation] = {}


class Running(NamedTuple):
    """A container of a pod, and what it used until `usage.at`."""

    pod: Obj
    name: str
    started: str
    usage: Usage


def running(pods: Iterable[Obj], used: Mapping[str, Usage]) -> list[Running]:
    """The containers that run, by the ids in the pods' statuses."""
    return list(_running(pods, used))


def _running(pods: Iterable[Obj], used: Mapping[str, Usage]) -> Iterator[Running]:
    for pod in pods:
        status = pod.get("status") or {}
        for entry in (entry for field in _FIELDS for entry in status.get(field) or ()):
            usage = used.get(entry.get("containerID", "").partition("://")[2])
            if usage is not None:
                yield Running(pod, entry["name"], ((entry.get("state") or {}).get("running") or {}).get("startedAt", ""), usage)


def summary(node: str, machine: Machine, found: Iterable[Running], before: Mapping[str, Usage], uses: Mapping[str, PodUse]) -> Obj:
    """`before`: an earlier look, by what it is of: "" for the node, else namespace/pod/container. `uses`: of pods' disks, by uid."""
    pods: dict[str, Obj] = {}
    totals: dict[str, Usage] = {}
    disk = _disk(machine.signals, timestamps.time(machine.usage.at))
    for one in found:
        meta = one.pod["metadata"]
        key = f"{meta['namespace']}/{meta['name']}"
        ref = {"name": meta["name"], "namespace": meta["namespace"], "uid": meta["uid"]}
        entry = pods.setdefault(key, {"podRef": ref, "startTime": (one.pod.get("status") or {}).get("startTime"), "containers": []})
        of_container = {"name": one.name, "startTime": one.started, **_figures(one.usage, before.get(f"{key}/{one.name}"))}
        taken = uses[meta["uid"]].containers.get(one.name) if meta["uid"] in uses else None
        if taken is not None:
            of_container |= {"rootfs": {**disk, "usedBytes": taken.written}, "logs": {**disk, "usedBytes": taken.logs}}
        entry["containers"].append(of_container)
        totals[key] = _sum(totals[key], one.usage) if key in totals else one.usage
    for key, entry in pods.items():
        entry |= _figures(totals[key], None)
        if (use := uses.get(entry["podRef"]["uid"])) is not None:
            volumes = {**use.volumes, **use.memory_volumes}
            entry["volume"] = [{**disk, "usedBytes": size, "name": name} for name, size in sorted(volumes.items())]
            entry["ephemeral-storage"] = {**disk, "usedBytes": use.disk}
    return {"node": _node(node, machine, before.get("")), "pods": list(pods.values())}


def _node(name: str, machine: Machine, before: Usage | None) -> Obj:
    at = timestamps.time(machine.usage.at)
    told = {"nodeName": name, **_figures(machine.usage, before)}
    disk = _disk(machine.signals, at)
    if disk:
        told |= {"fs": disk, "runtime": {"imageFs": disk, "containerFs": disk}}
    memory, numbers = machine.signals.get("memory.available"), machine.signals.get("pid.available")
    if memory is not None:
        told["memory"] |= {"availableBytes": memory.available, "usageBytes": memory.capacity - memory.available}
    if numbers is not None:
        told["rlimit"] = {"time": at, "maxpid": numbers.capacity, "curproc": numbers.capacity - numbers.available}
    return told


def _disk(signals: Mapping[str, Observation], at: str) -> Obj:
    space, files = signals.get("nodefs.available"), signals.get("nodefs.inodesFree")
    if space is None:
        return {}
    used = space.capacity - space.available
    said: Obj = {"time": at, "availableBytes": space.available, "capacityBytes": space.capacity, "usedBytes": used}
    if files is not None:
        said |= {"inodesFree": files.available, "inodes": files.capacity, "inodesUsed": files.capacity - files.available}
    return said


def _figures(usage: Usage, before: Usage | None) -> Obj:
    at = timestamps.time(usage.at)
    cpu: Obj = {"time": at, "usageCoreNanoSeconds": int(usage.cpu * _NANO)}
    if before is not None and usage.at > before.at and usage.cpu >= before.cpu:
        cpu["usageNanoCores"] = int((usage.cpu - before.cpu) / (usage.at - before.at) * _NANO)
    return {"cpu": cpu, "memory": {"time": at, "workingSetBytes": usage.memory}}


def metrics(machine: Usage, found: Iterable[Running]) -> str:
    """The text of /metrics/resource. Times are in milliseconds."""
    containers = list(found)
    rows: dict[str, list[tuple[str, Usage]]] = {"container": [], "node": [("", machine)], "pod": []}
    started: list[str] = []
    totals: dict[str, Usage] = {}
    for one in containers:
        meta = one.pod["metadata"]
        of_pod = f'namespace="{meta["namespace"]}",pod="{meta["name"]}"'
        rows["container"].append((f'container="{one.name}",{of_pod}', one.usage))
        if one.started:
            started.append(f'container_start_time_seconds{{container="{one.name}",{of_pod}}} {timestamps.parse(one.started)}')
        so_far = totals.get(of_pod)
        totals[of_pod] = one.usage if so_far is None else _sum(so_far, one.usage)
    rows["pod"] = list(totals.items())
    lines = [*_family("container", rows["container"])]
    if started:
        lines += [f"# HELP container_start_time_seconds {_STARTED}", "# TYPE container_start_time_seconds gauge", *started]
    lines += [*_family("node", rows["node"]), *_family("pod", rows["pod"])]
    return "\n".join([*lines, "# HELP resource_scrape_error 1 if there was an error while getting metrics, 0 otherwise",
                      "# TYPE resource_scrape_error gauge", "resource_scrape_error 0", ""])  # fmt: skip


def _sum(one: Usage, other: Usage) -> Usage:
    return Usage(one.cpu + other.cpu, one.memory + other.memory, one.processes + other.processes, max(one.at, other.at))


def _family(what: str, entries: list[tuple[str, Usage]]) -> Iterator[str]:
    for suffix, kind, text in _KINDS if entries else ():
        yield f"# HELP {what}_{suffix} {text.format(what)}"
        yield f"# TYPE {what}_{suffix} {kind}"
        for labels, usage in entries:
            value = usage.cpu if kind == "counter" else usage.memory
            yield f"{what}_{suffix}{f'{{{labels}}}' if labels else ''} {value} {int(usage.at * 1000)}"
